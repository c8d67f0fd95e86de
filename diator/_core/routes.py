"""Tables of compiled routes, and what makes them outdated.

What may live here: looking routes up by type. How a route is compiled is somebody else's business.
"""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakSet

__all__ = ("RouteTable", "Watched")

T = TypeVar("T")


class RouteTable(Generic[T]):
    """Routes by the type of the message; a missing one is compiled when it is first asked for.

    Args:
        make: Compiles the route of a type, or raises. It runs under a lock, so a binding made meanwhile is not
            lost: it waits, and then empties the table.

    Attributes:
        known: What has been compiled. Where every send passes, look there first, and leave to ``table[type]`` what is
            missing: a lookup in a plain dict costs a third of one that ends in a method of ours.
    """

    __slots__ = ("__weakref__", "_lock", "_make", "known")

    def __init__(self, make: Callable[[type], T]) -> None:
        self.known: dict[type, T] = {}
        self._make = make
        self._lock = threading.RLock()

    def __getitem__(self, message_type: type) -> T:
        with self._lock:
            if message_type not in self.known:
                try:
                    self.known[message_type] = self._make(message_type)
                except Exception as error:
                    raise error from error.__cause__  # not from the KeyError of a lookup in `known`
            return self.known[message_type]

    def invalidate(self) -> None:
        """Forget all routes, because the bindings have changed."""
        with self._lock:
            self.known.clear()


class Watched:
    """What routes are compiled from: whoever keeps such routes hears of changes."""

    def __init__(self) -> None:
        self._watchers: WeakSet[RouteTable[Any]] = WeakSet()
        self._watchers_lock = threading.Lock()

    def watch(self, table: RouteTable[Any]) -> None:
        """Empty this table whenever something changes here. It is not kept alive."""
        with self._watchers_lock:
            self._watchers.add(table)

    def _changed(self) -> None:
        with self._watchers_lock:
            tables = list(self._watchers)
        for table in tables:
            table.invalidate()
