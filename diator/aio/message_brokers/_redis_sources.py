"""Where a receiver reads new messages: a stream that its group shares."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..._core.stream_entries import Entry, entries_of
from ..._core.stream_ledger import Held, Ledger
from ..._runtime.aio.redis import Command, Reply
from ..._runtime.aio.waiting import Changes
from ._redis_place import StreamPlace

__all__ = ("SharedStream",)


class SharedStream:
    """One stream, whose messages the receivers of a group share; see `Partitions` for the arguments.

    Attributes:
        has_news: Whether there is more to read at once.
    """

    def __init__(
        self,
        place: StreamPlace,
        consumer: str,
        visibility: float,
        ledger: Ledger,
        changes: Changes,
        recover: Callable[[], None],
    ) -> None:
        self.has_news = False
        self._place = place
        self._consumer = consumer
        self._recover = recover

    def owned(self) -> Mapping[str, str]:
        """The streams to claim messages in, and under which tokens."""
        return dict.fromkeys(self._place.streams, "")

    def is_ours(self, held: Held, now: float) -> bool:
        """Whether nobody else can have this message."""
        return now < held.until

    def next_at(self) -> float:
        """When `renew` has to be called again."""
        return math.inf

    async def renew(self, take_more: bool) -> None:
        """Stay an owner."""

    async def leave(self) -> None:
        """Own nothing any more."""

    def reading(self, limit: int, block: float) -> Sequence[Command]:
        """The command that waits for new messages."""
        milliseconds = int(block * 1000)
        blocking = ("BLOCK", milliseconds) if milliseconds > 0 else ()  # BLOCK 0 would wait for ever
        group = self._place.group
        return [("XREADGROUP", "GROUP", group, self._consumer, "COUNT", limit, *blocking, "STREAMS", *self._args())]

    def entries(self, reply: Reply) -> Iterator[tuple[str, Entry]]:
        """What came in the reply to `reading`."""
        for stream, entries in entries_of(reply).items():
            for entry in entries:
                yield stream, entry

    def lost(self) -> None:
        """No reply came to `reading`."""
        self._recover()

    def _args(self) -> Sequence[str]:
        return (*self._place.streams, ">")
