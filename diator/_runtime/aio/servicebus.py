"""Where the SDK of Azure Service Bus runs for `diator.aio`: on asyncio, the only event loop that it knows."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio

from ..servicebus import connect
from .loops import Loop, current_loop, new_event

if TYPE_CHECKING:
    from ..asyncio_thread import AsyncioThread

__all__ = (
    "RECEIVE_WAIT",
    "Home",
    "Job",
    "Lock",
    "at_most",
    "disconnect",
    "interrupt",
    "is_cut",
    "must_stop",
    "open_client",
    "pause",
    "release",
)

T = TypeVar("T")

#: Seconds that one call waits for a message. A job that waits can be cancelled.
RECEIVE_WAIT: Final = 5.0
#: Seconds to wait for the confirmation that a message was given back.
_RELEASE: Final = 10.0

Lock = anyio.Lock
pause = anyio.sleep


def at_most(seconds: float) -> anyio.CancelScope:
    """Give up what is inside after so many seconds, and not before, though the task has been cancelled."""
    return anyio.move_on_after(seconds, shield=True)


def open_client(source: str, credential: Any, timeout: float) -> Any:
    """Make a client from a connection string, or a namespace and a credential."""
    from azure.servicebus.aio import ServiceBusClient

    return connect(ServiceBusClient, source, credential, timeout)


def must_stop() -> bool:
    """Whether the current job has been cancelled: `asyncio.wait_for`, which the SDK uses, hides it on Python 3.11."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def release(receiver: Any, message: Any) -> None:
    """Give a message back as one that was not delivered. The SDK does so itself, but has no public name for it."""
    settle = getattr(getattr(receiver, "_handler", None), "settle_messages_async", None)
    if settle is None:
        await receiver.abandon_message(message)
    else:
        await settle(
            message._delivery_id, message._delivery_tag, "released", await_outcome=True, outcome_timeout=_RELEASE
        )


def is_cut(link: Any) -> bool:
    """Whether the connection of a link is known to have ended, which the SDK notices only when it reads or writes."""
    handler = getattr(link, "_handler", None)
    reader = getattr(getattr(getattr(handler, "_connection", None), "_transport", None), "reader", None)
    return handler is None or (reader is not None and (reader.at_eof() or reader.exception() is not None))


def interrupt(link: Any) -> bool:
    """End what a receiver does, if nothing else can: here its job is cancelled."""
    return False


async def disconnect(link: Any) -> None:
    """Let the SDK forget the connection of a link that has ended, so that it can be opened again."""
    close = getattr(link, "_close_handler", None)
    if close is not None:
        await close()


class Job:
    """Something that runs at home, until it ends or is cancelled."""

    def __init__(self, task: "asyncio.Task[None]") -> None:
        self._task = task

    def cancel(self) -> bool:
        """Cancel it, and say whether it ends soon therefore."""
        return self._task.cancel()

    async def join(self, seconds: float) -> None:
        """Wait for its end, at most so long."""
        with suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(self._task), seconds)


def _is_home() -> bool:
    """Whether this runs on asyncio: in a task, or in a callback of the event loop, where no library could be asked."""
    return isinstance(current_loop(), asyncio.AbstractEventLoop)


class Home:
    """The event loop that the SDK's objects live on: the running one if it is asyncio's, else one in a thread.

    Everything here but `spawn` is for callers on any loop; what it runs is on asyncio.
    """

    def __init__(self) -> None:
        self._thread: AsyncioThread | None = None
        self._jobs: set[asyncio.Task[None]] = set()

    def place(self) -> object:
        """Names the loop: what was opened on another one is of no use here. For what runs at home."""
        return asyncio.get_running_loop()

    async def run(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        """Await something at home; cancelling the caller cancels it, and waits until it is out."""
        if _is_home():
            return await function(*args)
        return await self._away().run(function, *args)

    async def ask(self, function: Callable[..., None], *args: Any) -> None:
        """Call ``function(*args, done)`` at home, wait until ``done`` has been called, and raise what it was given.

        To cancel the caller does not stop what it waits for.
        """
        loop = current_loop()
        over = new_event(loop)
        errors: list[Exception | None] = []

        def done(error: Exception | None) -> None:
            errors.append(error)
            over.set()

        if isinstance(loop, asyncio.AbstractEventLoop):
            function(*args, done)
        else:
            self._away().post(function, *args, partial(_post, loop, done))
        await over.wait()
        if errors[0] is not None:
            raise errors[0]

    def start(
        self,
        function: Callable[..., Coroutine[Any, Any, Sequence[T]]],
        args: tuple[Any, ...],
        done: Callable[[Sequence[T] | Exception], None],
    ) -> None:
        """Begin something at home that nobody can cancel, and call back here with its result or error."""
        if _is_home():
            self.spawn(_report, function, args, done)
        else:
            self._away().start(function, args, done)

    def spawn(self, function: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> Job:
        """Begin something at home, from there."""
        task = asyncio.get_running_loop().create_task(function(*args), context=contextvars.Context())
        self._jobs.add(task)  # asyncio itself keeps no reference
        task.add_done_callback(self._jobs.discard)
        return Job(task)

    async def aclose(self) -> None:
        """Stop the thread, if there is one."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await thread.aclose()

    def _away(self) -> "AsyncioThread":
        if self._thread is None:
            from ..asyncio_thread import AsyncioThread

            self._thread = AsyncioThread()
        return self._thread


def _post(loop: Loop, done: Callable[[Exception | None], None], error: Exception | None) -> None:
    with suppress(RuntimeError):  # the run has ended, and nobody waits
        loop.call_soon_threadsafe(done, error)


async def _report(
    function: Callable[..., Coroutine[Any, Any, Sequence[T]]],
    args: tuple[Any, ...],
    done: Callable[[Sequence[T] | Exception], None],
) -> None:
    outcome: Sequence[T] | Exception = InterruptedError("the event loop ended before this was done")
    try:
        outcome = await function(*args)
    except Exception as error:  # noqa: BLE001 - whoever waits raises it
        outcome = error
    finally:
        done(outcome)
