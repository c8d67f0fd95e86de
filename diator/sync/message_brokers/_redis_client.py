# Generated from diator/aio/message_brokers/_redis_client.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What the brokers on Redis have in common: round trips that are shared and made again, and the end of it all."""

from collections.abc import Callable, Sequence
from functools import partial
from random import random
from time import monotonic
from typing import Any, TypeVar

from ..._runtime.sync.group_commit import Done, GroupCommit
from ..._runtime.sync.redis import Command, Reply, Transport, connect
from ..._runtime.sync.waiting import Changes
from ...errors import BrokerClosed, BrokerError, BrokerUnavailable

__all__ = ("BLOCK", "RedisClient", "Unit", "expect_done")

T = TypeVar("T")

#: Seconds that a blocking command takes at most; the next one follows at once.
BLOCK = 5.0

#: Commands that belong together.
Unit = Sequence[Command]


class RedisClient:
    """Sends commands of many callers at the same time, in few round trips.

    Args:
        source: A URL, or a client whose settings are used.
        timeout: Seconds to wait for a connection, and for a reply.
        retry_timeout: Seconds in which what failed is tried again.
        max_batch: The most commands that share a round trip.
    """

    def __init__(self, source: Any, *, timeout: float, retry_timeout: float, max_batch: int) -> None:
        for name, number in (("timeout", timeout), ("max_batch", max_batch)):
            if not number > 0:
                raise ValueError(f"{name} must be more than 0, not {number}")
        if not retry_timeout >= 0:
            raise ValueError(f"retry_timeout must be a number of seconds from 0, not {retry_timeout}")
        self.transport: Transport = connect(source, timeout, BLOCK)
        self.timeout = timeout
        self.max_batch = max_batch
        self.changes = Changes()
        self.is_closed = False
        self._retry_timeout = retry_timeout
        self._commit: GroupCommit[Unit, list[Reply]] = GroupCommit(self._start, max_batch, len)

    def expect_open(self) -> None:
        """Raise `BrokerClosed` if this has been closed."""
        if self.is_closed:
            raise BrokerClosed("the broker has been closed: open a new one")

    def submit(self, unit: Unit) -> list[Reply]:
        """Send commands together with those of others, and return their replies.

        Raises:
            BrokerError: One of them was refused.
            BrokerUnavailable: The replies did not come.
        """
        return expect_done(self._commit.submit(unit))

    def exchange(self, *commands: Command) -> list[Reply]:
        """Send commands at once, and return their replies; raises what `submit` raises."""
        return expect_done(self.transport.exchange(commands))

    def persist(self, act: Callable[[], T], only_undone: bool = False) -> T:
        """Do something again while the server is not available, until the time is over.

        Args:
            act: What to do: the very same each time.
            only_undone: Do it again only if it surely has not been done.
        """
        deadline = monotonic() + self._retry_timeout
        delay = 0.02
        while True:
            try:
                return act()
            except BrokerUnavailable as error:
                pause = delay * (0.5 + random())
                if monotonic() + pause > deadline or (only_undone and error.maybe_done):
                    raise
            with self.changes:
                self.expect_open()
                self.changes.wait(pause)
                self.expect_open()
            delay = min(delay * 2, 1.0)

    def refuse(self) -> None:
        """Refuse whatever comes, and wake those who wait to try again."""
        with self.changes:
            self.is_closed = True
            self.changes.notify()

    def close(self) -> None:
        self.refuse()
        self.transport.close()

    def _start(self, units: Sequence[Unit], done: Done[list[Reply]]) -> None:
        commands = [command for unit in units for command in unit]
        self.transport.start(commands, partial(_share_out, units, done))


def _share_out(units: Sequence[Unit], done: Done[list[Reply]], replies: list[Reply] | Exception) -> None:
    if isinstance(replies, Exception):
        done(replies)
        return
    rest = iter(replies)
    done([[next(rest) for _ in unit] for unit in units])


def expect_done(replies: list[Reply]) -> list[Reply]:
    """Return the replies, or raise the first error among them, and in the reply to a transaction."""
    for reply in replies:
        for part in reply if isinstance(reply, list) else (reply,):  # pyright: ignore[reportUnknownVariableType]
            if isinstance(part, BrokerError):
                raise part
    return replies
