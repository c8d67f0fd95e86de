"""The mediator, and what goes with it."""

from .._runtime.aio.concurrency import Runner
from .dispatcher import DefaultDispatcher, DispatchResult
from .events import EventEmitter
from .mediator import Mediator
from .message_brokers.memory import InMemoryMessageBroker
from .middlewares.logging import LoggingMiddleware
from .worker import Worker

__all__ = (
    "DefaultDispatcher",
    "DispatchResult",
    "EventEmitter",
    "InMemoryMessageBroker",
    "LoggingMiddleware",
    "Mediator",
    "Runner",
    "Worker",
)
