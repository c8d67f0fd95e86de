"""The adapter to rodi."""

from ..aio.container.rodi import RodiContainer, RodiScope

__all__ = ("RodiContainer", "RodiScope")
