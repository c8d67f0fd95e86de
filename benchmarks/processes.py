"""The processes that measure, from the outside."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from environments import HERE
from figures import Round


class Process:
    """A process that measures a group, one round each time it is asked to."""

    def __init__(self, python: str, contenders: tuple[str, ...]) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._process = subprocess.Popen(
            [python, HERE / "process.py", *contenders],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self.versions: dict[str, str] = self._answer()

    def round(self) -> Round:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} has ended")
        return json.loads(line)


@contextmanager
def processes(groups: dict[str, tuple[str, tuple[str, ...]]]) -> Iterator[dict[str, Process]]:
    """Start a process for each group: its ``python``, and what it measures."""
    started = {group: Process(python, contenders) for group, (python, contenders) in groups.items()}
    try:
        yield started
    finally:
        for process in started.values():
            process.close()


def take_turns(
    groups: dict[str, tuple[str, tuple[str, ...]]], repeats: int, rounds: int
) -> tuple[dict[str, list[list[Round]]], dict[str, str]]:
    """Let the groups take turns, round after round, in processes that are started anew for each repeat.

    Args:
        groups: For each, its ``python`` and what it measures.
        repeats: How often the processes are started.
        rounds: How many rounds each of them makes.

    Returns:
        For each group the rounds of each repeat, and the versions of what was measured.
    """
    measured: dict[str, list[list[Round]]] = {group: [] for group in groups}
    versions: dict[str, str] = {}
    for _ in range(repeats):
        with processes(groups) as running:
            for group, process in running.items():
                measured[group].append([])
                versions |= process.versions
            for _ in range(rounds):
                for group, process in running.items():
                    measured[group][-1].append(process.round())
    return measured, versions
