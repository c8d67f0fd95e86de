"""Topics, which copy each message to their subscriptions, and the filters of those."""

from collections.abc import Callable
from typing import Any

from .queues import Duplicates, Queue
from .wire import WireMessage

__all__ = ("Filter", "Topic", "correlation_filter", "everything")

Filter = Callable[[WireMessage], bool]

_SYSTEM_PROPERTIES = {"message_id", "subject", "correlation_id", "session_id"}


def everything(wire: WireMessage) -> bool:
    return True


def correlation_filter(**expected: Any) -> Filter:
    """Let through what has these values, as in ``subject="OrderPaid"``; other names are application properties."""

    def accepts(wire: WireMessage) -> bool:
        return all(
            (getattr(wire, name) if name in _SYSTEM_PROPERTIES else wire.application_properties.get(name)) == value
            for name, value in expected.items()
        )

    return accepts


class Topic:
    """A topic."""

    def __init__(self, path: str, duplicate_window: float = 0.0) -> None:
        self.path = path
        self.subscriptions: list[tuple[Queue, Filter]] = []
        self._duplicates = Duplicates(duplicate_window)

    def put(self, wire: WireMessage) -> int:
        """Copy a message to the subscriptions, and return its number in the last of them."""
        if self._duplicates.saw(wire.message_id):
            return 0
        numbers = [queue.put(wire) for queue, accepts in self.subscriptions if accepts(wire)]
        return numbers[-1] if numbers else 0

    def cancel_scheduled(self, sequence: int) -> None:
        for queue, _ in self.subscriptions:
            queue.cancel_scheduled(sequence)
