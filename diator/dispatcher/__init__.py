"""The dispatcher for event loops: `diator.aio.dispatcher`."""

from ..aio.abc import Dispatcher
from ..aio.dispatcher import DefaultDispatcher, DispatchResult

__all__ = ("DefaultDispatcher", "DispatchResult", "Dispatcher")
