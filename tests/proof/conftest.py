"""Says how many programs were tried, and which."""

import pytest

from .settings import EXAMPLES, SEED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    which = f"of the seed {SEED}" if SEED else "the same ones each time; for others set DIATOR_PROOF_SEED to a number"
    terminalreporter.write_line(f"proof: {EXAMPLES} programs per mode, {which}")
