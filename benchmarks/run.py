"""Measure everything: `make bench`. Exits with 1 if a gate is missed or was not measured, or if memory grows."""

import json
import subprocess
import sys
import time
from dataclasses import asdict
from typing import Any

import drawing
import environments
import records
import report
from environments import HERE, Interpreter
from figures import Figure, figures
from processes import take_turns

#: Each group is measured in one process, in one environment.
GROUPS = {
    "diator": ("baseline_aio", "baseline_sync", "diator_aio", "diator_sync"),
    "others": (
        "baseline_aio",
        "bubus",
        "lato",
        "mediary",
        "mediatr",
        "py_mediatr",
        "pymediator",
        "python_cqrs",
    ),
    "diator_0_1_2": ("baseline_aio", "diator_0_1_2"),
}


def measure(made: environments.Made, repeats: int, rounds: int) -> tuple[list[Figure], dict[str, str]]:
    """Measure all groups.

    Args:
        made: The environments.
        repeats: How often the processes are started anew.
        rounds: How many rounds each of them makes.

    Returns:
        The figures, and the versions of the contenders.
    """
    groups = {
        group: (python, tuple(each for each in GROUPS[group] if each not in made.missing))
        for group, python in made.pythons.items()
    }
    measured, versions = take_turns(groups, repeats, rounds)
    found = {group: list(figures(each)) for group, each in measured.items()}
    by_hand = [figure for figure in found["diator"] if figure.by_hand]  # the others are there for their ratios
    return by_hand + [figure for each in found.values() for figure in each if not figure.by_hand], versions


def memory(python: str) -> dict[str, Any]:
    done = subprocess.run([python, HERE / "memory.py"], capture_output=True, encoding="utf-8", check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def bench(interpreter: Interpreter, repeats: int, rounds: int) -> dict[str, Any]:
    """Measure with one interpreter, and write what came out to ``results``.

    Args:
        interpreter: What measures.
        repeats: How often the processes are started anew.
        rounds: How many rounds each of them makes.
    """
    made = environments.make(interpreter)
    started = time.monotonic()
    results = records.heading(interpreter, repeats, rounds)
    found, versions = measure(made, repeats, rounds)
    python = made.pythons["diator"]
    results |= {
        "versions": {**environments.versions(python), **versions},
        "missing": made.missing,
        "figures": [asdict(figure) for figure in found],
        "memory": memory(python),
        "seconds": round(time.monotonic() - started),
    }
    records.save(interpreter.label, results)
    return results


def main() -> int:
    options = records.options(__doc__)
    results = [bench(each, options.repeats, options.rounds) for each in environments.find(options.pythons)]
    if not results:
        return 1
    for each in results:
        report.show(each)
    drawing.draw(results, HERE / "results" / "comparison.svg")
    report.write(results)
    held = [report.show_gates(each) for each in results]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
