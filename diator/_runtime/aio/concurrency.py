"""How `diator.aio` runs code of either colour: coroutines are awaited, ``def`` code runs inline or in a thread."""

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextvars import ContextVar
from functools import partial
from types import CoroutineType
from typing import Any, Final, TypeVar

import anyio
from anyio import from_thread, to_thread

from ..._core.callables import is_coroutine_callable
from ..._core.inspection import SyncMode

__all__ = ("ASYNC", "Runner", "async_only", "drive", "gather", "inline")

T = TypeVar("T")

#: Whether this is the side that awaits. `tools/unasync.py` resolves ``if ASYNC:`` blocks.
ASYNC: Final = True

#: Whether this code runs below a worker thread that waits for it.
_in_hop: ContextVar[bool] = ContextVar("diator_in_hop", default=False)


def async_only(definition: T) -> T:
    """Mark what `tools/unasync.py` leaves out of the blocking side."""
    return definition


class Runner:
    """Runs ``def`` code below an event loop.

    Args:
        limiter: Bounds the worker threads; None for AnyIO's default of 40 in each event loop. A hop below another
            hop takes no token: its caller holds one while it waits, and 40 of them would wait for each other.
    """

    def __init__(self, limiter: anyio.CapacityLimiter | None = None) -> None:
        self._limiter = limiter

    def executor(self, is_async: bool, sync: SyncMode) -> Callable[..., Coroutine[Any, Any, Any]] | None:
        """What calls a function of this colour, as in ``await execute(function, *args)``; None to await it directly."""
        if is_async:
            return None
        return self.to_thread if sync == "thread" else inline

    def adapt(self, function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        """Make a function of either colour awaitable. A ``def`` runs inline, and may return an awaitable."""
        return function if is_coroutine_callable(function) else partial(_inline_or_awaitable, function)

    def resolver(self, resolve: Callable[..., Any]) -> Callable[..., Any]:
        """Let a container's ``resolve`` be called here. What it gives is awaited if it can be."""
        return resolve

    def guard(self, foreign: bool) -> Callable[[], None] | None:
        """What to call before anything runs, to see whether foreign code can run here; None if it always can."""
        return None

    async def around(
        self, middleware: Callable[..., Any], request: Any, handle: Callable[[Any], Coroutine[Any, Any, Any]]
    ) -> Any:
        """Run a ``def (request, handle)`` middleware in a worker thread, around a handle that awaits."""

        def resume(request: Any) -> Any:
            return from_thread.run(handle, request)

        return await self.to_thread(middleware, request, resume)

    async def to_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Run ``def`` code in a worker thread, and wait for it even if cancelled."""
        limiter = anyio.CapacityLimiter(1) if _in_hop.get() else self._limiter
        results: list[T] = []
        errors: list[BaseException] = []

        async def hop() -> None:
            try:
                results.append(await to_thread.run_sync(partial(_hop, function, *args), limiter=limiter))
            except anyio.get_cancelled_exc_class():
                raise
            except BaseException as error:  # noqa: BLE001 - raised below, not as a group
                errors.append(error)

        # a task of its own, because `asyncio.Task.cancel` passes through the shield that is around the thread
        async with anyio.create_task_group() as group:
            group.start_soon(hop)
        if errors:
            raise errors[0]
        return results[0]

    async def aclose(self) -> None:
        """Nothing is kept open."""


def _hop(function: Callable[..., T], *args: Any) -> T:
    _in_hop.set(True)  # in the thread's own copy of the context
    return function(*args)


async def inline(function: Callable[..., Any], *args: Any) -> Any:
    """Call ``def`` code right here."""
    result = function(*args)
    # a lambda around an ``async def`` gives a coroutine, for example
    return await result if type(result) is CoroutineType else result  # pyright: ignore[reportUnknownVariableType]


async def _inline_or_awaitable(function: Callable[..., Any], *args: Any) -> Any:
    result = function(*args)
    return await result if inspect.isawaitable(result) else result


async def drive(
    middleware: Callable[[Any], Generator[Any, Any, Any]], request: Any, handle: Callable[[Any], Awaitable[Any]]
) -> Any:
    """Run a middleware of the generator form; the same as `diator._core.pipeline.drive`, awaiting the handle."""
    generator = middleware(request)
    try:
        request = next(generator)
        while True:
            try:
                response = await handle(request)
            except BaseException as error:  # noqa: BLE001 - the middleware decides, whatever it was
                request = generator.throw(error)
            else:
                request = generator.send(response)
    except StopIteration as stop:
        return stop.value


async def gather(
    jobs: Sequence[Callable[[], Awaitable[T]]], limit: int, stop_at_first: bool
) -> list[T | Exception | None]:
    """Run jobs in parallel, started in order; when this returns or raises, none of them is running.

    Args:
        jobs: What to run.
        limit: How many run at the same time.
        stop_at_first: Cancel the others as soon as one has failed.

    Returns:
        For each job its result or its `Exception`; None for one that was cancelled or not started.
    """
    outcomes: list[T | Exception | None] = [None] * len(jobs)
    fatal: list[BaseException] = []
    slots = anyio.Semaphore(limit)

    async def run(index: int) -> None:
        try:
            outcomes[index] = await jobs[index]()
        except Exception as error:  # noqa: BLE001 - the caller sorts out what failed
            outcomes[index] = error
            if stop_at_first:
                group.cancel_scope.cancel()
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:  # noqa: BLE001 - raised below, not as a group
            fatal.append(error)
            group.cancel_scope.cancel()
        finally:
            slots.release()

    async with anyio.create_task_group() as group:
        for index in range(len(jobs)):
            await slots.acquire()
            group.start_soon(run, index)
    if fatal:
        raise fatal[0]
    return outcomes
