"""What the mediator needs of a dispatcher."""

from ..aio.abc import Dispatcher

__all__ = ("Dispatcher",)
