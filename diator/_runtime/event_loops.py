"""An event loop in a daemon thread of its own: asyncio's or trio's, imported when it starts."""

import contextvars
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..errors import BlockingCallError, ReentrancyError
from .loop_calls import Call

if TYPE_CHECKING:
    import trio

__all__ = ("AsyncioLoop", "EventLoop", "TrioLoop", "is_cancellation")


def is_cancellation(error: BaseException) -> bool:
    """Whether this is what an event loop raises in what it cancels. A library that is not loaded has raised nothing."""
    known = (("asyncio", "CancelledError"), ("trio", "Cancelled"))
    return any(isinstance(error, getattr(sys.modules.get(name), kind, ())) for name, kind in known)


class EventLoop(ABC):
    """A loop that takes calls from other threads from its start until `shut`.

    Attributes:
        thread_id: The thread of the loop.
        gone: Nothing can run on it: it is not ready yet, has ended, or lives on in the parent of a forked process.
    """

    def __init__(self) -> None:
        self.thread_id = 0
        self.gone = True
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._open = False
        self._calls: set[Call[Any]] = set()
        self._error: BaseException | None = None

    def start(self) -> None:
        """Start the thread, in an empty context: the loop outlives the request that needs it first."""
        try:
            contextvars.Context().run(self._thread.start)
        except RuntimeError as exc:
            raise BlockingCallError(
                "the event loop for async handlers cannot start a thread (as Python cannot while it exits): "
                "run an async handler earlier, or write this one with `def`"
            ) from exc

    def wait_until_ready(self) -> None:
        self._ready.wait()
        if self._error is not None:
            raise BlockingCallError("the event loop for async handlers could not start") from self._error

    @property
    def ended(self) -> bool:
        """Whether it takes no more calls."""
        return self._ready.is_set() and not self._open

    def enter(self, call: Call[Any]) -> bool:
        """Run the call in a copy of the current context, or return False if the loop takes no calls."""
        with self._lock:
            if not self._open:
                return False
            call.loop = self
            self._calls.add(call)
        self.post(contextvars.copy_context().run, self._spawn, call)
        return True

    def leave(self, call: Call[Any]) -> None:
        with self._lock:
            self._calls.discard(call)
            idle = not self._open and not self._calls
        if idle:
            self._stop()

    def shut(self) -> None:
        """Take no more calls, and stop after the last one."""
        with self._lock:
            self._open = False
            idle = not self._calls
        if idle:
            self.post(self._stop)

    def close(self) -> None:
        """Shut the loop and wait until it has stopped.

        Raises:
            ReentrancyError: The current thread would wait for itself.
        """
        current = threading.get_ident()
        if current == self.thread_id or any(call.thread_id == current for call in self._calls.copy()):
            raise ReentrancyError("a handler cannot close the loop that it runs on: close it after the call")
        self._ready.wait()
        self.shut()
        self._thread.join()

    def forked(self) -> None:
        """Give up in the child of a fork, where the thread does not exist."""
        self.gone = True
        for call in self._calls:
            if call.thread_id == threading.get_ident():
                call.fail(BlockingCallError("the process was forked inside of this call, which goes on in the parent"))

    def post(self, function: Callable[..., object], /, *args: Any) -> None:
        if not self.gone:
            with suppress(RuntimeError):  # it has just ended
                self._call_soon(function, *args)

    def _run(self) -> None:
        self.thread_id = threading.get_ident()
        try:
            self._run_until_stopped()
        except BaseException as exc:  # noqa: BLE001 - the callers raise it
            self._error = exc
        with self._lock:
            self._open = False
            self.gone = True
        self._ready.set()
        for call in self._calls:
            error = BlockingCallError("the event loop ended before the handler did")
            error.__cause__ = self._error
            call.fail(error)

    def _opened(self) -> None:
        self.gone = False
        self._open = True
        self._ready.set()

    @abstractmethod
    def current_task(self) -> object: ...

    @abstractmethod
    def _run_until_stopped(self) -> None:
        """Run the loop in the current thread; call `_opened` as soon as `_call_soon` works."""

    @abstractmethod
    def _call_soon(self, function: Callable[..., object], /, *args: Any) -> None:
        """Run the function on the loop, from any thread; raise RuntimeError if the loop has ended."""

    @abstractmethod
    def _spawn(self, call: Call[Any]) -> None:
        """Start a task for the call."""

    @abstractmethod
    def _stop(self) -> None:
        """Let `_run_until_stopped` return; called on the loop."""


class AsyncioLoop(EventLoop):
    """asyncio, as `asyncio.run` would run it."""

    def current_task(self) -> object:
        return self._asyncio.current_task()

    def _run_until_stopped(self) -> None:
        import asyncio

        self._asyncio = asyncio
        self._stopped = asyncio.Event()
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._opened()
            while not self._stopped.is_set():
                # SystemExit in a task that a handler started (who awaits it gets it, too), or `loop.stop()`
                with suppress(KeyboardInterrupt, SystemExit, RuntimeError):
                    runner.run(self._stopped.wait())

    def _call_soon(self, function: Callable[..., object], /, *args: Any) -> None:
        self._loop.call_soon_threadsafe(function, *args)

    def _spawn(self, call: Call[Any]) -> None:
        task = self._loop.create_task(call.main())
        call.spawned(task.cancel)

    def _stop(self) -> None:
        self._stopped.set()


class TrioLoop(EventLoop):
    """trio, with each call in a cancel scope of its own."""

    def current_task(self) -> object:
        return self._trio.lowlevel.current_task()

    def _run_until_stopped(self) -> None:
        import trio

        self._trio = trio
        trio.run(self._main)

    async def _main(self) -> None:
        self._stopped = self._trio.Event()
        self._token = self._trio.lowlevel.current_trio_token()
        async with self._trio.open_nursery() as self._nursery:
            self._opened()
            await self._stopped.wait()

    def _call_soon(self, function: Callable[..., object], /, *args: Any) -> None:
        self._token.run_sync_soon(function, *args)

    def _spawn(self, call: Call[Any]) -> None:
        scope = self._trio.CancelScope()
        self._nursery.start_soon(self._run_call, call, scope)
        call.spawned(scope.cancel)

    async def _run_call(self, call: Call[Any], scope: "trio.CancelScope") -> None:
        with scope:
            await call.main()

    def _stop(self) -> None:
        self._stopped.set()
