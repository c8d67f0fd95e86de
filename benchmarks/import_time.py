"""How long ``import diator`` takes in a fresh interpreter, beside the standard library modules that it needs."""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence

ROUNDS = 21
#: What is imported before, so that only the rest is measured. The first line measures everything.
CASES = {
    "import diator": ("", "diator"),
    "of which diator's own modules": ("import dataclasses, inspect, threading, typing, uuid, weakref", "diator"),
    "import diator.sync": ("", "diator.sync"),
    "import diator.aio": ("", "diator.aio"),
}


def milliseconds(before: str, module: str, cache: str) -> float:
    """Import a module in a fresh interpreter.

    Args:
        before: Code that runs first, and does not count.
        module: What is imported.
        cache: The directory for bytecode.

    Returns:
        The time that the import took.
    """
    code = f"{before}\nfrom time import perf_counter\nt = perf_counter()\nimport {module}\nprint(perf_counter() - t)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = cache
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", check=True
    )
    return float(done.stdout) * 1000


def main(arguments: Sequence[str]) -> None:
    rounds = int(arguments[0]) if arguments else ROUNDS
    times: dict[str, list[float]] = {case: [] for case in CASES}
    with tempfile.TemporaryDirectory() as cache:
        for round_ in range(-1, rounds):  # the first round writes the bytecode, and does not count
            for case, (before, module) in CASES.items():
                taken = milliseconds(before, module, cache)
                if round_ >= 0:
                    times[case].append(taken)
    print(f"Python {sys.version.split()[0]}, {rounds} fresh interpreters each, milliseconds (best / median)")
    for case, measured in times.items():
        print(f"{case:32} {min(measured):6.1f} / {statistics.median(measured):6.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
