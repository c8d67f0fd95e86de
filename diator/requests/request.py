"""The base classes of requests."""

from .._core.messages import Command, Query, Request

__all__ = ("Command", "Query", "Request")
