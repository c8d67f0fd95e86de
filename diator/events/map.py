"""The handlers of each event."""

from .._core.registry import EventMap

__all__ = ("EventMap",)
