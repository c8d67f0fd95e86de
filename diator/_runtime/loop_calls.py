"""What happens between a blocked thread and an event loop: calls into the loop, and their calls back home.

A `Call` has two sides, its caller's thread and the loop's. No lock joins them: a side first writes what it has to
say, then wakes the other one, which looks again at everything. So a Ctrl-C, which can strike between any two
steps of the caller, loses at most one wake-up and never what it announced.
"""

import contextvars
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ..errors import BlockingCallError
from .contexts import TwinContext, repeat_changes

if TYPE_CHECKING:
    from anyio import Event

__all__ = ("Call", "CallCancelled", "Cancellation", "Loop", "cancellation", "current_call")

T = TypeVar("T")
R = TypeVar("R")

current_call: contextvars.ContextVar["Call[Any]"] = contextvars.ContextVar("diator_current_call")

#: What lets other threads cancel the calls of the current flow of control, if anything does.
cancellation: contextvars.ContextVar["Cancellation | None"] = contextvars.ContextVar(
    "diator_cancellation", default=None
)


class CallCancelled(BaseException):
    """Raised by a call that was cancelled before its function had begun."""


class Cancellation:
    """Cancels, from any thread, what was called in a context that has this as its `cancellation`.

    Attributes:
        cancelled: Whether that has happened.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self._lock = threading.Lock()
        self._calls: set[Call[Any]] = set()

    def cancel(self) -> None:
        """Cancel the calls in progress and all later ones. `def` code that runs between them goes on."""
        with self._lock:
            self.cancelled = True
            calls = list(self._calls)
        for call in calls:
            call.cancel()

    def add(self, call: "Call[Any]") -> None:
        """Take note that a call has been handed to its loop."""
        with self._lock:
            self._calls.add(call)
            cancelled = self.cancelled
        if cancelled:
            call.cancel()

    def discard(self, call: "Call[Any]") -> None:
        with self._lock:
            self._calls.discard(call)


class Loop(Protocol):
    """What a call needs to know of the event loop that it runs on."""

    thread_id: int
    gone: bool

    def post(self, function: Callable[..., object], /, *args: Any) -> None:
        """Run the function on the loop, soon and in order; do nothing if the loop has ended."""

    def current_task(self) -> object: ...

    def leave(self, call: "Call[Any]") -> None:
        """Take note that the call has ended."""


class Call(Generic[T]):
    """One coroutine function on its way through the loop, while its caller waits."""

    def __init__(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> None:
        self.loop: Loop | None = None
        self.thread_id = threading.get_ident()
        self._function = function
        self._args = args
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._home_calls: deque[_HomeCall[Any]] = deque()
        self._homes: dict[object, TwinContext] = {}
        self._stop: Callable[[], object] | None = None
        self._started = self._cancelled = self._done = False
        self._before: contextvars.Context | None = None
        self._after: contextvars.Context | None = None
        self._result: T
        self._error: BaseException | None = None

    # -- in the caller's thread

    def serve(self) -> None:
        """Run what is called home, until the call has ended."""
        while True:
            done = self._done
            while self._home_calls:
                self._home_calls[0].run()
                self._home_calls.popleft()
            if done:
                return
            self._bell.get()

    def interrupt(self, interruption: BaseException) -> None:
        """Cancel, and wait until the function has cleaned up. A second interruption ends the wait at once."""
        if self.loop is None:
            return
        try:
            self.loop.post(self._cancel)
            self.serve()
        except BaseException:
            self.thread_id = 0  # the caller's thread is no longer inside of this call
            self.loop.post(self._abandon)
            raise
        self._keep_context()
        if interruption.__context__ is None:
            interruption.__context__ = self._error
        self._error = None

    def take(self) -> T:
        """Return or raise what the function did."""
        self._keep_context()
        error, self._error = self._error, None
        if error is None:
            return self._result
        try:
            raise error
        finally:
            del error  # it refers to this frame by its traceback

    def _keep_context(self) -> None:
        if self._before is not None and self._after is not None:
            repeat_changes(self._before, self._after, {})
        self._before = self._after = None  # they refer to this call

    # -- in any thread

    def cancel(self) -> None:
        """Cancel a call that a loop has. Its caller goes on when the function has cleaned up."""
        if self.loop is not None:
            self.loop.post(self._cancel)

    # -- in the thread of the loop

    def spawned(self, stop: Callable[[], object]) -> None:
        """Take note that a task will run `main`, and how to cancel it."""
        self._stop = stop

    async def main(self) -> None:
        current_call.set(self)
        self._started = True
        self._before = contextvars.copy_context()
        try:
            if self._cancelled:
                raise CallCancelled
            self._result = await self._function(*self._args)
        except BaseException as exc:  # noqa: BLE001 - the caller raises it, and the loop lives on
            self._error = exc
        self._after = contextvars.copy_context()
        self._finish()

    def fail(self, error: BaseException) -> None:
        """End a call whose loop is gone."""
        self._error = error
        self._done = True
        self._bell.put(None)

    def _finish(self) -> None:
        assert self.loop is not None
        del self._function, self._args  # the caller must not find them in use when it goes on
        self._homes.clear()
        self._stop = None
        self.loop.leave(self)
        self._done = True
        self._bell.put(None)

    def _cancel(self) -> None:
        if self._done or self._cancelled:
            return
        self._cancelled = True
        if self._stop is None:  # interrupted before the loop heard of it
            self._error = CallCancelled()
            self._finish()
        elif self._started:  # a task that is cancelled before its first step would never reach `_finish`
            self._stop()

    def _abandon(self) -> None:
        self._cancel()
        self._done = True
        for home_call in self._home_calls:
            home_call.awake.set()

    async def call_home(self, function: Callable[..., R], args: tuple[Any, ...]) -> R:
        """Run the function in the thread of the caller."""
        import anyio

        loop = self.loop
        start = self._before
        if loop is None or start is None or self._done or loop.thread_id != threading.get_ident():
            raise BlockingCallError("call_home works only inside LoopThread.run, on its loop, while its caller waits")
        home = self._homes.setdefault(loop.current_task(), TwinContext(start))
        call = _HomeCall(loop, partial(home.enter().run, function, *args), anyio.Event())
        self._home_calls.append(call)
        self._bell.put(None)
        cancellation: BaseException | None = None
        with anyio.CancelScope(shield=True):
            while not call.awake.is_set():
                try:
                    await call.awake.wait()
                except anyio.get_cancelled_exc_class() as exc:  # by asyncio itself, which knows no shield
                    cancellation = exc
        home.leave()
        try:
            return call.take(cancellation)
        finally:
            del cancellation


class _HomeCall(Generic[T]):
    """One plain function on its way to the caller's thread, while a task waits."""

    def __init__(self, loop: Loop, function: Callable[[], T], awake: "Event") -> None:
        self.awake = awake
        self._loop = loop
        self._function = function
        self._started = self._finished = False
        self._result: T
        self._error: BaseException | None = None

    def run(self) -> None:
        """Run the function unless it has run: an interrupted caller comes twice."""
        if not self._started:
            self._started = True
            try:
                self._result = self._function()
                self._finished = True
            except BaseException as exc:
                if self._loop.gone:  # there is nobody left to tell
                    raise
                self._error = exc
        self._loop.post(self.awake.set)

    def take(self, cancellation: BaseException | None) -> T:
        """Return or raise what the function did; a cancellation that came meanwhile replaces a result, not an error."""
        error, self._error = self._error, None
        if error is None:
            error = cancellation
        if error is None and not self._finished:
            error = KeyboardInterrupt()  # it struck between two steps of `run`
        if error is None:
            return self._result
        try:
            raise error
        finally:
            del error, cancellation  # they refer to this frame by their tracebacks
