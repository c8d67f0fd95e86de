"""CQRS for Python: one mediator for asyncio, trio and blocking code.

The names that need no event loop are here. The mediator is in `diator.aio` and, with the same names, in
`diator.sync`.
"""

from ._core.events import Events
from ._core.handlers import CommandHandler, EventHandler, QueryHandler, RequestHandler
from ._core.messages import (
    Command,
    DomainEvent,
    ECSTEvent,
    Event,
    NotificationEvent,
    Query,
    Request,
    Response,
)
from ._core.pipeline import MiddlewareChain
from ._core.registry import EventMap, RequestMap
from .errors import DiatorError, EventHandlingError

__version__ = "0.2.0"

__all__ = (
    "Command",
    "CommandHandler",
    "DiatorError",
    "DomainEvent",
    "ECSTEvent",
    "Event",
    "EventHandler",
    "EventHandlingError",
    "EventMap",
    "Events",
    "MiddlewareChain",
    "NotificationEvent",
    "Query",
    "QueryHandler",
    "Request",
    "RequestHandler",
    "RequestMap",
    "Response",
    "__version__",
)
