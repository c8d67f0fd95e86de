"""How a worker of `diator.sync` runs things side by side: in threads."""

import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeVar

from ..event_loops import is_cancellation
from ..loop_calls import Cancellation, cancellation

__all__ = ("Bell", "Crew", "OwnCancellation", "Stoppable", "within")

T = TypeVar("T")

#: Seconds that leaving a `Crew` waits for threads that were told to end.
GRACE = 0.2


class Bell:
    """Wakes one thread, from anywhere: from other threads and signal handlers."""

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()  # unlike an Event it may be used in a signal handler

    def ring(self) -> None:
        """Wake the thread that waits, or will wait next."""
        self._rings.put(None)

    def wait(self, timeout: float) -> None:
        """Wait until it is rung, at most ``timeout`` seconds."""
        with suppress(Empty):
            self._rings.get(timeout=min(max(0.0, timeout), threading.TIMEOUT_MAX))
            while True:
                self._rings.get_nowait()


class Crew:
    """Runs functions side by side; leaving it waits for all of them, but after `cancel` not for long.

    Args:
        failed: Called when one of them has raised.

    Attributes:
        failure: What the first one that failed has raised.
    """

    def __init__(self, failed: Callable[[], None]) -> None:
        self.failure: BaseException | None = None
        self._failed = failed
        self._threads: list[threading.Thread] = []
        self._context = copy_context()
        self._cancelled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        end = monotonic() + GRACE
        for thread in self._threads:
            thread.join(max(0.0, end - monotonic()) if self._cancelled else None)

    def start(self, function: Callable[..., object], *args: Any) -> None:
        """Run a function in a thread of its own."""
        context = self._context.copy()
        thread = threading.Thread(target=context.run, args=(self._run, function, args), daemon=True)
        self._threads.append(thread)
        thread.start()

    def cancel(self) -> None:
        """Wait no longer for what still runs: a thread cannot be cancelled."""
        self._cancelled = True

    def _run(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        try:
            function(*args)
        except BaseException as error:  # noqa: BLE001 - whoever has this crew decides
            self.failure = self.failure or error
            self._failed()


class OwnCancellation(Exception):
    """What was run ended as if it had been cancelled, and nobody had done that."""


class Stoppable:
    """Runs one function, in a context of its own, which may be stopped from outside."""

    def __init__(self) -> None:
        self._cancellation = Cancellation()

    def run(self, function: Callable[..., T], *args: Any) -> T | None:
        """Run the function; None if it was stopped before it returned.

        Raises:
            OwnCancellation: It ended with a cancellation of its event loop that did not come from `stop`.
        """
        try:
            return _in_copy(copy_context(), self._cancellation, function, args)
        except BaseException as error:
            if self._cancellation.cancelled:
                return None
            if is_cancellation(error):
                raise OwnCancellation().with_traceback(error.__traceback__) from error
            raise

    def stop(self) -> None:
        """Cancel the coroutines that the function waits for; `def` code goes on."""
        self._cancellation.cancel()


def _in_copy(context: Context, watch: Cancellation, function: Callable[..., T], args: tuple[Any, ...]) -> T:
    context.run(cancellation.set, watch)
    return context.run(function, *args)


def within(seconds: float, function: Callable[..., object], *args: Any) -> bool:
    """Run a function for this long at most; whether it has returned. Otherwise it goes on in a thread."""
    outcome: list[BaseException | None] = []

    def call() -> None:
        try:
            function(*args)
        except BaseException as error:  # noqa: BLE001 - raised below
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=copy_context().run, args=(call,), daemon=True)
    thread.start()
    thread.join(seconds)
    if outcome and outcome[0] is not None:
        raise outcome[0]
    return bool(outcome)
