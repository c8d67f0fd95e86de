"""Where a receiver reads new messages: a stream that its group shares, or partitions of its own."""

import math
from collections.abc import Callable, Iterator, Sequence
from time import monotonic

from ..._core.stream_entries import Entry, entries_of
from ..._core.stream_ledger import Held, Ledger
from ..._core.stream_scripts import ACQUIRE, LEAVE, TAKE
from ..._runtime.aio.redis import Command, Reply
from ._redis_place import StreamPlace

__all__ = ("Partitions", "SharedStream")


class SharedStream:
    """One stream, whose messages the receivers of a group share.

    Attributes:
        has_news: Whether there is more to read at once.
    """

    def __init__(
        self,
        place: StreamPlace,
        consumer: str,
        visibility: float,
        ledger: Ledger,
        gained: Callable[[], None],
    ) -> None:
        self.has_news = False
        self._place = place
        self._consumer = consumer

    def owned(self) -> Sequence[str]:
        """The streams to claim messages in."""
        return self._place.streams

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

    def _args(self) -> Sequence[str]:
        return (*self._place.streams, ">")


class Partitions:
    """Streams of which each has one owner at a time, who holds a lease and extends it.

    To read a message is one step with looking at the lease, and who takes a lease over takes everything that is pending
    with it: so an owner who lost his, perhaps without knowing yet, gets and begins nothing any more.

    Args:
        place: The streams.
        consumer: The owner.
        visibility: Seconds of a lease.
        ledger: Knows what is still being handled.
        gained: Called when there is a new partition: what is pending there comes first.

    Attributes:
        has_news: Whether there is more to read at once.
    """

    def __init__(
        self,
        place: StreamPlace,
        consumer: str,
        visibility: float,
        ledger: Ledger,
        gained: Callable[[], None],
    ) -> None:
        self._place = place
        self._consumer = consumer
        self._visibility = visibility
        self._ledger = ledger
        self._gained = gained
        self._tokens: dict[str, str] = {}
        self._last: dict[str, str] = {}  # the last id that was delivered of each
        self._news: list[str] = []
        self._surplus: set[str] = set()
        self._asked: str | None = None
        self._limit = 1
        self._renew_at = -math.inf
        self._sure_until = -math.inf

    @property
    def has_news(self) -> bool:
        return bool(self._news)

    def owned(self) -> Sequence[str]:
        """The streams to claim messages in."""
        return list(self._tokens)

    def is_ours(self, held: Held, now: float) -> bool:
        """Whether nobody else can have this message."""
        return now < min(held.until, self._sure_until)

    def next_at(self) -> float:
        """When `renew` has to be called again."""
        return self._renew_at

    async def renew(self, take_more: bool) -> None:
        """Extend the leases if it is time, give up what is more than a fair share, and take what is free."""
        now = monotonic()
        if now < self._renew_at:
            return
        [(share, *owned)] = await self._place.client.exchange(self._acquire(take_more))
        self._renew_at, self._sure_until = now + self._visibility / 3, now + self._visibility
        self._own(dict(zip(self._place.streams, zip(owned[::2], owned[1::2], strict=True), strict=True)))
        await self._give_up(len(self._tokens) - share)

    def _own(self, found: dict[str, tuple[bytes, bytes]]) -> None:
        """Take note of the token of each partition that is ours, and of the id that was delivered last."""
        tokens = {stream: token.decode() for stream, (token, _) in found.items() if token}
        gained = {stream for stream in tokens if self._tokens.get(stream) != tokens[stream]}
        for held in self._ledger.of((self._tokens.keys() - tokens.keys()) | gained):
            self._ledger.remove(held)
        self._tokens = tokens
        self._last |= {stream: found[stream][1].decode() for stream in gained}
        self._news = [stream for stream in self._news if stream in tokens and stream not in gained]
        if gained:
            self._gained()

    async def leave(self) -> None:
        """Own nothing any more."""
        tokens, self._tokens = self._tokens, {}
        await self._release(tokens, self._consumer)

    def reading(self, limit: int, block: float) -> Sequence[Command]:
        """The command that takes new messages of a partition that has some, or waits until one has."""
        self._limit = limit
        self._asked = self._news[0] if self._news else None
        if self._asked is not None:
            keys = self._asked, self._lease(self._asked)
            arguments = self._place.group, self._consumer, self._tokens[self._asked], limit
            return [("EVAL", TAKE, len(keys), *keys, *arguments)]
        streams = [stream for stream in self._tokens if stream not in self._surplus]
        milliseconds = int(block * 1000)
        if not streams:  # wait for nothing, at the server: somebody may want to end it
            return [("XREAD", "BLOCK", max(milliseconds, 1), "STREAMS", self._place.key("nothing"), "$")]
        blocking = ("BLOCK", milliseconds) if milliseconds > 0 else ()
        ends = [self._last[stream] for stream in streams]
        return [("XREAD", "COUNT", 1, *blocking, "STREAMS", *streams, *ends)]

    def entries(self, reply: Reply) -> Iterator[tuple[str, Entry]]:
        """What was taken; what only showed that there is something is remembered."""
        stream = self._asked
        if stream is None:
            self._news = [known for known in entries_of(reply) if known in self._tokens]
            return
        entries = entries_of(reply).get(stream, []) if isinstance(reply, list) else []
        if entries:
            self._last[stream] = entries[-1].id
        self._news = [known for known in self._news if known != stream]
        if len(entries) >= self._limit:
            self._news.append(stream)  # there may be more, but others first
        if reply == 0:  # the lease is somebody else's
            self._renew_at = -math.inf
        for entry in entries:
            yield stream, entry

    def _acquire(self, take_more: bool) -> Command:
        keys = [self._place.key(f"{self._place.group}:{name}") for name in ("members", "fences")]
        for stream in self._place.streams:
            keys += (stream, self._lease(stream))
        milliseconds = int(self._visibility * 1000)
        arguments = (self._place.group, self._consumer, milliseconds, "1" if take_more else "0")
        return ("EVAL", ACQUIRE, len(keys), *keys, *arguments)

    def _lease(self, stream: str) -> str:
        return f"{stream}:{self._place.group}:lease"

    async def _give_up(self, surplus: int) -> None:
        """Give partitions to others, but only those with nothing in hand; read nothing more of the next ones."""
        busy = {held.stream for held in self._ledger}
        chosen = sorted(self._tokens, key=lambda stream: stream in busy)[: max(0, surplus)]
        self._surplus = set(chosen)
        self._news = [stream for stream in self._news if stream not in self._surplus]
        free = {stream: self._tokens.pop(stream) for stream in chosen if stream not in busy}
        if free:
            await self._release(free, "")

    async def _release(self, tokens: dict[str, str], member: str) -> None:
        keys = [self._place.key(f"{self._place.group}:members"), *map(self._lease, tokens)]
        await self._place.client.exchange(("EVAL", LEAVE, len(keys), *keys, member, *tokens.values()))
