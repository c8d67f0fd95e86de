"""The base classes of events."""

from .._core.messages import DomainEvent, ECSTEvent, Event, NotificationEvent

__all__ = ("DomainEvent", "ECSTEvent", "Event", "NotificationEvent")
