"""The base classes of request handlers."""

from .._core.handlers import CommandHandler, QueryHandler, RequestHandler

__all__ = ("CommandHandler", "QueryHandler", "RequestHandler")
