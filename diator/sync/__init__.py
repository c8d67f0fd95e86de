# Generated from diator/aio/__init__.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The mediator, and what goes with it."""

from .._runtime.sync.concurrency import Runner
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
