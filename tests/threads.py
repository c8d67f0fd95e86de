"""Threads in an odd state, for tests."""

from typing import Any

__all__ = ("NobodyIdle",)


class NobodyIdle(list[Any]):
    """A list of idle threads from which none is taken: those that have just done something come back at any time."""

    def pop(self, index: Any = -1) -> Any:
        raise IndexError
