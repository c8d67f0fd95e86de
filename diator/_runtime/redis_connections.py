"""Connections to Redis for both sides: redis-py's, with settings of our own, and its errors turned into ours.

Commands are written to redis-py's connections, and replies read from them, directly. Its clients do the same, but they
also retry by themselves, which duplicates what was sent, and shape replies differently from version to version.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic
from typing import Any, Final, TypeAlias

from .._core.redis_errors import UNAVAILABLE, code_of, explain
from ..errors import BrokerError, BrokerUnavailable, MissingExtraError

try:
    import redis
    import redis.asyncio
    import redis.asyncio.retry
    from redis import connection as redis_connection
    from redis.backoff import NoBackoff
    from redis.exceptions import AuthorizationError
    from redis.retry import Retry
except ImportError as exc:
    raise MissingExtraError('redis-py is not installed: pip install "diator[redis]"', name="redis") from exc

__all__ = (
    "Command",
    "Connections",
    "Lane",
    "Reply",
    "failure",
    "is_asynchronous",
    "make_pool",
    "parts",
    "refusal",
)

Command: TypeAlias = Sequence[bytes | str | int | float]
#: What Redis replied to a command: bytes, a number, a list or None; or a `BrokerError`, not raised.
Reply: TypeAlias = Any

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
    if isinstance(source, redis.asyncio.Redis):
        return True
    raise TypeError(
        f"pass the URL of a Redis server, a redis.Redis or a redis.asyncio.Redis, not {type(source).__name__}"
    )


def make_pool(source: Any, timeout: float) -> Any:
    """Make a pool of our own for a URL, or like that of somebody's client, which is only looked at.

    Args:
        source: The URL or the client.
        timeout: Seconds to wait for a connection, and for a reply.

    Raises:
        ValueError: The URL cannot be understood; the text does not quote it.
    """
    is_async = is_asynchronous(source)
    lent = _parsed(source) if isinstance(source, str) else source.connection_pool.connection_kwargs
    settings = {name: lent[name] for name in lent if name not in _NOT_LENT and not name.startswith(_NOT_LENT_PREFIXES)}
    settings |= {
        "retry": (redis.asyncio.retry.Retry if is_async else Retry)(NoBackoff(), 0),
        "socket_timeout": timeout,
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
    return (redis.asyncio.ConnectionPool if is_async else redis.ConnectionPool)(**settings)


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
        parse_url: Callable[[str], dict[str, Any]] = getattr(redis_connection, "parse_url")  # noqa: B009 - untyped
        return parse_url(url)
    except ValueError:
        pass
    # Out here, because the error above may quote a part of the password, and would become the context of this one.
    raise ValueError(
        "the Redis URL cannot be understood: it must look like redis://user:password@host:6379/0, rediss://... or "
        "unix:///path/to/socket?db=0; percent-encode special characters in user and password"
    )


#: redis-py takes the code off some replies, and makes a class of it.
_CODES: Final = {
    "ExecAbortError": "EXECABORT",
    "MasterDownError": "MASTERDOWN",
    "NoPermissionError": "NOPERM",
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "TryAgainError": "TRYAGAIN",
    "ClusterDownError": "CLUSTERDOWN",
}


#: Seconds without a word from the server until it is asked whether it is there.
_SILENCE: Final = 10.0


class Connections:
    """Blocking connections that threads share, each for one exchange at a time.

    Args:
        pool: Made by `make_pool`.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Send commands in one go, and return their replies.

        Raises:
            BrokerUnavailable: The replies did not come.
        """
        try:
            connection = self._pool.get_connection()
        except (redis.RedisError, OSError) as exc:
            raise failure(exc, maybe_done=False) from exc
        try:
            return _exchange(connection, commands)
        finally:
            self._pool.release(connection)

    def close(self) -> None:
        self._pool.disconnect()


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
        self._heard = self._asked = 0.0

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
            self._show_life(connection)
            while len(pushed) < limit and connection.can_read(0 if pushed else timeout):
                pushed.append(connection.read_response())
                self._heard = monotonic()
        except (redis.RedisError, OSError) as exc:
            raise failure(exc) from exc
        return pushed

    def _show_life(self, connection: Any) -> None:
        """Make a silent server say something now and then, or a cut cable would look like silence."""
        silent = monotonic() - max(self._heard, self._asked)
        if silent > _SILENCE:
            if self._asked > self._heard:
                raise redis.TimeoutError("no answer to a ping")
            connection.send_command("PING", check_health=False)
            self._asked = monotonic()

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
            self._heard = self._asked = monotonic()
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


def _exchange(connection: Any, commands: Sequence[Command]) -> list[Reply]:
    try:
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)
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


def parts(reply: Reply, command: Command) -> Reply:
    """Translate the errors inside of the reply to a transaction."""
    if command[0] != "EXEC" or not isinstance(reply, list):
        return reply
    replies: list[Any] = reply  # pyright: ignore[reportUnknownVariableType]
    return [refusal(part, ("a command",)) if isinstance(part, redis.ResponseError) else part for part in replies]


def refusal(exc: redis.ResponseError, command: Command) -> BrokerError:
    """What an error reply means. It may quote arguments, so it is not chained."""
    code = _CODES.get(type(exc).__name__) or code_of(str(exc))
    text = explain(code, str(exc), str(command[0]))
    return BrokerUnavailable(text, maybe_done=False) if code in UNAVAILABLE else BrokerError(text)


def failure(exc: Exception, maybe_done: bool = True) -> BrokerError:
    """What to raise when a connection could not be made, or was lost.

    Args:
        exc: What redis-py raised.
        maybe_done: Whether something had been sent.
    """
    if isinstance(exc, redis.AuthenticationError | AuthorizationError):
        return BrokerError("Redis does not accept this user and password: look at the URL or the client")
    if isinstance(exc, redis.BusyLoadingError):
        return BrokerUnavailable(explain("LOADING", "", "the command"), maybe_done=False)
    if isinstance(exc, redis.ResponseError | redis.DataError):  # while the connection was set up
        return BrokerError(f"Redis refused the connection: {type(exc).__name__}")
    if isinstance(exc, redis.TimeoutError | TimeoutError):
        return BrokerUnavailable("Redis did not answer in time", maybe_done)
    return BrokerUnavailable(
        "the connection to Redis was lost" if maybe_done else "Redis cannot be reached", maybe_done
    )
