"""How `diator.aio` runs code of either colour: coroutines are awaited, ``def`` code runs inline or in a thread."""

import inspect
import math
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextvars import Context, ContextVar, Token, copy_context
from functools import partial
from queue import SimpleQueue
from types import CoroutineType
from typing import Any, Final, TypeVar

import anyio
import anyio.abc
from anyio import from_thread, to_thread
from anyio.lowlevel import checkpoint_if_cancelled

from ..._core.callables import is_coroutine_callable
from ..._core.inspection import SyncMode
from ..contexts import repeat_changes

__all__ = ("ASYNC", "Runner", "async_only", "drive", "gather", "inline", "is_cancelled", "one_at_a_time", "shielded")

T = TypeVar("T")

#: Whether this is the side that awaits. `tools/unasync.py` resolves ``if ASYNC:`` blocks.
ASYNC: Final = True

#: Whether this code runs below a worker thread that waits for it.
_in_hop: ContextVar[bool] = ContextVar("diator_in_hop", default=False)


def async_only(definition: T) -> T:
    """Mark what `tools/unasync.py` leaves out of the blocking side."""
    return definition


def shielded(seconds: float) -> anyio.CancelScope:
    """Let what is inside go on though the task has been cancelled, but not for longer than this."""
    return anyio.move_on_after(seconds, shield=True)


def is_cancelled(error: BaseException) -> bool:
    """Whether this was raised because the task is being cancelled.

    asyncio also raises it from awaiting another task that was cancelled, and a task group would take that for the end
    of a task which was told to end.
    """
    return isinstance(error, anyio.get_cancelled_exc_class()) and anyio.current_effective_deadline() == -math.inf


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
        """Run a ``def (request, handle)`` middleware in a worker thread, around a handle that awaits.

        The handle runs in this task, so that it is cancelled with it. It sees the context variables that the middleware
        has set; the sender does not.
        """
        hop = _Hop(handle)
        return await hop.run(self._limiter, middleware, request, hop.resume)

    async def to_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run ``def`` code in a worker thread, and wait for it even if cancelled."""
        return await _Hop(None).run(self._limiter, function, *args)

    async def aclose(self) -> None:
        """Nothing is kept open."""


class _HandleCancelled(BaseException):
    """Raised in a middleware's thread when what it waits for is cancelled: not an error that it could handle."""


class _Hop:
    """``def`` code on its way through a worker thread, while its task waits and serves it."""

    def __init__(self, handle: Callable[[Any], Coroutine[Any, Any, Any]] | None) -> None:
        self._handle = handle
        self._calls: deque[tuple[Any, SimpleQueue[Any], Context]] = deque()
        self._wake = anyio.Event()
        self._ended = False
        self._results: list[Any] = []
        self._errors: list[BaseException] = []
        self._seen = Context()
        self._tokens: dict[ContextVar[Any], Token[Any]] = {}

    async def run(self, limiter: anyio.CapacityLimiter | None, function: Callable[..., Any], *args: Any) -> Any:
        """Run the function; when this returns or raises, the thread has ended."""
        if _in_hop.get():
            limiter = anyio.CapacityLimiter(1)
        before = copy_context()
        cancellation: BaseException | None = None
        _in_hop.set(True)
        try:
            # a task of its own, because `asyncio.Task.cancel` passes through the shield that is around the thread
            async with anyio.create_task_group() as group:
                group.start_soon(self._run_thread, limiter, partial(self._in_thread, function, *args))
                cancellation = await self._serve(group)
        finally:
            repeat_changes(copy_context(), before, self._tokens)
        if cancellation is not None:
            raise cancellation
        if self._errors:
            raise self._errors[0]
        if not self._results:  # cancelled before the thread had started
            await checkpoint_if_cancelled()
        return self._results[0]

    def resume(self, request: Any) -> Any:
        """In the thread: let the task handle a request, and wait for the response."""
        answer: SimpleQueue[Any] = SimpleQueue()
        from_thread.run_sync(self._post, request, answer, copy_context())
        response, error = answer.get()
        if error is None:
            return response
        try:
            raise error
        finally:
            del error

    def _post(self, request: Any, answer: "SimpleQueue[Any]", context: Context) -> None:
        self._calls.append((request, answer, context))
        self._wake.set()

    def _in_thread(self, function: Callable[..., Any], *args: Any) -> None:
        self._seen = copy_context()
        try:
            self._results.append(function(*args))
        except BaseException as error:  # noqa: BLE001 - raised by `run`; one of cancellation would be lost on its way there
            self._errors.append(error)

    async def _run_thread(self, limiter: anyio.CapacityLimiter | None, function: Callable[[], None]) -> None:
        try:
            await to_thread.run_sync(function, limiter=limiter)
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:  # noqa: BLE001 - raised by `run`, not as a group
            self._errors.append(error)
        finally:
            self._ended = True
            self._wake.set()

    async def _serve(self, group: anyio.abc.TaskGroup) -> BaseException | None:
        """Handle what the thread asks for until it has ended; return the cancellation that came meanwhile."""
        cancellation: BaseException | None = None
        while not self._ended:
            try:
                with anyio.CancelScope(shield=True):
                    await self._wake.wait()
            except anyio.get_cancelled_exc_class() as error:  # by asyncio itself, which knows no shield
                cancellation = error
                group.cancel_scope.cancel()  # it may still be waiting for a thread
                continue
            self._wake = anyio.Event()
            while self._calls:
                request, answer, context = self._calls.popleft()
                self._follow(context)
                try:
                    assert self._handle is not None
                    answer.put((await self._handle(request), None))
                except anyio.get_cancelled_exc_class() as error:
                    cancellation = error
                    answer.put((None, _HandleCancelled()))
                except BaseException as error:  # noqa: BLE001 - raised in the thread
                    answer.put((None, error))
        return cancellation

    def _follow(self, context: Context) -> None:
        """Bring the context variables that the thread has set to this task."""
        repeat_changes(self._seen, context, self._tokens)
        self._seen = context


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
        limit: How many run at the same time; 1 runs them in the current task.
        stop_at_first: Cancel the others as soon as one has failed.

    Returns:
        For each job its result or its `Exception`; None for one that was cancelled or not started.
    """
    outcomes: list[T | Exception | None] = [None] * len(jobs)
    if limit == 1:
        for index, job in enumerate(jobs):
            try:
                outcomes[index] = await job()
            except Exception as error:  # noqa: BLE001 - as below
                outcomes[index] = error
                if stop_at_first:
                    break
        return outcomes
    fatal: list[BaseException] = []
    slots = anyio.Semaphore(limit)

    async def run(index: int) -> None:
        try:
            outcomes[index] = await jobs[index]()
        except Exception as error:  # noqa: BLE001 - the caller sorts out what failed
            outcomes[index] = error
            if stop_at_first:
                group.cancel_scope.cancel()
        except BaseException as error:
            if is_cancelled(error):
                raise
            fatal.append(error)  # raised below, not as a group
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


def one_at_a_time(function: Callable[[T], Any]) -> Callable[[T], Awaitable[Any]]:
    """Make a function, which may give something to await, finish each call before it begins the next one."""
    lock = anyio.Lock()

    async def call(arg: T) -> Any:
        async with lock:
            result = function(arg)
            return await result if hasattr(result, "__await__") else result

    return call
