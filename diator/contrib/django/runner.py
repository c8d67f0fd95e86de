"""The runner on asgiref, the bridge between blocking code and coroutines that Django itself uses."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from ..._runtime.loop_thread import LoopThread
from ..._runtime.sync.concurrency import Runner
from ...errors import MissingExtraError, RunningLoopError

try:
    from asgiref.sync import AsyncToSync, SyncToAsync, async_to_sync, sync_to_async
except ImportError as exc:
    raise MissingExtraError('Django is not installed: pip install "diator[django]"', name="django") from exc

__all__ = ("AsgirefBridge", "DjangoRunner")

T = TypeVar("T")


class DjangoRunner(Runner):
    """Runs `async def` handlers, event handlers and middlewares for blocking Django code.

    They run on the server's event loop if the caller is below one (ASGI), otherwise on a loop of their own that ends
    with them. What they do with Django's async ORM or with ``sync_to_async`` runs in the thread that called the
    mediator, inside its transaction. One runner serves any number of mediators.
    """

    def __init__(self) -> None:
        super().__init__(AsgirefBridge())


class AsgirefBridge:
    """Runs coroutine functions with ``async_to_sync``, whose caller does their thread-sensitive work while it waits."""

    def __init__(self) -> None:
        self._never_started = LoopThread()  # the same threads are unfit for both

    def check(self) -> None:
        """Make sure that `run` works in this thread.

        Raises:
            RunningLoopError: The thread is running an event loop.
            GreenletError: gevent has patched the threads.
        """
        try:
            self._never_started.check()
        except RunningLoopError as exc:
            raise RunningLoopError(
                "this thread is running an event loop, so it cannot wait for an async handler: "
                "write `await sync_to_async(mediator.send)(request)`, or use diator.aio and await it"
            ) from exc

    def run(self, function: Callable[..., Awaitable[T]], /, *args: Any) -> T:
        """Run the coroutine function and wait for it. What it sets in context variables is seen afterwards.

        An exception that a signal handler raises here (Ctrl-C: KeyboardInterrupt) cancels the function and is raised
        when it has cleaned up. A second one is raised at once, and leaves the function to itself.

        Raises:
            BlockingCallError: `check` objects.
            BaseException: Whatever the function raises.
        """
        self.check()
        return _Call(function, args).run()

    async def call_home(self, function: Callable[..., T], /, *args: Any) -> T:
        """Inside `run`: call ``def`` code in the thread that waits there."""
        outcome: Future[T] = Future()
        await sync_to_async(_settle)(outcome, function, args)
        return outcome.result()

    def close(self) -> None:
        """Nothing is kept open."""


class _Call(Generic[T]):
    """One coroutine function under ``async_to_sync``. That alone leaves it running if its caller is interrupted."""

    def __init__(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> None:
        self._function = function
        self._args = args
        self._interrupted = False
        self._cancel: Callable[[], object] | None = None
        self._serve: Callable[[Future[None]], None]
        self._ended: Future[None] = Future()
        self._outer_loop = getattr(SyncToAsync.threadlocal, "main_event_loop", None)

    def run(self) -> T:
        try:
            return async_to_sync(self._main)()
        except BaseException:
            self._stop()
            raise

    async def _main(self) -> T:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        self._serve = AsyncToSync.executors.current.run_until_future
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            if self._interrupted:
                raise asyncio.CancelledError
            return await self._function(*self._args)
        finally:
            self._ended.set_result(None)

    def _stop(self) -> None:
        """Cancel what the caller of `run` has stopped waiting for, and do its work at home until it has ended."""
        self._interrupted = True
        if self._cancel is not None and not self._ended.done():
            self._cancel()
            self._serve(self._ended)
            SyncToAsync.threadlocal.main_event_loop = self._outer_loop  # asgiref must not go on with one that closes


def _settle(outcome: Future[T], function: Callable[..., T], args: tuple[Any, ...]) -> None:
    """Keep the outcome of a call: some exceptions, like StopIteration, cannot pass through an event loop."""
    try:
        outcome.set_result(function(*args))
    except BaseException as error:  # noqa: BLE001 - `call_home` raises it
        outcome.set_exception(error)
