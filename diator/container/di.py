"""The adapter to di."""

from ..aio.container.di import DIContainer, DIScope

__all__ = ("DIContainer", "DIScope")
