"""What the mediator needs of a container."""

from ..aio.abc import ExternalContainer as Container
from ..aio.abc import ScopedContainer

__all__ = ("Container", "ScopedContainer")
