"""What the benchmarks have in common: their options, and what is recorded beside the figures."""

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from environments import HERE, Interpreter


def options(description: str | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("pythons", nargs="*", default=["python3.11", "python3.13"], help="interpreters to measure with")
    parser.add_argument("--repeats", type=int, default=3, help="how often to start the processes anew")
    parser.add_argument("--rounds", type=int, default=12, help="how many rounds each of them makes")
    return parser.parse_args()


def heading(interpreter: Interpreter, repeats: int, rounds: int) -> dict[str, Any]:
    """What is recorded before anything is measured, because measuring is a load, too."""
    return {
        "python": interpreter.version,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "method": {"repeats": repeats, "rounds": rounds},
    }


def machine() -> dict[str, Any]:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"processor": model, "cores": os.cpu_count(), "system": platform.platform(), "load": load}


def save(name: str, results: dict[str, Any]) -> None:
    path = HERE / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
