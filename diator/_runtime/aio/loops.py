"""Which event loop this is, and how other threads reach it."""

import sys
from asyncio import Future, get_running_loop
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

__all__ = ("Event", "call_soon", "current_loop", "new_event", "poster")


def current_loop() -> Any:
    """What stands for the event loop that runs here: asyncio's own, or trio's token. It can be referred to weakly."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return trio.lowlevel.current_trio_token()
    return get_running_loop()


class Event(Protocol):
    """Something that happens once, which one task waits for."""

    def set(self) -> object:
        """Let it happen."""
        ...

    def wait(self) -> Awaitable[object]:
        """Wait until it has happened."""
        ...


def new_event() -> Event:
    """An event of this event loop's own kind, for what happens with every message: AnyIO's takes five times as long."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        event: Event = trio.Event()
        return event
    return _AsyncioEvent()


class _AsyncioEvent:
    __slots__ = ("_future",)

    def __init__(self) -> None:
        self._future: Future[None] = get_running_loop().create_future()

    def set(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    def wait(self) -> Awaitable[None]:
        return self._future


def call_soon(function: Callable[[], object]) -> None:
    """Run a function on this event loop, after what is about to run already."""
    loop = current_loop()
    soon: Callable[[Callable[[], object]], object] = getattr(loop, "call_soon", None) or loop.run_sync_soon
    soon(function)


def poster(loop: Any) -> Callable[..., object]:
    """What runs a function on an event loop, from any thread: ``post(function, *args)``.

    It raises RuntimeError when the event loop has ended.
    """
    post: Callable[..., object] | None = getattr(loop, "call_soon_threadsafe", None)
    return loop.run_sync_soon if post is None else post
