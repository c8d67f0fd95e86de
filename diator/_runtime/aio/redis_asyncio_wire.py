"""How replies are read from a connection of ``redis.asyncio``: as they arrive, without a task that waits for them."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

from ..._core.redis_errors import code_of
from ..redis_connections import FRESH, Command, Reply, pack
from ..redis_failures import failure, parts, refusal
from ..redis_library import Reader, redis
from .redis_threads import Taker

__all__ = ("Wire",)

_NOT_ENOUGH: Final = object()
#: Errors that another connection may not have: to another server, or after it has introduced itself again.
_LAST: Final = frozenset({"LOADING", "MASTERDOWN", "NOAUTH", "READONLY", "WRONGPASS"})


class Wire(asyncio.Protocol):
    """An open connection, between two exchanges and during those that follow.

    redis-py's own way needs a task for each exchange, and more turns of the event loop than all the rest.

    Args:
        connection: Nobody else may use it until `leave`.
        timeout: Seconds for an exchange.
    """

    def __init__(self, connection: Any, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._used_at = monotonic()
        self._has_failed = False
        self._parser = None if Reader is None else Reader(replyError=redis.ResponseError, notEnoughData=_NOT_ENOUGH)
        self._commands: Sequence[Command] = ()
        self._replies: list[Reply] = []
        self._done: Taker | None = None
        self._timer: asyncio.TimerHandle
        self._transport: Any = connection._writer.transport
        self._streams = self._transport.get_protocol()
        self._transport.set_protocol(self)

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended, or is about to: redis-py cannot always tell."""
        return self._has_failed or self._transport.is_closing()

    @property
    def is_fresh(self) -> bool:
        """Whether it needs no look by redis-py before it is used again."""
        return not self.is_lost and monotonic() - self._used_at < FRESH

    def leave(self) -> Any:
        """Return the connection for redis-py."""
        self._transport.set_protocol(self._streams)
        return self._connection

    def start(self, commands: Sequence[Command], done: Taker) -> None:
        """Send commands in one go, and hand over their replies, or a `BrokerUnavailable`. It needs hiredis."""
        data = b"".join(pack(self._connection, commands))
        self._commands, self._replies, self._done = commands, [], done
        self._timer = asyncio.get_running_loop().call_later(self._timeout, self._lose, TimeoutError())
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        parser: Any = self._parser
        replies, wanted = self._replies, len(self._commands)
        try:
            parser.feed(data)
            while (reply := parser.gets()) is not _NOT_ENOUGH:
                replies.append(reply)
        except Exception as error:  # noqa: BLE001 - hiredis cannot make sense of it
            self._lose(error)
            return
        if len(replies) == wanted and self._done is not None:
            self._used_at = monotonic()
            if any(isinstance(reply, redis.ResponseError) and code_of(str(reply)) in _LAST for reply in replies):
                self._has_failed = True
                self._transport.abort()
            self._hand_over(
                [_translated(reply, command) for reply, command in zip(replies, self._commands, strict=True)]
            )
        elif len(replies) >= wanted:
            self._lose(ConnectionError("there are more replies than commands"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._streams.connection_lost(exc)
        self._lose(exc or ConnectionError("the server closed the connection"))

    def _lose(self, error: Exception) -> None:
        self._has_failed = True
        self._transport.abort()
        if self._done is not None:
            self._hand_over(failure(error))

    def _hand_over(self, outcome: list[Reply] | Exception) -> None:
        done, self._done = self._done, None
        self._timer.cancel()
        self._commands, self._replies = (), []
        if done is not None:
            done(outcome)


def _translated(reply: Reply, command: Command) -> Reply:
    return refusal(reply, command) if isinstance(reply, redis.ResponseError) else parts(reply, command)
