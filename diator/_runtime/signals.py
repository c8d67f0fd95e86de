"""Unix signals, on both sides: the handler runs in the main thread, between any two steps of what that is doing."""

import signal
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType

__all__ = ("handling",)


@contextmanager
def handling(signals: Sequence[signal.Signals], callback: Callable[[], None]) -> Generator[None]:
    """Call something for each of these signals. In other threads than the main one this does nothing.

    Args:
        signals: Which ones; how they were handled before comes back at the end.
        callback: It must take no lock, for the main thread may hold that lock just now.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        callback()

    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
