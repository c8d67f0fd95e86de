"""How `diator.sync` runs code of either colour: ``def`` code in the calling thread, coroutines on a loop elsewhere."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, Literal, Protocol, TypeVar

from ..._core.callables import is_coroutine_callable
from ..._core.inspection import SyncMode
from ..._core.pipeline import drive
from ..loop_thread import LoopThread

__all__ = ("ASYNC", "Bridge", "Runner", "drive", "gather", "one_at_a_time")

T = TypeVar("T")

#: Whether this is the side that awaits. `tools/unasync.py` resolves ``if ASYNC:`` blocks.
ASYNC: Final = False


class Bridge(Protocol):
    """Runs coroutine functions for a blocking caller: `LoopThread`, or what a framework offers instead."""

    def check(self) -> None:
        """Raise a `BlockingCallError` if `run` could not work here and now."""
        ...

    def run(self, function: Callable[..., Awaitable[T]], /, *args: Any) -> T:
        """Await ``function(*args)`` elsewhere and block until it is done."""
        ...

    async def call_home(self, function: Callable[..., T], /, *args: Any) -> T:
        """Inside `run`: call ``def`` code in the thread that is blocked."""
        ...

    def close(self) -> None:
        """Release what `run` has opened; a later `run` opens it again."""
        ...


class Runner:
    """Runs ``async def`` code for blocking callers.

    Args:
        bridge: Where coroutines run: ``"asyncio"`` or ``"trio"`` for an event loop in a daemon thread of our own, or
            a `Bridge` that a framework offers.
    """

    def __init__(self, bridge: Bridge | Literal["asyncio", "trio"] = "asyncio") -> None:
        self._bridge: Bridge = LoopThread(bridge) if isinstance(bridge, str) else bridge

    def executor(self, is_async: bool, sync: SyncMode) -> Callable[..., Any] | None:
        """What calls a function of this colour, as in ``execute(function, *args)``; None to call it directly."""
        return self._bridge.run if is_async else None

    def adapt(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Make a function of either colour block until it is done."""
        return partial(self._bridge.run, function) if is_coroutine_callable(function) else function

    def resolver(self, resolve: Callable[..., Any]) -> Callable[..., Any]:
        """Let a container's ``resolve`` be called here, whatever its colour."""
        return self.adapt(resolve)

    def guard(self, foreign: bool) -> Callable[[], None] | None:
        """What to call before anything runs, to see whether foreign code can run here; None if it always can."""
        return self._bridge.check if foreign else None

    def around(self, middleware: Callable[..., Any], request: Any, handle: Callable[[Any], Any]) -> Any:
        """Run an ``async def (request, handle)`` middleware, around a handle that is called in this thread."""
        return self._bridge.run(middleware, request, partial(self._bridge.call_home, handle))

    def close(self) -> None:
        """Stop the event loop, if one was started."""
        self._bridge.close()


def gather(jobs: Sequence[Callable[[], T]], limit: int, stop_at_first: bool) -> list[T | Exception | None]:
    """Run jobs one after another: in blocking code every one of them belongs to the calling thread.

    Args:
        jobs: What to run.
        limit: How many could run at the same time.
        stop_at_first: Do not start the others once one has failed.

    Returns:
        For each job its result or its `Exception`; None for one that was not started.
    """
    outcomes: list[T | Exception | None] = [None] * len(jobs)
    for index, job in enumerate(jobs):
        try:
            outcomes[index] = job()
        except Exception as error:  # noqa: BLE001 - the caller sorts out what failed
            outcomes[index] = error
            if stop_at_first:
                break
    return outcomes


def one_at_a_time(function: Callable[[T], Any]) -> Callable[[T], Any]:
    """Return the function: blocking code makes no calls side by side."""
    return function
