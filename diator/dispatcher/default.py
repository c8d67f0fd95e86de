"""The dispatcher for event loops: `diator.aio.dispatcher`."""

from ..aio.dispatcher import DefaultDispatcher

__all__ = ("DefaultDispatcher",)
