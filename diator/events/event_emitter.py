"""The event emitter for event loops: `diator.aio.events`."""

from ..aio.events import EventEmitter

__all__ = ("EventEmitter",)
