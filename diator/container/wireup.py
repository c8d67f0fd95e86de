"""The adapter to wireup."""

from ..aio.container.wireup import WireupContainer, WireupScope

__all__ = ("WireupContainer", "WireupScope")
