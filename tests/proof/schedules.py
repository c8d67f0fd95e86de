"""Controlled schedules: the same seed gives the same order of steps, and time is virtual.

On asyncio a loop of our own chooses at random which of the ready tasks goes on; on trio the scheduler's own random
numbers are seeded. When nobody is ready, the clock jumps to the next timer.
"""

import asyncio
import random
import selectors
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

import anyio
import trio.testing
from trio._core import _run as trio_run

T = TypeVar("T")
Backend = Literal["asyncio", "trio"]
#: Called before each step with its number, from 1.
Observer = Callable[[int], object]

#: Real seconds after which a run is taken for a deadlock; most take milliseconds.
PATIENCE = 30.0


def run(
    backend: Backend,
    seed: int,
    function: Callable[..., Awaitable[T]],
    /,
    *args: Any,
    observe: Observer | None = None,
) -> T:
    """Run a coroutine function under the schedule that the seed stands for."""
    with watchdog():
        if backend == "asyncio":
            factory = {"loop_factory": lambda: ShufflingLoop(seed, observe)}
            return anyio.run(function, *args, backend="asyncio", backend_options=factory)
        clock = trio.testing.MockClock(autojump_threshold=0)
        instruments = [] if observe is None else [_StepCounter(observe)]
        with _seeded_trio(seed):
            options = {"clock": clock, "instruments": instruments}
            return anyio.run(function, *args, backend="trio", backend_options=options)


@contextmanager
def _seeded_trio(seed: int) -> Iterator[None]:
    state, deterministic = trio_run._r.getstate(), trio_run._ALLOW_DETERMINISTIC_SCHEDULING
    trio_run._r.seed(seed)
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True
    try:
        yield
    finally:
        trio_run._r.setstate(state)
        trio_run._ALLOW_DETERMINISTIC_SCHEDULING = deterministic


@contextmanager
def watchdog() -> Iterator[None]:
    """Turn a deadlock into a failure, where the platform has alarms."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def bark(*_: object) -> None:
        raise TimeoutError(f"deadlock: not finished after {PATIENCE} seconds")

    previous = signal.signal(signal.SIGALRM, bark)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE, 5)  # again, if the clean-up hangs as well
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


class ShufflingLoop(asyncio.SelectorEventLoop):
    """An asyncio loop that runs one callback at a time.

    Plain callbacks keep their order, as asyncio promises; tasks that are ready go on in any order. A task has never
    two steps ready, so whatever is chosen is a legal schedule.
    """

    def __init__(self, seed: int, observe: Observer | None = None) -> None:
        self._random = random.Random(seed)
        self._observe = observe
        self._steps = 0
        self._now = 0.0
        super().__init__(_VirtualSelector(self))

    def time(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        self._now += seconds

    def _run_once(self) -> None:
        self._steps += 1
        if self._observe is not None:
            self._observe(self._steps)
        ready: Any = self._ready  # type: ignore[attr-defined]
        if len(ready) < 2:
            super()._run_once()  # type: ignore[misc]
            return
        waiting = [ready.popleft() for _ in range(len(ready))]  # other threads may add to it meanwhile
        first = next((index for index, handle in enumerate(waiting) if not _is_task_step(handle)), None)
        choices = [index for index, handle in enumerate(waiting) if index == first or _is_task_step(handle)]
        ready.append(waiting.pop(self._random.choice(choices)))
        super()._run_once()  # type: ignore[misc]
        ready.extendleft(reversed(waiting))


def _is_task_step(handle: Any) -> bool:
    return isinstance(getattr(handle._callback, "__self__", None), asyncio.Task)


class _VirtualSelector(selectors.DefaultSelector):
    """Lets the clock jump instead of waiting for a timer."""

    def __init__(self, loop: ShufflingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            return super().select(None)  # only another thread can go on
        ready = super().select(0)
        if not ready:
            self._loop.jump(timeout)
        return ready


class _StepCounter(trio.abc.Instrument):
    def __init__(self, observe: Observer) -> None:
        self._observe = observe
        self._steps = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._steps += 1
        self._observe(self._steps)
