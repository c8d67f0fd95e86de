"""How a worker of `diator.aio` runs things side by side: in tasks."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
from anyio.lowlevel import current_token

from .concurrency import is_cancelled, shielded

__all__ = ("Bell", "Crew", "OwnCancellation", "Stoppable", "within")

T = TypeVar("T")


class Bell:
    """Wakes one task, from anywhere: from other tasks, other threads and signal handlers."""

    def __init__(self) -> None:
        self._rung = False
        self._event: anyio.Event | None = None
        self._post: Callable[..., Any] | None = None

    def ring(self) -> None:
        """Wake the task that waits, or will wait next."""
        self._rung = True
        if self._post is not None:
            with suppress(RuntimeError):  # the event loop has ended
                self._post(self._wake)

    async def wait(self, timeout: float) -> None:
        """Wait until it is rung, at most ``timeout`` seconds."""
        event = self._event = anyio.Event()
        if self._post is None:
            loop: Any = current_token().native_token
            self._post = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon
        if not self._rung:  # after all of the above, for it may ring at any time
            with anyio.move_on_after(timeout):
                await event.wait()
        self._rung = False

    def _wake(self) -> None:
        if self._event is not None:
            self._event.set()


class Crew:
    """Runs functions side by side; leaving it waits for all of them.

    Args:
        failed: Called when one of them has raised.

    Attributes:
        failure: What the first one that failed has raised.
    """

    def __init__(self, failed: Callable[[], None]) -> None:
        self.failure: BaseException | None = None
        self._failed = failed
        self._group = anyio.create_task_group()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(exc, Exception):  # which would cancel them, and become a group
            exc_type = exc = traceback = None
        await self._group.__aexit__(exc_type, exc, traceback)

    def start(self, function: Callable[..., Awaitable[object]], *args: Any) -> None:
        """Run a function in a task of its own."""
        self._group.start_soon(self._run, function, args)

    def cancel(self) -> None:
        """Cancel what still runs."""
        self._group.cancel_scope.cancel()

    async def _run(self, function: Callable[..., Awaitable[object]], args: tuple[Any, ...]) -> None:
        try:
            await function(*args)
        except BaseException as error:
            if is_cancelled(error):
                raise
            self.failure = self.failure or error  # whoever has this crew decides
            self._failed()


class OwnCancellation(Exception):
    """What was run ended as if it had been cancelled, and nobody had done that."""


class Stoppable:
    """Runs one function, in a context of its own, which may be stopped from outside."""

    def __init__(self) -> None:
        self._group = anyio.create_task_group()

    async def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> T | None:
        """Run the function; None if it was stopped before it returned.

        Raises:
            OwnCancellation: It ended with a cancellation that came from neither `stop` nor outside.
        """
        results: list[T] = []
        errors: list[BaseException] = []

        async def call() -> None:
            try:
                results.append(await function(*args))
            except anyio.get_cancelled_exc_class() as error:
                if is_cancelled(error):
                    raise
                errors.append(OwnCancellation().with_traceback(error.__traceback__))
            except BaseException as error:  # noqa: BLE001 - raised below, not as a group
                errors.append(error)

        async with self._group:
            self._group.start_soon(call)
        if errors:
            raise errors[0]
        return results[0] if results else None

    def stop(self) -> None:
        """Cancel the function."""
        self._group.cancel_scope.cancel()


async def within(seconds: float, function: Callable[..., Awaitable[object]], *args: Any) -> bool:
    """Run a function for this long at most, even if the task has been cancelled; whether it has returned."""
    with shielded(seconds) as shield:
        await function(*args)
    return not shield.cancelled_caught
