"""Says how many programs were tried, and which."""

import pytest

from .settings import EXAMPLES, FIXED, SEED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    same = "the same ones each time; for others set DIATOR_PROOF_SEED to a number"
    which = f"of the seed {SEED}" if SEED else same if FIXED else "others each time"
    terminalreporter.write_line(f"proof: {EXAMPLES} programs per mode, {which}")
