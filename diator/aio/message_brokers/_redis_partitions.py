"""Where a receiver reads new messages: partitions of its own."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic

from ..._core.partition_scripts import ACQUIRE, LEAVE, TAKE
from ..._core.stream_entries import Entry, entries_of
from ..._core.stream_ledger import Held, Ledger
from ..._runtime.aio.redis import Command, Reply
from ..._runtime.aio.waiting import Changes
from ._redis_place import StreamPlace

__all__ = ("Partitions",)


class Partitions:
    """Streams of which each has one owner at a time, who holds a lease and extends it.

    To read a message is one step with looking at the lease, and who takes a lease over takes everything that is pending
    with it: so an owner who lost his, perhaps without knowing yet, gets and begins nothing any more. What the ledger
    holds of a partition was taken under the lease that is known here; a reply that comes later than that is dropped.

    Args:
        place: The streams.
        consumer: The owner.
        visibility: Seconds of a lease.
        ledger: Knows what is still being handled.
        changes: Guards what is known about them: leases are also extended while somebody reads. Who calls `reading`,
            `entries` or `lost` has entered it.
        recover: Called when something may be pending that is not known here: it comes first.

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
        self._place = place
        self._consumer = consumer
        self._visibility = visibility
        self._ledger = ledger
        self._changes = changes
        self._recover = recover
        self._tokens: dict[str, str] = {}
        self._last: dict[str, str] = {}  # the last id that was delivered of each
        self._news: list[str] = []
        self._surplus: set[str] = set()
        self._asked: tuple[str, str] | None = None  # what is being taken from, under which token
        self._limit = 1
        self._is_renewing = False
        self._renew_at = -math.inf
        self._sure_until = -math.inf

    @property
    def has_news(self) -> bool:
        return bool(self._news)

    def owned(self) -> Mapping[str, str]:
        """The streams to claim messages in, and under which tokens."""
        return dict(self._tokens)

    def is_ours(self, held: Held, now: float) -> bool:
        """Whether nobody else can have this message."""
        return now < min(held.until, self._sure_until) and held.stream in self._tokens

    def next_at(self) -> float:
        """When `renew` has to be called again."""
        return self._renew_at

    async def renew(self, take_more: bool) -> None:
        """Extend the leases if it is time, give up what is more than a fair share, and take what is free."""
        now = monotonic()
        with self._changes:
            if self._is_renewing or now < self._renew_at:
                return
            self._is_renewing, self._renew_at = True, now + self._visibility / 3
        try:
            [(share, *owned)] = await self._place.client.exchange(self._acquire(take_more))
            with self._changes:
                self._sure_until = now + self._visibility
                self._own(dict(zip(self._place.streams, zip(owned[::2], owned[1::2], strict=True), strict=True)))
                free = self._give_up(len(self._tokens) - share)
            if free:
                await self._release(free, "")
        except BaseException:
            self._renew_at = -math.inf
            raise
        finally:
            self._is_renewing = False

    def _own(self, found: dict[str, tuple[bytes, bytes]]) -> None:
        """Take note of the token of each partition that is ours, and of the id that was delivered last."""
        tokens = {stream: token.decode() for stream, (token, _) in found.items() if token}
        gained = {stream for stream in tokens if self._tokens.get(stream) != tokens[stream]}
        for held in self._ledger.of((self._tokens.keys() - tokens.keys()) | gained):
            self._ledger.remove(held)
        self._tokens = tokens
        self._last |= {stream: found[stream][1].decode() for stream in tokens}
        self._news = [stream for stream in self._news if stream in tokens and stream not in gained]
        if gained:
            self._recover()

    async def leave(self) -> None:
        """Own nothing any more."""
        with self._changes:
            tokens, self._tokens = self._tokens, {}
        await self._release(tokens, self._consumer)

    def reading(self, limit: int, block: float) -> Sequence[Command]:
        """The command that takes new messages of a partition that has some, or waits until one has."""
        self._limit = limit
        if self._news:
            stream = self._news[0]
            self._asked = stream, self._tokens[stream]
            arguments = self._place.group, self._consumer, self._tokens[stream], limit
            return [("EVAL", TAKE, 2, stream, self._lease(stream), *arguments)]
        streams = [stream for stream in self._tokens if stream not in self._surplus]
        milliseconds = int(block * 1000)
        if not streams:  # wait for nothing, at the server: somebody may want to end it
            return [("XREAD", "BLOCK", max(milliseconds, 1), "STREAMS", self._place.key("nothing"), "$")]
        blocking = ("BLOCK", milliseconds) if milliseconds > 0 else ()
        ends = [self._last[stream] for stream in streams]
        return [("XREAD", "COUNT", 1, *blocking, "STREAMS", *streams, *ends)]

    def entries(self, reply: Reply) -> Iterator[tuple[str, Entry]]:
        """What was taken; what only showed that there is something is remembered."""
        asked, self._asked = self._asked, None
        if asked is None:
            self._news = [s for s in entries_of(reply) if s in self._tokens and s not in self._surplus]
            return
        stream, token = asked
        if reply == 0:  # the lease is somebody else's
            self._renew_at = -math.inf
        if self._tokens.get(stream) != token:  # who has it by now has also what was pending there
            return
        entries = entries_of(reply).get(stream, []) if isinstance(reply, list) else []
        if entries:
            self._last[stream] = entries[-1].id
        elif isinstance(reply, bytes):  # further than was known: the reply to an earlier call got lost
            self._last[stream] = reply.decode()
        self._news = [known for known in self._news if known != stream]
        if len(entries) >= self._limit:
            self._news.append(stream)  # there may be more, but others first
        for entry in entries:
            yield stream, entry

    def lost(self) -> None:
        """No reply came to `reading`."""
        self._asked = None
        self._recover()

    def _acquire(self, take_more: bool) -> Command:
        keys = [self._place.key(f"{self._place.group}:{name}") for name in ("members", "fences")]
        for stream in self._place.streams:
            keys += (stream, self._lease(stream))
        milliseconds = int(self._visibility * 1000)
        arguments = (self._place.group, self._consumer, milliseconds, "1" if take_more else "0")
        return ("EVAL", ACQUIRE, len(keys), *keys, *arguments)

    def _lease(self, stream: str) -> str:
        return f"{stream}:{self._place.group}:lease"

    def _give_up(self, surplus: int) -> dict[str, str]:
        """Choose what others are to have, and return those with nothing in hand; read nothing more of the next ones."""
        busy = {held.stream for held in self._ledger}
        if self._asked is not None:  # some may be on their way
            busy.add(self._asked[0])
        chosen = sorted(self._tokens, key=lambda stream: stream in busy)[: max(0, surplus)]
        self._surplus = set(chosen)
        self._news = [stream for stream in self._news if stream not in self._surplus]
        return {stream: self._tokens.pop(stream) for stream in chosen if stream not in busy}

    async def _release(self, tokens: dict[str, str], member: str) -> None:
        keys = [self._place.key(f"{self._place.group}:members"), *map(self._lease, tokens)]
        await self._place.client.exchange(("EVAL", LEAVE, len(keys), *keys, member, *tokens.values()))
