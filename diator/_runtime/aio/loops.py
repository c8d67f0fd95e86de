"""Which event loop this is, and how other threads reach it."""

import sys
from asyncio import get_running_loop
from collections.abc import Callable
from typing import Any

__all__ = ("current_loop", "poster")


def current_loop() -> Any:
    """What stands for the event loop that runs here: asyncio's own, or trio's token. It can be referred to weakly."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return trio.lowlevel.current_trio_token()
    return get_running_loop()


def poster(loop: Any) -> Callable[..., object]:
    """What runs a function on an event loop, from any thread: ``post(function, *args)``.

    It raises RuntimeError when the event loop has ended.
    """
    post: Callable[..., object] | None = getattr(loop, "call_soon_threadsafe", None)
    return loop.run_sync_soon if post is None else post
