"""How tasks talk to Redis: in threads, or as redis-py does it on asyncio."""

from typing import Any

from ..redis_connections import Command, Reply
from ..redis_pools import is_asynchronous
from .redis_asyncio import AsyncioTransport
from .redis_threads import Lane, Taker, Transport

__all__ = ("Command", "Lane", "Reply", "Taker", "Transport", "connect")


def connect(source: Any, timeout: float, block: float) -> Transport:
    """Make a transport; nothing is opened yet.

    Args:
        source: A URL, or a client whose settings are used.
        timeout: Seconds to wait for a connection, and for a reply.
        block: Seconds that a command on a lane may take beyond that.

    Raises:
        TypeError: It is something else; or a client of asyncio, and this is not asyncio.
        ValueError: The URL cannot be understood.
    """
    if not is_asynchronous(source):
        return Transport(source, timeout, block)
    return AsyncioTransport(source, timeout, block)
