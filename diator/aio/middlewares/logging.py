"""Logs what is handled, how long it takes, and what fails."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any, Protocol, TypeVar

from ..._core.messages import Request

__all__ = ("Logger", "LoggingMiddleware")

R = TypeVar("R")


class Logger(Protocol):
    """What is used of a logger: `logging.Logger` fits."""

    def log(self, level: int, msg: str, *args: object, extra: Mapping[str, object] | None = None) -> None: ...


class LoggingMiddleware:
    """Logs the type and id of each request, never what is in it or in its response.

    Args:
        logger: Where to; by default the logger ``diator.middlewares.logging``.
        level: The level, as in `logging`. Failures are logged as errors.
    """

    def __init__(self, logger: Logger | None = None, level: int = logging.DEBUG) -> None:
        self._logger: Logger = logger or logging.getLogger("diator.middlewares.logging")
        self._level = level

    async def __call__(self, request: Request[R], handle: Callable[[Any], Awaitable[R]]) -> R:
        name = type(request).__name__
        extra: dict[str, object] = {"request_type": name, "request_id": str(request.request_id)}
        self._logger.log(self._level, "Handle %s request", name, extra=extra)
        start = perf_counter()
        try:
            response = await handle(request)
        except Exception as error:
            taken = {**extra, "seconds": perf_counter() - start}
            self._logger.log(logging.ERROR, "Request %s failed with %s", name, type(error).__name__, extra=taken)
            raise
        taken = {**extra, "seconds": perf_counter() - start}
        self._logger.log(self._level, "Request %s handled", name, extra=taken)
        return response
