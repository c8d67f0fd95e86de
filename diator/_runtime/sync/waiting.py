"""How `diator.sync` waits: for time to pass, or for something to change."""

import threading
from time import monotonic as current_time
from types import TracebackType
from typing import Self

__all__ = ("Changes", "checkpoint", "current_time")


def checkpoint() -> None:
    """Let others run: the operating system sees to that."""


class Changes:
    """Guards what several threads look at and change, and lets them wait until somebody has changed it.

    Use it as a context manager around every access: it is a lock.

    Args:
        guard: What guards it already: then that is the lock. `notify` still wakes only those who wait here.
    """

    def __init__(self, guard: "Changes | None" = None) -> None:
        self._lock: threading.Lock = threading.Lock() if guard is None else guard._lock
        self._condition = threading.Condition(self._lock)

    def __enter__(self) -> Self:
        self._condition.__enter__()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self._condition.__exit__(exc_type, exc, traceback)

    def wait(self, timeout: float) -> None:
        """Wait for `notify`, at most ``timeout`` seconds; afterwards look again, as anything may have happened."""
        self._condition.wait(min(timeout, threading.TIMEOUT_MAX))

    def notify(self) -> None:
        """Wake everybody who waits."""
        self._condition.notify_all()
