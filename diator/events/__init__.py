"""Events, their handlers, the map between them and the emitter for event loops."""

from .._core.events import Events
from .._core.handlers import EventHandler
from .._core.messages import DomainEvent, ECSTEvent, Event, NotificationEvent
from .._core.registry import EventMap
from ..aio.events import EventEmitter

__all__ = (
    "DomainEvent",
    "ECSTEvent",
    "Event",
    "EventEmitter",
    "EventHandler",
    "EventMap",
    "Events",
    "NotificationEvent",
)
