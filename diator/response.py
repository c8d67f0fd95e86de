"""The base class of results."""

from ._core.messages import Response

__all__ = ("Response",)
