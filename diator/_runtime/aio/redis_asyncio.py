"""How tasks talk to Redis with ``redis.asyncio``."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from time import monotonic
from typing import Any

from anyio.lowlevel import RunVar

from ...errors import BrokerError, BrokerUnavailable
from ..redis_connections import FRESH, Command, Reply, pack
from ..redis_failures import failure, parts, refusal
from ..redis_library import redis
from ..redis_pools import make_pool
from .redis_threads import Lane, Taker, Transport

__all__ = ("AsyncioTransport",)


class AsyncioTransport(Transport):
    """Makes round trips to a server, each on a connection of its own and in a task of its own.

    The task is not the caller's: one that is cancelled stops waiting at once, and leaves no half-read connection.

    Raises:
        TypeError: This is trio.
    """

    def __init__(self, source: Any, timeout: float, block: float) -> None:
        _expect_asyncio()
        self._source = source
        self._timeout = timeout
        self._block = block
        # for each event loop its own: connections cannot leave the one they were opened on
        self._opened: RunVar[_Connections] = RunVar("diator_redis_connections")
        self._lanes: RunVar[_Connections] = RunVar("diator_redis_lanes")
        self._is_closed = False

    def start(self, commands: Sequence[Command], done: Taker) -> None:
        _spawn(self._here(self._opened, self._timeout).exchange(commands), done)

    def lane(self) -> Lane:
        return _AsyncioLane(lambda: self._here(self._lanes, self._timeout + self._block))

    async def aclose(self) -> None:
        self._is_closed = True
        for var in (self._opened, self._lanes):
            connections = var.get(None)
            if connections is not None:
                await connections.close()

    def _here(self, var: "RunVar[_Connections]", timeout: float) -> "_Connections":
        connections = var.get(None)
        if connections is None:
            _expect_asyncio()
            connections = _Connections(make_pool(self._source, self._timeout), timeout, self._is_closed)
            var.set(connections)
        return connections


class _Connections:
    """The same as `Connections` for threads; it keeps time itself, as redis-py would for each command and reply."""

    def __init__(self, pool: Any, timeout: float, is_closed: bool) -> None:
        self._pool = pool
        self._timeout = timeout
        self._is_closed = is_closed
        self._used: list[tuple[Any, float]] = []

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        connection = await self._take()
        try:
            replies = await self.exchange_on(connection, commands)
        except BaseException:
            await self._pool.release(connection)
            raise
        if self._is_closed:  # meanwhile: nobody else would close this one
            await self.drop(connection)
        else:
            self._used.append((connection, monotonic()))
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
            connection, used_at = self._used.pop()
            if monotonic() - used_at < FRESH:
                return connection
            await self._pool.release(connection)
        return await self.open()


class _AsyncioLane:
    def __init__(self, connections: Callable[[], _Connections]) -> None:
        self.client_id = 0
        self._connections = connections
        self._connection: Any = None
        self._task: asyncio.Task[list[Reply]] | None = None

    def start(self, commands: Sequence[Command], done: Taker) -> None:
        self._task = _spawn(self._exchange(commands), done)

    def listen(self, subscribe: Command, limit: int, timeout: float, done: Taker) -> None:
        self._task = _spawn(self._listen(subscribe, timeout), done)

    def close(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
        else:
            connection, self._connection = self._connection, None
            if connection is not None:
                _spawn(self._release(connection), lambda outcome: None)

    async def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        return await self._kept(self._exchange_on, commands)

    async def _listen(self, subscribe: Command, timeout: float) -> list[Reply]:
        return await self._kept(self._listen_on, subscribe, timeout)

    async def _kept(self, function: Callable[..., Coroutine[Any, Any, list[Reply]]], *args: Any) -> list[Reply]:
        """Use the connection, and keep it if that went well."""
        connection, self._connection = self._connection, None
        is_new = connection is None
        if is_new:
            connection = await self._connections().open()
        try:
            replies = await function(connection, is_new, *args)
        except BaseException:
            self.client_id = 0
            await self._release(connection)
            raise
        self._connection = connection
        return replies

    async def _exchange_on(self, connection: Any, is_new: bool, commands: Sequence[Command]) -> list[Reply]:
        if is_new:
            [self.client_id] = await self._connections().exchange_on(connection, [("CLIENT", "ID")])
        return await self._connections().exchange_on(connection, commands)

    async def _listen_on(self, connection: Any, is_new: bool, subscribe: Command, timeout: float) -> list[Reply]:
        if is_new:
            [reply] = await self._connections().exchange_on(connection, [subscribe])
            if isinstance(reply, BrokerError):
                raise reply
        try:
            # it may not have been read from the socket yet, so even 0 seconds are a few
            pushed = await connection.read_response(timeout=max(timeout, 0.01), disconnect_on_error=False)
        except (redis.RedisError, OSError) as exc:
            raise failure(exc) from exc
        return [] if pushed is None else [pushed]

    async def _release(self, connection: Any) -> list[Reply]:
        await self._connections().drop(connection)
        return []


def _expect_asyncio() -> None:
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        raise TypeError("a redis.asyncio.Redis does not run on trio: pass a URL or a redis.Redis, which do")


def _spawn(coroutine: Coroutine[Any, Any, list[Reply]], done: Taker) -> "asyncio.Task[list[Reply]]":
    task = asyncio.get_running_loop().create_task(coroutine)
    _running.add(task)

    def ended(task: "asyncio.Task[list[Reply]]") -> None:
        _running.discard(task)
        if task.cancelled():
            done(BrokerUnavailable("the event loop is ending"))
        else:
            exc = task.exception()
            done(exc if isinstance(exc, Exception) else task.result())

    task.add_done_callback(ended)
    return task


#: The event loop itself only keeps weak references.
_running: set["asyncio.Task[list[Reply]]"] = set()


async def _reply(connection: Any, command: Command) -> Reply:
    try:
        return parts(await connection.read_response(), command)
    except redis.ResponseError as exc:
        return refusal(exc, command)
