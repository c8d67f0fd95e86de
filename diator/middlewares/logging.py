"""The middleware that logs requests, for event loops: `diator.aio.middlewares.logging`."""

from ..aio.middlewares.logging import Logger, LoggingMiddleware

__all__ = ("Logger", "LoggingMiddleware")
