"""Pools of redis-py's connections, with settings of our own."""

from typing import Any, Final

from .redis_library import AsyncioPool, AsyncioRedis, AsyncioRetry, NoBackoff, Retry, parse_url, redis

__all__ = ("is_asynchronous", "make_pool")

#: Settings of connections that redis-py makes itself, or that only make sense with its own way to use them.
_NOT_LENT: Final = {"connection_pool", "event_dispatcher", "parser_class", "command_packer", "legacy_responses"}
_NOT_LENT_PREFIXES: Final = ("cache", "himport_", "maint", "max_connections", "orig_", "oss_cluster_", "retry")


def is_asynchronous(source: object) -> bool:
    """Whether this is a client of ``redis.asyncio``.

    Raises:
        TypeError: It is neither a URL nor a client of a single server.
    """
    if isinstance(source, str | redis.Redis):
        return False
    if isinstance(source, AsyncioRedis):
        return True
    raise TypeError(
        f"pass the URL of a Redis server, a redis.Redis or a redis.asyncio.Redis, not {type(source).__name__}"
    )


def make_pool(source: Any, timeout: float) -> Any:
    """Make a pool of our own for a URL, or like that of somebody's client, which is only looked at.

    Args:
        source: The URL or the client.
        timeout: Seconds to wait for a connection, and for a reply; on asyncio only for a connection to open: redis-py
            would make a task for each command to keep time.

    Raises:
        ValueError: The URL cannot be understood; the text does not quote it.
    """
    is_async = is_asynchronous(source)
    lent = _parsed(source) if isinstance(source, str) else source.connection_pool.connection_kwargs
    settings = {name: lent[name] for name in lent if name not in _NOT_LENT and not name.startswith(_NOT_LENT_PREFIXES)}
    settings |= {
        "retry": (AsyncioRetry if is_async else Retry)(NoBackoff(), 0),
        "socket_timeout": None if is_async else timeout,
        "socket_connect_timeout": timeout,
        "decode_responses": False,
        "protocol": 2,
        "health_check_interval": 0,
        "max_connections": 2**31,
    }
    if isinstance(source, str):
        return _checked(redis.ConnectionPool(**settings))
    pool: Any = source.connection_pool
    settings["connection_class"] = pool.connection_class
    if hasattr(pool, "sentinel_manager"):
        settings |= {"is_master": pool.is_master, "check_connection": pool.check_connection}
        return type(pool)(pool.service_name, pool.sentinel_manager, **settings)
    return (AsyncioPool if is_async else redis.ConnectionPool)(**settings)


def _checked(pool: Any) -> Any:
    """Refuse options that redis-py does not know now, and not when the first connection is made."""
    try:
        pool.connection_class(**pool.connection_kwargs)
    except TypeError:
        pass
    else:
        return pool
    raise ValueError("the Redis URL has an option that redis-py does not know: look at what follows its question mark")


def _parsed(url: str) -> dict[str, Any]:
    try:
        return parse_url(url)
    except ValueError:
        pass
    # Out here, because the error above may quote a part of the password, and would become the context of this one.
    raise ValueError(
        "the Redis URL cannot be understood: it must look like redis://user:password@host:6379/0, rediss://... or "
        "unix:///path/to/socket?db=0; percent-encode special characters in user and password"
    )
