"""How tasks talk to Redis with ``redis.asyncio``."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from ...errors import BrokerError, BrokerUnavailable
from ..redis_connections import Command, Reply, pack
from ..redis_failures import failure
from ..redis_library import redis
from ..redis_pools import make_pool
from ..redis_silence import Silence
from .loops import current_loop
from .redis_asyncio_connections import AsyncioConnections
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
        self._opened, self._lanes = object(), object()
        self._is_closed = False

    def start(self, commands: Sequence[Command], done: Taker) -> None:
        connections = self._here(self._opened, self._timeout)
        if not connections.start(commands, done):
            _spawn(partial(connections.exchange, commands), done)

    def lane(self) -> Lane:
        return _AsyncioLane(lambda: self._here(self._lanes, self._timeout + self._block))

    async def aclose(self) -> None:
        self._is_closed = True
        here = _connections.get(current_loop(), {})
        for purpose in (self._opened, self._lanes):
            connections = here.get(purpose)
            if connections is not None:
                await connections.close()

    def _here(self, purpose: object, timeout: float) -> AsyncioConnections:
        """The connections of this event loop, which may not run a task now but call a function."""
        _expect_asyncio()
        here = _connections.setdefault(asyncio.get_running_loop(), {})
        connections = here.get(purpose)
        if connections is None:
            connections = AsyncioConnections(make_pool(self._source, self._timeout), timeout, self._is_closed)
            here[purpose] = connections
        return connections


class _AsyncioLane:
    def __init__(self, connections: Callable[[], AsyncioConnections]) -> None:
        self.client_id = 0
        self._connections = connections
        self._connection: Any = None
        self._silence = Silence()
        self._task: asyncio.Task[None] | None = None

    def start(self, commands: Sequence[Command], done: Taker) -> None:
        self._task = _spawn(partial(self._exchange, commands), done)

    def listen(self, subscribe: Command, limit: int, timeout: float, done: Taker) -> None:
        self._task = _spawn(partial(self._listen, subscribe, timeout), done)

    def close(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
        else:
            connection, self._connection = self._connection, None
            if connection is not None:
                _spawn(partial(self._release, connection), lambda outcome: None)

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
            self._silence = Silence()
        try:
            if self._silence.must_ask():
                await connection.send_packed_command(pack(connection, [("PING",)]), check_health=False)
            # it may not have been read from the socket yet, so even 0 seconds are a few
            pushed = await connection.read_response(timeout=max(timeout, 0.01), disconnect_on_error=False)
        except (redis.RedisError, OSError) as exc:
            raise failure(exc) from exc
        if pushed is None:
            return []
        self._silence.end()
        return [pushed]

    async def _release(self, connection: Any) -> list[Reply]:
        await self._connections().drop(connection)
        return []


def _expect_asyncio() -> None:
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        raise TypeError("a redis.asyncio.Redis does not run on trio: pass a URL or a redis.Redis, which do")


def _spawn(function: Callable[[], Coroutine[Any, Any, list[Reply]]], done: Taker) -> "asyncio.Task[None]":
    """Call a function in a task, and hand over what it returns, or why it did not."""
    is_told = False

    async def run() -> None:
        nonlocal is_told
        try:
            outcome: list[Reply] | Exception = await function()
        except Exception as exc:  # noqa: BLE001 - whoever waits for the replies raises it
            outcome = exc
        is_told = True  # from the task itself: its callbacks run one round of the event loop later
        done(outcome)

    def ended(task: "asyncio.Task[None]") -> None:
        _running.discard(task)
        if not is_told:
            done(BrokerUnavailable("the event loop is ending"))

    task = asyncio.get_running_loop().create_task(run())
    _running.add(task)
    task.add_done_callback(ended)
    return task


#: By event loop and purpose, as they cannot leave the loop they were opened on. What is left open when one ends stays
#: so, for it cannot be closed any more.
_connections: WeakKeyDictionary[Any, dict[object, AsyncioConnections]] = WeakKeyDictionary()

#: The event loop itself only keeps weak references.
_running: set["asyncio.Task[None]"] = set()
