"""Connections of ``redis.asyncio`` for one event loop."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from ..redis_connections import Command, Reply, pack
from ..redis_failures import failure, parts, refusal
from ..redis_library import Reader, redis
from .redis_asyncio_wire import Wire
from .redis_threads import Taker

__all__ = ("AsyncioConnections",)


class AsyncioConnections:
    """What `Connections` is for threads. It keeps time itself: redis-py would for each command and each reply.

    Args:
        pool: Made by `make_pool`.
        timeout: Seconds for an exchange, or to open a connection.
        is_closed: Whether whoever exchanges has closed it already.
    """

    def __init__(self, pool: Any, timeout: float, is_closed: bool) -> None:
        self._pool = pool
        self._timeout = timeout
        self._is_closed = is_closed
        self._used: list[Wire] = []  # the pool counts their connections as being in use

    def start(self, commands: Sequence[Command], done: Taker) -> bool:
        """Begin an exchange on a connection that can be used as it is, if there is one."""
        if Reader is None or not self._used or not self._used[-1].is_fresh:
            return False
        wire = self._used[-1]
        wire.start(commands, partial(self._end, wire, done))
        self._used.pop()
        return True

    def _end(self, wire: Wire, done: Taker, outcome: list[Reply] | Exception) -> None:
        self._used.append(wire)  # also a lost one: whoever takes it next opens it again
        done(outcome)

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        connection = await self._take()
        try:
            replies = await self.exchange_on(connection, commands)
        except BaseException:
            await self._pool.release(connection)
            raise
        if self._is_closed:  # meanwhile: nobody else would close this one
            await self.drop(connection)
        elif hasattr(getattr(connection, "_writer", None), "transport"):
            self._used.append(Wire(connection, self._timeout))
        else:  # somebody's own kind of connection
            await self._pool.release(connection)
        return replies

    async def exchange_on(self, connection: Any, commands: Sequence[Command]) -> list[Reply]:
        try:
            async with asyncio.timeout(self._timeout):
                await connection.send_packed_command(pack(connection, commands), check_health=False)
                return [await _reply(connection, command) for command in commands]
        except (redis.RedisError, OSError) as exc:
            await connection.disconnect(nowait=True)
            raise failure(exc) from exc
        except BaseException:
            await connection.disconnect(nowait=True)
            raise

    async def open(self) -> Any:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._pool.get_connection()
        except (redis.RedisError, OSError) as exc:
            raise failure(exc, maybe_done=False) from exc

    async def drop(self, connection: Any) -> None:
        await connection.disconnect(nowait=True)
        await self._pool.release(connection)

    async def close(self) -> None:
        self._is_closed = True
        await self._pool.disconnect()

    async def _take(self) -> Any:
        if self._used:
            wire = self._used.pop()
            if wire.is_fresh:
                return wire.leave()
            await (self.drop if wire.is_lost else self._pool.release)(wire.leave())
        return await self.open()


async def _reply(connection: Any, command: Command) -> Reply:
    try:
        return parts(await connection.read_response(), command)
    except redis.ResponseError as exc:
        return refusal(exc, command)
