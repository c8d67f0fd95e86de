"""How blocking code talks to Redis: in the calling thread."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ...errors import BrokerError
from ..daemon_threads import run_in_thread
from ..redis_connections import Command, Connections, Reply
from ..redis_connections import Lane as Connection
from ..redis_failures import no_thread
from ..redis_pools import is_asynchronous, make_pool

__all__ = ("Command", "Lane", "Reply", "Taker", "Transport", "connect")

#: Takes the replies to some commands, or why there are none.
Taker = Callable[[list[Reply] | Exception], None]


def connect(source: Any, timeout: float, block: float) -> "Transport":
    """Make a transport; nothing is opened yet.

    Args:
        source: A URL, or a client whose settings are used.
        timeout: Seconds to wait for a connection, and for a reply.
        block: Seconds that a command on a lane may take beyond that.

    Raises:
        TypeError: It is something else, or belongs to an event loop.
        ValueError: The URL cannot be understood.
    """
    if is_asynchronous(source):
        raise TypeError("pass a redis.Redis or a URL: a redis.asyncio.Redis needs an event loop, and diator.aio")
    return Transport(source, timeout, block)


class Transport:
    """Makes round trips to a server, each on a connection of its own."""

    def __init__(self, source: Any, timeout: float, block: float) -> None:
        self._connections = Connections(make_pool(source, timeout))
        self._lanes = make_pool(source, timeout + block)

    def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Send commands in one go, and return their replies; a `BrokerError` among them is not raised.

        Raises:
            BrokerUnavailable: The replies did not come.
        """
        return self._connections.exchange(commands)

    def start(self, commands: Sequence[Command], done: Taker) -> None:
        """Do the same, and hand the replies over instead."""
        try:
            replies = self._connections.exchange(commands)
        except Exception as exc:  # noqa: BLE001 - whoever waits for the replies raises it
            done(exc)
        else:
            done(replies)

    def detach(self, commands: Sequence[Command], done: Taker) -> None:
        """Do the same in another thread, without waiting for it."""
        _detach(partial(self._connections.exchange, commands), done)

    def lane(self) -> "Lane":
        """Make a connection for commands that block."""
        return Lane(self._lanes)

    def close(self) -> None:
        self._connections.close()


class Lane:
    """A connection for commands that block, used by one call at a time, which runs in a thread of its own."""

    def __init__(self, pool: Any) -> None:
        self._connection = Connection(pool)

    @property
    def client_id(self) -> int:
        """The number of the connection at the server; 0 if there is none."""
        return self._connection.client_id

    def start(self, commands: Sequence[Command], done: Taker) -> None:
        """Send commands, and hand the replies over in the thread."""
        _detach(partial(self._connection.exchange, commands), done)

    def listen(self, subscribe: Command, limit: int, timeout: float, done: Taker) -> None:
        """Wait for pushes, and hand them over in the thread."""
        _detach(partial(self._connection.listen, subscribe, limit, timeout), done)

    def close(self) -> None:
        """Close the connection, also while a call uses it."""
        self._connection.close()


def _detach(function: Callable[[], list[Reply]], done: Taker) -> None:
    try:
        run_in_thread(partial(_call, function, done))
    except RuntimeError as exc:
        done(no_thread(exc))


def _call(function: Callable[[], list[Reply]], done: Taker) -> None:
    try:
        outcome: list[Reply] | Exception = function()
    except BaseException as exc:  # noqa: BLE001 - a thread of ours has nobody else to tell
        outcome = exc if isinstance(exc, Exception) else BrokerError(f"the thread ended: {type(exc).__name__}")
    done(outcome)
