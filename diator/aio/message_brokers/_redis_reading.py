"""Waits for new messages of a stream, in calls to the server that may outlast who waits."""

from collections.abc import Callable
from time import monotonic

from ..._core.stream_entries import Entry
from ..._runtime.aio.redis import Reply
from ..._runtime.aio.waiting import Changes
from ._redis_client import BLOCK, RedisClient
from ._redis_partitions import Partitions
from ._redis_sources import SharedStream

__all__ = ("Reading",)


class Reading:
    """One call to the server at a time. Whatever it brings is taken over, even if nobody waits for it any more.

    Args:
        client: Connects.
        source: What to read.
        changes: Guards what is called, and wakes those who wait.
        take: Called with the stream, an entry, and a time before it was delivered.
    """

    def __init__(
        self,
        client: RedisClient,
        source: SharedStream | Partitions,
        changes: Changes,
        take: Callable[[str, Entry, float], None],
    ) -> None:
        self._client = client
        self._source = source
        self._changes = changes
        self._take = take
        self._lane = client.transport.lane()
        self._is_going = self._is_stopped = False
        self._asked_at = 0.0
        self._failure: Exception | None = None

    async def wait(self, limit: int, deadline: float, interruption: float) -> None:
        """Wait until a call has returned, or the time is over.

        Args:
            limit: The most entries to ask for.
            deadline: When to give up waiting.
            interruption: When the call itself has to end, because there is something else to look at.
        """
        now = monotonic()
        block = max(0.0, min(deadline, interruption, now + BLOCK) - now)
        # a call that does not block is waited for: it is no waiting for messages
        until = deadline if block > 0 else now + 2 * self._client.timeout
        self._start(limit, block)
        with self._changes:
            while self._is_going and not self._is_stopped and monotonic() < until:
                await self._changes.wait(until - monotonic())
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _start(self, limit: int, block: float) -> None:
        """Begin a call, unless there is one."""
        with self._changes:
            if self._is_going:
                return
            commands = self._source.reading(limit, block)
            self._is_going, self._failure, self._asked_at = True, None, monotonic()
        try:
            self._lane.start(commands, self._arrived)
        except BaseException:  # it will never arrive
            with self._changes:
                self._is_going = False
                self._source.lost()
            raise

    async def stop(self) -> None:
        """Wake who waits, and let a call that waits return, which loses nothing; but do not wait long for that."""
        with self._changes:
            self._is_stopped = True
            self._changes.notify()
        until = monotonic() + 1.0
        while self._is_going and monotonic() < until:
            if self._lane.client_id:
                self._client.transport.detach([("CLIENT", "UNBLOCK", self._lane.client_id)], lambda replies: None)
            with self._changes:
                if self._is_going:
                    await self._changes.wait(0.05)

    def close(self) -> None:
        """Close the connection."""
        self._lane.close()

    def _arrived(self, replies: list[Reply] | Exception) -> None:
        with self._changes:
            self._is_going = False
            answer = replies if isinstance(replies, Exception) else replies[-1]
            if isinstance(answer, Exception):
                self._failure = answer
                self._source.lost()
            else:
                for stream, entry in self._source.entries(answer):
                    self._take(stream, entry, self._asked_at)
            self._changes.notify()
