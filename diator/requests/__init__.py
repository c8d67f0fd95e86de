"""Requests, their handlers and the map between them."""

from .._core.handlers import CommandHandler, QueryHandler, RequestHandler
from .._core.messages import Command, Query, Request
from .._core.registry import EventMap, RequestMap

__all__ = ("Command", "CommandHandler", "EventMap", "Query", "QueryHandler", "Request", "RequestHandler", "RequestMap")
