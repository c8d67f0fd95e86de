"""Connections to Redis for both sides: redis-py's, with settings of our own, and its errors turned into ours.

Commands are written to redis-py's connections, and replies read from them, directly. Its clients do the same, but they
also retry by themselves, which duplicates what was sent, and shape replies differently from version to version.
"""

import os
from collections.abc import Sequence
from threading import Lock
from time import monotonic
from typing import Any, Final, TypeAlias

from ..errors import BrokerError, BrokerUnavailable
from .redis_failures import failure, parts, refusal
from .redis_library import pack_command, redis
from .redis_silence import Silence

__all__ = ("FRESH", "Command", "Connections", "Lane", "Reply", "pack")

Command: TypeAlias = Sequence[bytes | str | int | float]
#: What Redis replied to a command: bytes, a number, a list or None; or a `BrokerError`, not raised.
Reply: TypeAlias = Any

#: Seconds after an exchange in which the same connection makes another one without being looked at again.
FRESH: Final = 0.1


class Connections:
    """Blocking connections that threads share, each for one exchange at a time.

    redis-py's pool makes sure that a connection can be used before it gives it away, which takes longer than an
    exchange with a server nearby. So it only has to when the last exchange was a while ago.

    Args:
        pool: Made by `make_pool`.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._is_closed = False
        self._pid = os.getpid()
        self._used: list[tuple[Any, float]] = []  # the pool counts them as being in use

    def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Send commands in one go, and return their replies.

        Raises:
            BrokerUnavailable: The replies did not come.
        """
        connection = self._take()
        try:
            replies = _exchange(connection, commands)
        except BaseException:
            self._pool.release(connection)
            raise
        if self._is_closed:  # meanwhile: nobody else would close this one
            connection.disconnect()
            self._pool.release(connection)
        else:
            self._used.append((connection, monotonic()))
        return replies

    def close(self) -> None:
        """Close all connections, those in use as well."""
        self._is_closed = True
        self._pool.disconnect()

    def _take(self) -> Any:
        if self._pid != os.getpid():  # a process that was forked off leaves them to its parent
            self._used, self._pid = [], os.getpid()
        try:
            connection, used_at = self._used.pop()
        except IndexError:
            pass
        else:
            if monotonic() - used_at < FRESH:
                return connection
            self._pool.release(connection)
        try:
            return self._pool.get_connection()
        except (redis.RedisError, OSError) as exc:
            raise failure(exc, maybe_done=False) from exc


class Lane:
    """One connection, kept for commands that block, or for what the server pushes. One thread at a time may use it.

    Attributes:
        client_id: The number of the connection at the server, by which others can unblock it; 0 without one.
    """

    def __init__(self, pool: Any) -> None:
        self.client_id = 0
        self._pool = pool
        self._connection: Any = None
        self._lock = Lock()
        self._closed = False
        self._silence = Silence()

    def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Send commands in one go, and return their replies.

        Raises:
            BrokerUnavailable: The replies did not come.
        """
        try:
            return _exchange(self._connected(), commands)
        except BaseException:
            self._drop()
            raise

    def listen(self, subscribe: Command, limit: int, timeout: float) -> list[Reply]:
        """Wait for what the server pushes to subscribers.

        Args:
            subscribe: What to send first on a new connection.
            limit: The most pushes to return.
            timeout: Seconds to wait for the first one.

        Raises:
            BrokerUnavailable: The connection was lost.
        """
        try:
            is_new = self._connection is None
            connection = self._connected()
            if is_new:
                _expect_done(_exchange(connection, [subscribe]))
            return self._pushed(connection, limit, timeout)
        except BaseException:
            self._drop()
            raise

    def _pushed(self, connection: Any, limit: int, timeout: float) -> list[Reply]:
        pushed: list[Reply] = []
        try:
            if self._silence.must_ask():
                connection.send_command("PING", check_health=False)
            while len(pushed) < limit and connection.can_read(0 if pushed else timeout):
                pushed.append(connection.read_response())
                self._silence.end()
        except (redis.RedisError, OSError) as exc:
            raise failure(exc) from exc
        return pushed

    def close(self) -> None:
        """Close the connection, also while another thread waits on it."""
        self._closed = True
        self._drop()

    def _connected(self) -> Any:
        if self._connection is None:
            try:
                connection = self._pool.get_connection()
            except (redis.RedisError, OSError) as exc:
                raise failure(exc, maybe_done=False) from exc
            with self._lock:
                self._connection = connection
            self._silence = Silence()
            [client_id] = _exchange(connection, [("CLIENT", "ID")])
            self.client_id = client_id if isinstance(client_id, int) else 0
            if self._closed:
                raise BrokerUnavailable("the connection has been closed", maybe_done=False)
        return self._connection

    def _drop(self) -> None:
        with self._lock:
            connection, self._connection, self.client_id = self._connection, None, 0
        if connection is not None:
            connection.disconnect()
            self._pool.release(connection)


def _expect_done(replies: Sequence[Reply]) -> None:
    for reply in replies:
        if isinstance(reply, BrokerError):
            raise reply


def pack(connection: Any, commands: Sequence[Command]) -> Sequence[bytes]:
    """Put commands together as they go over the wire."""
    if pack_command is None:
        packed: Sequence[bytes] = connection.pack_commands(commands)
        return packed
    return [b"".join([pack_command(tuple(command)) for command in commands])]


def _exchange(connection: Any, commands: Sequence[Command]) -> list[Reply]:
    try:
        connection.send_packed_command(pack(connection, commands), check_health=False)
        return [_reply(connection, command) for command in commands]
    except (redis.RedisError, OSError) as exc:
        connection.disconnect()
        raise failure(exc) from exc
    except BaseException:  # a Ctrl-C, for example: whoever used the connection next would read these replies
        connection.disconnect()
        raise


def _reply(connection: Any, command: Command) -> Reply:
    try:
        reply = connection.read_response()
    except redis.ResponseError as exc:
        return refusal(exc, command)
    return parts(reply, command)
