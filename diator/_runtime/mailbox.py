"""How threads tell the event loop of another one what to do."""

import os
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any

__all__ = ("Mailbox",)


class Mailbox:
    """Functions for a thread to call. It waits until `fileno` is readable, and then calls `call_all`.

    To wake a thread takes longer than most of what it does then, so it happens once for all that comes meanwhile.

    Attributes:
        is_closed: Whether it takes no more.
    """

    def __init__(self) -> None:
        self._posted: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._has_rung = self.is_closed = False
        self._lock = Lock()  # held while the bell is rung, so that it is not closed then; `call_all` never waits for it
        self._bell = _EventBell() if hasattr(os, "eventfd") else _SocketBell()
        self.fileno = self._bell.fileno

    def post(self, function: Callable[..., object], *args: Any) -> None:
        """Let the thread call a function soon.

        Raises:
            RuntimeError: The mailbox is closed.
        """
        with self._lock:
            if self.is_closed:
                raise RuntimeError("the event loop has ended")
            self._posted.append((function, args))
            if not self._has_rung:
                try:
                    self._has_rung = True
                    self._bell.ring()
                except BaseException:  # a Ctrl-C, for example, after which somebody else must ring
                    self._has_rung = False
                    raise

    def call_all(self) -> None:
        """Call what has been posted. No function may raise."""
        if not self.is_closed:
            self._bell.silence()
        self._has_rung = False  # before it looks: whoever comes later rings again
        for _ in range(len(self._posted)):
            function, args = self._posted.popleft()
            function(*args)

    def close(self) -> None:
        """Take no more; what is there can still be called."""
        with self._lock:
            self.is_closed = True
            self._bell.close()


class _EventBell:
    """Linux has something that is made for this, and half as slow."""

    def __init__(self) -> None:
        self._number = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        return self._number

    def ring(self) -> None:
        os.eventfd_write(self._number, 1)

    def silence(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._number)

    def close(self) -> None:
        os.close(self._number)


class _SocketBell:
    def __init__(self) -> None:
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)
        self.fileno = self._receiver.fileno

    def ring(self) -> None:
        with suppress(BlockingIOError):  # it rings already
            self._sender.send(b"\0")

    def silence(self) -> None:
        with suppress(BlockingIOError):
            self._receiver.recv(4096)

    def close(self) -> None:
        self._receiver.close()
        self._sender.close()
