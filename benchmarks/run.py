"""Measure everything: `make bench`. Exits with 1 if a gate is missed, or if memory grows."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import drawing
import environments
import report
from environments import HERE, Interpreter
from figures import Figure, Round, figures
from processes import processes

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


def measure(pythons: dict[str, str], repeats: int, rounds: int) -> tuple[list[Figure], dict[str, Any]]:
    """Let the groups take turns, round after round, in processes that are started anew for each repeat."""
    measured: dict[str, list[list[Round]]] = {group: [] for group in pythons}
    about: dict[str, Any] = {"versions": {}, "missing": {}}
    for _ in range(repeats):
        with processes({group: (python, GROUPS[group]) for group, python in pythons.items()}) as running:
            for group, process in running.items():
                measured[group].append([])
                for key in about:
                    about[key] |= process.about[key]
            for _ in range(rounds):
                for group, process in running.items():
                    measured[group][-1].append(process.round())
    found = {group: list(figures(each)) for group, each in measured.items()}
    by_hand = [figure for figure in found["diator"] if figure.by_hand]  # the others are there for their ratios
    return by_hand + [figure for each in found.values() for figure in each if not figure.by_hand], about


def memory(python: str) -> dict[str, Any]:
    done = subprocess.run([python, HERE / "memory.py"], capture_output=True, encoding="utf-8", check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def machine() -> dict[str, Any]:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"processor": model, "cores": os.cpu_count(), "system": platform.platform(), "load": load}


def bench(interpreter: Interpreter, repeats: int, rounds: int) -> dict[str, Any]:
    """Measure with one interpreter, and write what came out to ``results``."""
    pythons = environments.make(interpreter)
    started = time.monotonic()
    before = machine()
    found, about = measure(pythons, repeats, rounds)
    results = {
        "python": interpreter.version,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": before,
        "method": {"repeats": repeats, "rounds": rounds},
        "versions": {**environments.versions(pythons["diator"]), **about["versions"]},
        "missing": about["missing"],
        "figures": [asdict(figure) for figure in found],
        "memory": memory(pythons["diator"]),
        "seconds": round(time.monotonic() - started),
    }
    path = HERE / "results" / f"{interpreter.label}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="*", default=["python3.11", "python3.13"], help="interpreters to measure with")
    parser.add_argument("--repeats", type=int, default=3, help="how often to start the processes anew")
    parser.add_argument("--rounds", type=int, default=12, help="how many rounds each of them makes")
    options = parser.parse_args()
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
