"""Middlewares and their chain."""

from .._core.pipeline import Handle, Middleware, MiddlewareChain

HandleType = Handle

__all__ = ("Handle", "HandleType", "Middleware", "MiddlewareChain")
