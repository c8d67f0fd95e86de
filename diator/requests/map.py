"""The handler of each request."""

from .._core.registry import RequestMap
from ..errors import RequestHandlerDoesNotExist

__all__ = ("RequestHandlerDoesNotExist", "RequestMap")
