"""Where the SDK of Azure Service Bus runs for `diator.sync`: in the calling thread, and in threads that receive."""

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, TypeVar

from ..servicebus import connect

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

#: Seconds that one call waits for a message: not long, for a thread that waits cannot be cancelled.
RECEIVE_WAIT: Final = 1.0
#: Seconds to wait for the confirmation that a message was given back.
_RELEASE: Final = 10.0

Lock = threading.Lock
pause = time.sleep


def at_most(seconds: float) -> AbstractContextManager[None]:
    """Do what is inside, however long it takes: a thread cannot be stopped."""
    return nullcontext()


def open_client(source: str, credential: Any, timeout: float) -> Any:
    """Make a client from a connection string, or a namespace and a credential."""
    from azure.servicebus import ServiceBusClient

    return connect(ServiceBusClient, source, credential, timeout)


def must_stop() -> bool:
    """Whether the current job has been cancelled, which a thread cannot be."""
    return False


def release(receiver: Any, message: Any) -> None:
    """Give a message back as one that was not delivered. The SDK does so itself, but has no public name for it."""
    settle = getattr(getattr(receiver, "_handler", None), "settle_messages", None)
    if settle is None:
        receiver.abandon_message(message)
    else:
        settle(message._delivery_id, message._delivery_tag, "released", await_outcome=True, outcome_timeout=_RELEASE)


def is_cut(link: Any) -> bool:
    """Whether the connection of a link is known to have ended, which the SDK notices only when it reads or writes."""
    handler = getattr(link, "_handler", None)
    sock = getattr(getattr(getattr(handler, "_connection", None), "_transport", None), "sock", None)
    if not isinstance(sock, socket.socket):
        return handler is None
    try:
        if not select.select([sock], [], [], 0)[0]:
            return False
        # not the method of an encrypted socket, which cannot look without taking
        return not socket.socket.recv(sock, 1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except (OSError, ValueError):
        return True


def interrupt(link: Any) -> bool:
    """End the wait of a receiver for messages, as the SDK does when it closes one; False if that is not possible."""
    handler: Any = getattr(link, "_handler", None)
    if not hasattr(handler, "_shutdown"):
        return link is None  # a receiver that is closed waits for nothing
    handler._shutdown = True
    return True


def disconnect(link: Any) -> None:
    """Let the SDK forget the connection of a link that has ended, so that it can be opened again."""
    close = getattr(link, "_close_handler", None)
    if close is not None:
        close()


class Job:
    """Something that runs in a thread, until it ends."""

    def __init__(self, function: Callable[..., None], *args: Any) -> None:
        self._thread = threading.Thread(target=function, args=args, name="diator-azure", daemon=True)
        self._thread.start()

    def cancel(self) -> bool:
        """Whether it ends soon: a thread cannot be cancelled, and ends when what it waits for has come or not."""
        return False

    def join(self, seconds: float) -> None:
        """Wait for its end, at most so long."""
        self._thread.join(seconds)


class Home:
    """Threads, which all are at home."""

    def place(self) -> object:
        """Names the process: what was opened before a fork is of no use after it."""
        return os.getpid()

    def run(self, function: Callable[..., T], *args: Any) -> T:
        return function(*args)

    def ask(self, function: Callable[..., None], *args: Any) -> None:
        """Call ``function(*args, done)``, wait until ``done`` has been called, and raise what it was given."""
        over = threading.Event()
        errors: list[Exception | None] = []

        def done(error: Exception | None) -> None:
            errors.append(error)
            over.set()

        function(*args, done)
        over.wait()
        if errors[0] is not None:
            raise errors[0]

    def start(
        self,
        function: Callable[..., Sequence[T]],
        args: tuple[Any, ...],
        done: Callable[[Sequence[T] | Exception], None],
    ) -> None:
        """Do something now, and call back with its result or error."""
        try:
            outcome: Sequence[T] | Exception = function(*args)
        except Exception as error:  # noqa: BLE001 - whoever waits raises it
            outcome = error
        done(outcome)

    def spawn(self, function: Callable[..., None], *args: Any) -> Job:
        """Begin something in another thread."""
        return Job(function, *args)

    def close(self) -> None:
        """Nothing is kept open."""
