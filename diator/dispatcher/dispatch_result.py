"""What came of a request."""

from ..aio.dispatcher import DispatchResult

__all__ = ("DispatchResult",)
