"""Measures some contenders in a process of its own: one round for each line on its standard input.

It answers on standard output, one JSON object a line: first the versions of what it will measure, then each round's
seconds for one execution, by contender, backend and case.
"""

import asyncio
import gc
import importlib
import itertools
import json
import os
import random
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from time import perf_counter, process_time
from typing import Any

from cases import Case

#: Seconds that one measurement takes: long for the clocks, short enough to be interleaved with the others.
SPAN = 0.008

LOOP = """
{colour} loop(times, {names}):
    started = clock()
    for _ in times:
        {statement}
    return clock() - started
"""

#: Calls a function with arguments, on an event loop if it is `async def`.
Run = Callable[..., Any]


class Measured:
    """A case of a contender on a backend."""

    def __init__(self, name: str, case: Case, run: Run) -> None:
        self.name = name
        self.case = case
        self._run = run
        self._loop = compiled(case, LOOP)
        self._times = 1

    def check(self) -> None:
        """See that a send gives what the handler returns."""
        if self.case.key not in ("encode", "decode"):
            result = self._run(compiled(self.case, "{colour} once({names}):\n    return {statement}"))
            assert result == 7, f"{self.name} gave {result!r}"

    def calibrate(self) -> None:
        """Find out how often to repeat the statement, and let the interpreter specialise it."""
        while (taken := self._seconds()) < SPAN / 2:
            self._times *= 4
        self._times = max(1, int(self._times * SPAN / taken))

    def measure(self) -> float:
        """The seconds that one execution takes."""
        gc.collect()
        return self._seconds() / self._times

    def _seconds(self) -> float:
        seconds: float = self._run(self._loop, itertools.repeat(None, self._times))
        return seconds


def compiled(case: Case, template: str) -> Callable[..., Any]:
    """A function around a statement, with the names of the case in local variables."""
    names = {**case.names, "clock": perf_counter if case.threads else process_time}
    colour = "async def" if "await " in case.statement else "def"
    parameters = ", ".join(f"{name}={name}" for name in names)
    found: dict[str, Any] = {}
    exec(template.format(colour=colour, names=parameters, statement=case.statement), names, found)
    return found.popitem()[1]


def backends() -> dict[str, Run]:
    """The ways to run code; one asyncio loop for all, because some contenders keep tasks on it."""
    runner = asyncio.Runner()
    found: dict[str, Run] = {
        "asyncio": lambda function, *args: runner.run(function(*args)),
        "blocking": lambda function, *args: function(*args),
    }
    if find_spec("trio"):  # which is not in every environment; but where it is, it has to work
        found["trio"] = importlib.import_module("trio").run
    return found


def set_up(contender: str, run_on: dict[str, Run]) -> list[Measured]:
    """Make the cases of a contender, on each of its backends."""
    module = importlib.import_module(f"contenders.{contender}")

    async def cases() -> list[Case]:
        return list(module.cases())

    measured: list[Measured] = []
    for backend in module.BACKENDS:
        if backend in run_on:
            run = run_on[backend]
            found = list(module.cases()) if backend == "blocking" else run(cases)
            measured += [Measured(f"{contender}/{backend}/{case.key}", case, run) for case in found]
    return measured


def main(contenders: list[str]) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what contenders print is no answer
    run_on = backends()
    everything: list[Measured] = []
    versions: dict[str, str] = {}
    for contender in contenders:
        everything += set_up(contender, run_on)
        distribution = getattr(sys.modules[f"contenders.{contender}"], "DISTRIBUTION", None)
        if distribution:
            versions[contender] = version(distribution)
    for each in everything:
        each.check()
        each.calibrate()
    gc.collect()
    gc.freeze()
    print(json.dumps(versions), file=answers)
    for _ in sys.stdin:
        random.shuffle(everything)
        print(json.dumps({each.name: each.measure() for each in everything}), file=answers)


if __name__ == "__main__":
    main(sys.argv[1:])
