"""Takes over messages that were delivered to somebody, and neither settled nor kept."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from time import monotonic

from ..._core.delivery import Delivery
from ..._core.stream_entries import Entry, Note, Pending, text_of
from ..._core.stream_ledger import Held, Ledger
from ..._core.stream_scripts import EXTEND, RELEASE
from ..._runtime.aio.redis import Command
from ..._runtime.aio.waiting import Changes
from ._redis_client import expect_done
from ._redis_place import StreamPlace

__all__ = ("Claims",)

#: Seconds between two looks at what others have left, at most.
_INTERVAL = 1.0
#: The most messages of one's own to take up again at a time.
_PAGE = 10_000


#: What was claimed, if it is still there, and the milliseconds that it is to rest.
_Claimed = tuple[Held, Entry | None, int]


class Claims:
    """Looks for messages to claim, again and again.

    They are claimed without counting a delivery: that happens when one begins.

    Args:
        place: Where they are.
        consumer: Who claims.
        visibility: Seconds after which a message may be claimed.
        ledger: Knows what is held already.
        changes: Guards what several look at and change. Who calls `recover` has entered it.
        recover: Whether an earlier process of the same name may have left something.
    """

    def __init__(
        self,
        place: StreamPlace,
        consumer: str,
        visibility: float,
        ledger: Ledger,
        changes: Changes,
        recover: bool,
    ) -> None:
        self.is_recovering = recover
        self._place = place
        self._consumer = consumer
        self._visibility = visibility
        self._ledger = ledger
        self._changes = changes
        self._next_at = -math.inf
        self._passed_over: list[Command] = []
        self._resting: dict[tuple[str, str], float] = {}  # pending here, and not to be looked at before that time

    def next_at(self) -> float:
        """When to look next."""
        return self._next_at

    def look_at(self, due: float | None) -> None:
        """Look at this time at the latest."""
        if due is not None:
            self._next_at = min(self._next_at, due)

    def recover(self) -> None:
        """Take up at once what is pending on this consumer and not known here: its delivery got lost on the way."""
        self.is_recovering = True
        self._next_at = -math.inf

    async def claim(self, limit: int, owned: Callable[[], Mapping[str, str]]) -> list[Delivery]:
        """Claim messages, the oldest first.

        Args:
            limit: The most of them.
            owned: The streams to look at, and the tokens by which they are ours.
        """
        now = monotonic()
        with self._changes:
            is_recovering, self.is_recovering = self.is_recovering, False
            self._next_at = now + min(self._visibility / 4, _INTERVAL)
            self._resting = {place: until for place, until in self._resting.items() if until > now}
        try:
            await self._acknowledge()
            tokens = owned()
            rows = await self._pending(limit, list(tokens), is_recovering)
            if not rows:
                return []
            self._next_at = now if len(rows) >= limit else self._next_at
            claimed = await self._take_over(rows, is_recovering)
            groups = await self._groups({held.stream for held, entry, _ in claimed if self._is_others(entry)})
            with self._changes:
                kept = {stream for stream, token in owned().items() if tokens.get(stream) == token}
                found = [self._accept(*one, groups) for one in claimed if one[0].stream in kept]
            await self._acknowledge()
            return [delivery for delivery in found if delivery is not None]
        except BaseException:  # cancelled, too: some may be ours already
            with self._changes:
                self._resting.clear()
                self.recover()
            raise

    async def _pending(self, limit: int, streams: Sequence[str], is_recovering: bool) -> list[tuple[str, Pending]]:
        if not streams:
            return []
        group, consumer = self._place.group, self._consumer
        mine = (consumer,) if is_recovering or self._place.partitions > 1 else ()
        span = ("-", "+", _PAGE) if is_recovering else ("IDLE", int(self._visibility * 1000), "-", "+", limit)
        replies = await self._place.client.exchange(*[("XPENDING", s, group, *span, *mine) for s in streams])
        found = [(s, row) for s, reply in zip(streams, replies, strict=True) for row in Pending.rows(reply)]
        if is_recovering:
            found = [one for one in found if not self._is_known(one[0], one[1].id)]
            self.is_recovering |= len(found) > limit  # it may have become true meanwhile
        return found[:limit]

    def _is_known(self, stream: str, entry_id: str) -> bool:
        return (stream, entry_id) in self._ledger or (stream, entry_id) in self._resting

    async def _take_over(self, rows: Sequence[tuple[str, Pending]], is_recovering: bool) -> list[_Claimed]:
        asked_at = monotonic()
        group, consumer, min_idle = self._place.group, self._consumer, int(self._visibility * 1000)
        commands: list[Command] = [("TIME",)]
        for stream, row in rows:
            commands += (
                # what one has is kept: it may have become somebody else's meanwhile
                ("EVAL", EXTEND, 1, stream, group, consumer, row.id)
                if is_recovering
                else ("XCLAIM", stream, group, consumer, min_idle, row.id, "JUSTID"),
                ("HGET", self._place.notes(stream), row.id),
                ("XRANGE", stream, row.id, row.id),
            )
        replies = await self._place.client.exchange(*commands)
        server_now = int(replies[0][0]) * 1000 + int(replies[0][1]) // 1000
        claimed: list[_Claimed] = []
        for number, (stream, row) in enumerate(rows):
            is_claimed, text, entries = replies[3 * number + 1 : 3 * number + 4]
            if any(is_claimed):
                note, entry = Note.read(text), Entry.from_reply(entries[0]) if entries else None
                held = Held(stream, row.id, asked_at + self._visibility, row.count, before=row.count)
                held.done, held.is_noted = note.done, text is not None
                claimed.append((held, entry, note.due - server_now))
        return claimed

    def _is_others(self, entry: Entry | None) -> bool:
        """Whether an entry says that it is meant for another group only."""
        return entry is not None and entry.group not in (None, self._place.group)

    async def _groups(self, streams: Collection[str]) -> dict[str, set[str]]:
        """The groups of streams: what is meant for one that does not exist would get lost."""
        if not streams:
            return {}
        replies = await self._place.client.exchange(*[("XINFO", "GROUPS", stream) for stream in streams])
        return {
            stream: {text_of(group[1]) for group in groups} for stream, groups in zip(streams, replies, strict=True)
        }

    def _accept(self, held: Held, entry: Entry | None, rest: int, groups: Mapping[str, set[str]]) -> Delivery | None:
        """Deliver what was claimed, unless it is gone, for somebody else, or to rest for some more time."""
        if entry is None or (self._is_others(entry) and entry.group in groups[held.stream]):
            self._passed_over.append(("XACK", held.stream, self._place.group, held.id))
        elif rest > 0:
            idle = max(0, int(self._visibility * 1000) - rest)
            again = ("EVAL", RELEASE, 1, held.stream, self._place.group, self._consumer, idle, held.id, held.counted)
            self._passed_over.append(again)
            self._resting[held.stream, held.id] = monotonic() + rest / 1000
            self.look_at(monotonic() + rest / 1000)
        else:
            return self._ledger.add(held, entry, attempt=held.counted + 1)
        return None

    async def _acknowledge(self) -> None:
        commands, self._passed_over = self._passed_over, []
        if commands:
            expect_done(await self._place.client.transport.exchange(commands))
