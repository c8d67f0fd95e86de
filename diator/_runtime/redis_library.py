"""redis-py, or an error that says how to get it."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ..errors import MissingExtraError

try:
    import redis
    from redis import connection as _connection
    from redis.asyncio import ConnectionPool as AsyncioPool
    from redis.asyncio import Redis as AsyncioRedis
    from redis.asyncio.retry import Retry as AsyncioRetry
    from redis.backoff import NoBackoff
    from redis.exceptions import AuthorizationError
    from redis.retry import Retry
except ImportError as exc:
    raise MissingExtraError('redis-py is not installed: pip install "diator[redis]"', name="redis") from exc

__all__ = (
    "AsyncioPool",
    "AsyncioRedis",
    "AsyncioRetry",
    "AuthorizationError",
    "NoBackoff",
    "Reader",
    "Retry",
    "pack_command",
    "parse_url",
    "redis",
)

#: From a URL to the settings of connections; redis-py gives it no types.
parse_url: Callable[[str], dict[str, Any]] = getattr(_connection, "parse_url")  # noqa: B009

try:
    _hiredis: Any = import_module("hiredis")
except ImportError:
    _hiredis = None
#: Puts a command together; None without hiredis, when redis-py does it in Python.
pack_command: Callable[[Any], bytes] | None = getattr(_hiredis, "pack_command", None)
#: Makes out replies; None without hiredis.
Reader: Callable[..., Any] | None = getattr(_hiredis, "Reader", None)
