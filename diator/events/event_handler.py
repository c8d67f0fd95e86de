"""The base class of event handlers."""

from .._core.handlers import EventHandler

__all__ = ("EventHandler",)
