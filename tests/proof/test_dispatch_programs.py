"""Random programs do what the model says, for every interleaving, on every side."""

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diator.sync import Runner

from . import schedules
from .model import expect, flatten, sort_out
from .programs import Fail, Handler, Kind, Message, Pause, Program, Takes, Use
from .settings import EXAMPLES, proof
from .strategies import programs, shared_list_programs
from .systems import AsyncSystem, BlockingSystem, System, too_late

seeds = st.integers(0, 2**32)


@pytest.fixture(scope="module")
def runners() -> Iterator[dict[str, Runner]]:
    """Loop threads, shared by all programs."""
    runners = {backend: Runner(backend) for backend in ("asyncio", "trio")}
    yield runners
    for runner in runners.values():
        runner.close()


def check(system: System) -> None:
    """Compare everything that happened with the model."""
    system.finish()
    for root in range(len(system.program.roots)):
        trace, outcome = expect(system.program, root)
        assert sort_out(trace, system.trace_of(root)) == flatten(trace)
        assert system.outcomes[root] == outcome
    assert system.busiest <= system.program.concurrency
    assert not too_late


def in_threads(run_root: Callable[[int], Any], program: Program) -> None:
    """Run each root in a thread of its own."""
    threads = [
        threading.Thread(target=run_root, args=[root], name=f"root {root}", daemon=True)
        for root in range(len(program.roots))
    ]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # seconds: as many different schedules as can be had
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
            assert not thread.is_alive(), f"deadlock: {thread.name}"
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@proof()
@given(programs(), seeds)
def test_programs_on_an_event_loop_do_what_the_model_says(
    backend: schedules.Backend, program: Program, seed: int
) -> None:
    system = AsyncSystem(program, pause=1)
    schedules.run(backend, seed, system.run)
    check(system)


@proof()
@given(programs(), st.sampled_from(["asyncio", "trio"]))
def test_blocking_programs_do_what_the_model_says(runners: dict[str, Runner], program: Program, backend: str) -> None:
    system = BlockingSystem(program, runner=runners[backend])
    system.run()
    check(system)


@proof()
@given(programs(), st.sampled_from(["asyncio", "trio"]))
def test_threads_that_share_a_blocking_mediator_do_what_the_model_says(
    runners: dict[str, Runner], program: Program, backend: str
) -> None:
    system = BlockingSystem(program, runner=runners[backend])
    in_threads(system.run_root, program)
    check(system)


@proof()
@given(programs(), st.sampled_from(["asyncio", "trio"]))
def test_threads_with_event_loops_that_share_a_mediator_do_what_the_model_says(program: Program, backend: str) -> None:
    system = AsyncSystem(program)
    in_threads(lambda root: anyio.run(system.run_root, root, backend=backend), program)
    check(system)


@proof(EXAMPLES // 2)
@given(programs(), seeds)
def test_both_sides_do_the_same_in_the_same_order(runners: dict[str, Runner], program: Program, seed: int) -> None:
    """Without the model: roots one after another, handlers in order, and the traces are equal."""
    program = replace(program, concurrency=1)
    blocking, on_loop = BlockingSystem(program, runner=runners["asyncio"]), AsyncSystem(program, pause=1)
    blocking.run()

    async def one_by_one() -> None:
        for root in range(len(program.roots)):
            await on_loop.run_root(root)

    schedules.run("asyncio", seed, one_by_one)
    assert on_loop.trace == blocking.trace
    assert on_loop.outcomes == blocking.outcomes


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@proof(EXAMPLES // 2)
@given(shared_list_programs(), st.integers(1, 4), seeds)
def test_handlers_that_share_a_list_raise_instead_of_mixing(
    backend: schedules.Backend, program: Program, sends: int, seed: int
) -> None:
    program = replace(program, roots=(0,) * sends)
    system = AsyncSystem(program, pause=1)
    schedules.run(backend, seed, system.run)
    system.finish()
    refused = [root for root in range(sends) if system.outcomes[root].error == ("shared",)]
    assert len(refused) < sends, "the first one has nobody to share with"
    for root in range(sends):
        trace, outcome = expect(program, root)
        if root in refused:
            assert {entry.what for entry in system.trace_of(root)} <= {"open", "close"}
        else:
            assert sort_out(trace, system.trace_of(root)) == flatten(trace)
            assert system.outcomes[root] == outcome


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("concurrency", [1, 2, 3, 5])
def test_as_many_handlers_run_at_once_as_is_allowed(backend: schedules.Backend, concurrency: int) -> None:
    waits = tuple(Handler((1,), (Pause(),), takes=Takes.NOTHING) for _ in range(5))
    program = Program(_ONE_EVENT, (Handler((0,), (Use(1),)), *waits), concurrency=concurrency)
    for seed in range(20):
        system = AsyncSystem(program, pause=1)
        schedules.run(backend, seed, system.run)
        check(system)
        assert system.busiest == concurrency


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_first_failure_stops_handlers_that_run_at_the_same_time(backend: schedules.Backend) -> None:
    waits = tuple(Handler((1,), (Pause(),), takes=Takes.NOTHING) for _ in range(3))
    fails = Handler((1,), (Fail(),), takes=Takes.NOTHING)
    program = Program(_ONE_EVENT, (Handler((0,), (Use(1), Use(1))), *waits, fails), concurrency=4, fail_fast=True)
    for seed in range(50):
        system = AsyncSystem(program, pause=1)
        schedules.run(backend, seed, system.run)
        system.finish()
        started = [entry for entry in system.trace if entry.what == "event"]
        assert len(started) <= 4, "the handlers of the second event were still to come"
        assert [entry.path for entry in system.trace if entry.what == "done"] == [(0, 0)]
        failed = ("failed", (0, 0, 0, 3))
        assert system.outcomes[0].error == ("handling", ("response", (0, 0)), (failed,))
        assert not too_late


def test_programs_reach_everything_that_the_model_knows() -> None:
    """Or else the properties above would hold for the wrong reason."""
    happened: Counter[str] = Counter()

    @proof(500)
    @given(programs())
    def look(program: Program) -> None:
        for root in range(len(program.roots)):
            trace, outcome = expect(program, root)
            happened.update({entry.what for entry in flatten(trace)})
            if outcome.error is not None:
                errors = outcome.error[2] if outcome.error[0] == "handling" else ()
                happened.update({outcome.error[0], *(error[0] for error in errors)})

    look()
    for what in (
        *("open", "close", "enter", "error", "leave", "request", "event", "done", "caught", "sent"),
        *("failed", "middleware", "handling", "refused", "close", "cascade", "no route", "no handler"),
    ):
        assert happened[what], what


_ONE_EVENT = (Message(Kind.COMMAND), Message(Kind.DOMAIN))
