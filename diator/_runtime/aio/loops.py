"""Which event loop this is, and what all of them offer."""

import sys
from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Awaitable
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from ..trio_run import TrioRun

__all__ = ("Event", "Loop", "current_loop", "new_event")

#: `call_soon` runs a function after all that is about to run already, `call_soon_threadsafe` one of another thread.
Loop: TypeAlias = "AbstractEventLoop | TrioRun"


def current_loop() -> Loop:
    """The event loop that runs here: asyncio's own, or what stands for trio's. It can be referred to weakly."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return _trio_run().current()
    return get_running_loop()


@cache
def _trio_run() -> "type[TrioRun]":
    from ..trio_run import TrioRun

    return TrioRun


class Event(Protocol):
    """Something that happens once, which one task waits for."""

    def set(self) -> object:
        """Let it happen."""
        ...

    def wait(self) -> Awaitable[object]:
        """Wait until it has happened."""
        ...


def new_event(loop: Loop) -> Event:
    """An event of this event loop's own kind, for what happens with every message: AnyIO's takes five times as long."""
    return _AsyncioEvent(loop) if isinstance(loop, AbstractEventLoop) else loop.Event()


class _AsyncioEvent:
    __slots__ = ("_future",)

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._future: Future[None] = loop.create_future()

    def set(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    def wait(self) -> Awaitable[None]:
        return self._future
