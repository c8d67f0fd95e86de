"""How `diator.aio` waits: for time to pass, or for something to change."""

from asyncio import AbstractEventLoop
from math import inf
from types import TracebackType
from typing import Self

import anyio
from anyio.lowlevel import checkpoint

from .loops import Event, current_loop, new_event

__all__ = ("Changes", "checkpoint", "current_time")


def current_time() -> float:
    """Seconds, of the clock that `anyio` goes by; from any start."""
    return current_loop().time()


class Changes:
    """Guards what several tasks look at and change, and lets them wait until somebody has changed it.

    Use it as a context manager around every access. Nothing is locked: tasks run one at a time between awaits.

    Args:
        guard: What guards it already. `notify` still wakes only those who wait here.
    """

    def __init__(self, guard: "Changes | None" = None) -> None:
        self._waiting: set[Event] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        pass

    async def wait(self, timeout: float) -> None:
        """Wait for `notify`, at most ``timeout`` seconds; afterwards look again, as anything may have happened."""
        loop = current_loop()
        event = new_event(loop)
        self._waiting.add(event)
        try:
            if timeout == inf:
                await event.wait()
            elif isinstance(loop, AbstractEventLoop):  # AnyIO's way takes three times as long
                timer = loop.call_later(timeout, event.set)
                try:
                    await event.wait()
                finally:
                    timer.cancel()
            else:
                with anyio.move_on_after(timeout):
                    await event.wait()
        finally:
            self._waiting.discard(event)

    def notify(self) -> None:
        """Wake everybody who waits."""
        waiting, self._waiting = self._waiting, set()
        for event in waiting:
            event.set()
