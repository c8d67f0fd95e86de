"""Middlewares and their chain."""

from .._core.pipeline import Middleware, MiddlewareChain
from ..aio.middlewares.logging import LoggingMiddleware

__all__ = ("LoggingMiddleware", "Middleware", "MiddlewareChain")
