"""Cancelling a send, at every single step of the scheduler: nothing is half done, nothing runs on."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import assume, given

from . import schedules
from .model import Entry, Path, Trace, expect, flatten, is_prefix, sort_out
from .programs import Broker, Form, Handler, Kind, Life, Message, Middleware, Pause, Program, Scope, Takes, Use
from .settings import EXAMPLES, proof
from .strategies import programs
from .systems import AsyncSystem, too_late

#: How a send is cancelled: by a cancel scope around it, or as asyncio cancels a task.
How = Literal["scope", "task"]
WAYS = [("asyncio", "scope"), ("asyncio", "task"), ("trio", "scope")]

#: A command that is handled in a scope and in a transaction; it sends another one, and records events of all kinds.
#: Roots: the send that is cancelled, and one after it.
PROGRAM = Program(
    messages=(
        Message(Kind.COMMAND),
        Message(Kind.COMMAND),
        Message(Kind.DOMAIN),
        Message(Kind.DOMAIN),
        Message(Kind.NOTIFICATION),
    ),
    handlers=(
        Handler((0,), (Use(2), Pause(), Use(1), Use(4), Use(4), Use(3))),
        Handler((1,), (Use(2), Pause()), life=Life.OBJECT),
        Handler((2,), (Use(3), Pause(), Use(4))),
        Handler((2,), (Pause(), Use(3)), life=Life.FUNCTION),
        Handler((3,), (Pause(),), life=Life.FUNCTION, takes=Takes.NOTHING),
        Handler((3,), is_async=False, takes=Takes.NOTHING),
    ),
    middlewares=(Middleware(Form.GENERATOR), Middleware(Form.ASYNC)),
    scope=Scope.SCOPED,
    broker=Broker(),
    roots=(0, 0),
)

#: The same through worker threads, which come back to the loop and leave it again.
THREADED = replace(
    PROGRAM,
    middlewares=(Middleware(Form.PLAIN), Middleware(Form.ASYNC), Middleware(Form.PLAIN)),
    threads=True,
)


class Transaction:
    """A middleware that commits when the rest of the chain has returned, and rolls back otherwise."""

    def __init__(self) -> None:
        self.begun: Counter[Path] = Counter()
        self.committed: Counter[Path] = Counter()
        self.rolled_back: Counter[Path] = Counter()

    async def __call__(self, request: Any, handle: Callable[[Any], Awaitable[Any]]) -> Any:
        await checkpoint()
        self.begun[request.path] += 1
        try:
            response = await handle(request)
            await checkpoint()  # on its way to the server
        except BaseException:
            self.rolled_back[request.path] += 1
            with anyio.CancelScope(shield=True):
                await checkpoint()
            raise
        self.committed[request.path] += 1
        await checkpoint()  # on its way back
        return response


class CancelledRun:
    """One run of a program in which the first root is cancelled, and the second one is not."""

    def __init__(self, program: Program, pause: float) -> None:
        self.transaction = Transaction()
        self.system = AsyncSystem(program, pause=pause, outermost=self.transaction)
        self.cancel: Callable[[], object] | None = None

    async def main(self, how: How, settle: float) -> None:
        if how == "scope":
            with anyio.CancelScope() as scope:
                self.cancel = scope.cancel
                await self.system.run_root(0)
        else:
            task = asyncio.create_task(self.system.run_root(0))
            self.cancel = task.cancel
            with suppress(asyncio.CancelledError):
                await task
        self.cancel = None
        seen = len(self.system.trace)
        await anyio.sleep(settle)
        assert len(self.system.trace) == seen, "something ran on after the send had been cancelled"
        await self.system.run_root(1)

    @property
    def was_cancelled(self) -> bool:
        return 0 not in self.system.outcomes

    def check(self) -> None:
        """Whatever the moment of the cancellation was, these hold."""
        system = self.system
        system.finish()
        cancelled = system.trace_of(0)
        trace, outcome = expect(system.program, 0)
        if self.was_cancelled:
            assert is_prefix(_without_closing(trace), [e for e in cancelled if e.what != "close"])
        else:
            assert sort_out(trace, cancelled) == flatten(trace)
            assert system.outcomes[0] == outcome
        assert _paths(cancelled, "open") == _paths(cancelled, "close"), "a scope was not closed exactly once"
        emitted_by = {e.detail[0] for e in cancelled if e.what == "event"} | set(_paths(cancelled, "sent"))
        assert emitted_by <= set(self.transaction.committed), "events of a send that did not commit"
        assert self.transaction.begun == self.transaction.committed + self.transaction.rolled_back
        trace, outcome = expect(system.program, 1)
        assert sort_out(trace, system.trace_of(1)) == flatten(trace)
        assert system.outcomes[1] == outcome
        assert not too_late


def _paths(entries: list[Entry], what: str) -> Counter[Path]:
    return Counter(entry.path for entry in entries if entry.what == what)


def _without_closing(trace: Trace) -> Trace:
    return [
        item._replace(branches=[b._replace(trace=_without_closing(b.trace)) for b in item.branches])
        if not isinstance(item, Entry)
        else item
        for item in trace
        if not (isinstance(item, Entry) and item.what == "close")
    ]


def cancel_everywhere(backend: schedules.Backend, how: How, program: Program) -> int:
    """Run a program again and again, and cancel it one step later each time.

    Returns:
        At how many steps that cancelled it.
    """
    cancelled = 0
    step = 0
    reached = True
    while reached:
        step += 1
        run = CancelledRun(program, pause=1)
        reached = False

        def observe(now: int, run: CancelledRun = run, step: int = step) -> None:
            nonlocal reached
            if now == step:
                if run.cancel is not None:
                    run.cancel()
                reached = True

        schedules.run(backend, step, run.main, how, 100, observe=observe)
        run.check()
        cancelled += run.was_cancelled
    return cancelled


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize(("backend", "how"), WAYS)
def test_a_send_can_be_cancelled_at_every_step(backend: schedules.Backend, how: How, concurrency: int) -> None:
    steps = cancel_everywhere(backend, how, replace(PROGRAM, concurrency=concurrency))
    assert steps > 40


@pytest.mark.parametrize(("backend", "how"), WAYS)
@proof(EXAMPLES // 30)
@given(program=programs())
def test_any_program_can_be_cancelled_at_every_step(backend: schedules.Backend, how: How, program: Program) -> None:
    awaiting = tuple(replace(m, form=Form.ASYNC) if m.form is Form.PLAIN else m for m in program.middlewares)
    program = replace(program, roots=(0, 0), middlewares=awaiting, threads=False)
    assume(3 < len(flatten(expect(program, 0)[0])) < 60)
    cancel_everywhere(backend, how, program)


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize(("backend", "how"), WAYS)
def test_a_send_through_worker_threads_can_be_cancelled_at_every_step(
    backend: schedules.Backend, how: How, concurrency: int
) -> None:
    steps = cancel_everywhere(backend, how, replace(THREADED, concurrency=concurrency))
    assert steps > 40


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize(("backend", "how"), WAYS)
def test_a_send_with_worker_threads_can_be_cancelled_at_any_time(
    backend: schedules.Backend, how: How, concurrency: int
) -> None:
    """In real time: what runs in a thread is not under the scheduler's control."""
    program = replace(THREADED, concurrency=concurrency)
    moments = random.Random(0)
    cancelled = 0

    async def cancel_later(run: CancelledRun) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(run.main, how, 0.02)
            await anyio.sleep(moments.uniform(0, 0.03))
            if run.cancel is not None:
                run.cancel()

    for _ in range(15):
        run = CancelledRun(program, pause=0.001)
        with schedules.watchdog():
            anyio.run(cancel_later, run, backend=backend)
        # a thread sees its own cancellation as an error of the rest of the chain
        run.system.trace = [entry for entry in run.system.trace if entry.what != "error"]
        run.check()
        cancelled += run.was_cancelled
    assert cancelled
