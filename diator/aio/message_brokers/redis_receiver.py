"""Receives messages of a Redis stream as one consumer of a group."""

import os
import secrets
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from time import monotonic

from ..._core.delivery import Delivery, Verdict
from ..._core.redis_errors import is_no_group
from ..._core.stream_entries import Entry
from ..._core.stream_ledger import Held, Ledger
from ..._core.stream_scripts import MAKE_GROUP
from ..._runtime.aio.waiting import Changes, checkpoint
from ...errors import BrokerClosed, BrokerError
from ._redis_claims import Claims
from ._redis_partitions import Partitions
from ._redis_place import StreamPlace
from ._redis_reading import Reading
from ._redis_settling import Settling
from ._redis_sources import SharedStream
from ._redis_upkeep import Upkeep

__all__ = ("RedisStreamsReceiver",)


class RedisStreamsReceiver:
    """Receives messages for one worker; see `Receiver`.

    Args:
        place: Where the messages are.
        check: Looks at the server before the first message.
        consumer: The name in the group; None for a new one.
        visibility_timeout: Seconds after which a delivery is given up.

    Attributes:
        is_closed: Whether it has been closed.
    """

    def __init__(
        self,
        place: StreamPlace,
        check: Callable[[], Awaitable[None]],
        consumer: str | None,
        visibility_timeout: float,
    ) -> None:
        if not visibility_timeout > 0.01:
            raise ValueError(f"visibility_timeout must be more than 0.01 seconds, not {visibility_timeout}")
        name = consumer or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.is_closed = False
        self._place = place
        self._client = place.client
        self._check = check
        self._visibility = visibility_timeout
        self._changes = Changes()
        self._ledger = Ledger()
        self._ready: deque[Delivery] = deque()
        source = SharedStream if place.partitions == 1 else Partitions
        self._claims = Claims(place, name, visibility_timeout, self._ledger, self._changes, consumer is not None)
        self._source = source(place, name, visibility_timeout, self._ledger, self._changes, self._claims.recover)
        self._settling = Settling(place, name, visibility_timeout, self._ledger)
        self._upkeep = Upkeep(place, name, is_temporary=consumer is None)
        self._reading = Reading(self._client, self._source, self._changes, self._take)
        self._is_prepared = self._is_stepping = self._is_stopped = False

    async def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Wait for messages; see `Receiver.receive`."""
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        await checkpoint()
        deadline = monotonic() + timeout
        has_looked = False
        while True:
            with self._changes:
                self._expect_open()
                out = self._hand_out(limit)
                if out or self._is_stopped:
                    return out
                now = monotonic()
                if now >= deadline and (has_looked or self._is_stepping):
                    return []
                if self._is_stepping:  # somebody else already looks
                    await self._changes.wait(deadline - now)
                    continue
                self._is_stepping = True
            try:
                has_looked = await self._step(limit, deadline)
            finally:
                with self._changes:
                    self._is_stepping = False
                    self._changes.notify()

    async def begin(self, delivery: Delivery) -> bool:
        """Count a delivery; see `Receiver.begin`."""
        held = self._ledger.find(delivery)
        if held is None:
            return False
        if self._source.is_ours(held, monotonic()) and self._settling.is_known(held, delivery):
            held.begun = True
            return True
        return await self._settling.begin(held, delivery)

    async def extend(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Keep deliveries; see `Receiver.extend`."""
        await self._source.renew(take_more=False)
        kept = await self._settling.extend([held for held in map(self._ledger.find, deliveries) if held is not None])
        return [delivery for delivery in deliveries if self._ledger.find(delivery) not in kept]

    async def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        """Carry out a verdict; see `Receiver.settle`."""
        held = self._ledger.find(delivery)
        if held is None or held.is_settling:
            return
        held.is_settling = True
        try:
            due = await self._settling.settle(held, delivery, verdict, self._source.is_ours(held, monotonic()))
            self._claims.look_at(due)
        except BrokerError as error:
            if not is_no_group(error):  # else the stream has been deleted, and the message with it
                raise
        finally:
            held.is_settling = False  # it may be tried again
        self._ledger.remove(held)

    async def stop(self) -> None:
        """Receive no more, and wake those who wait."""
        with self._changes:
            self._is_stopped = True
        await self._reading.stop()
        with self._changes:
            unseen = [held for held in map(self._ledger.find, self._ready) if held is not None]
            self._ready.clear()
        await self._give_back(unseen)

    async def aclose(self) -> None:
        """Stop, and give back what is not settled."""
        if self.is_closed:
            return
        self.is_closed = True
        try:
            await self.stop()
            await self._give_back(list(self._ledger))
            with suppress(BrokerError):
                await self._source.leave()
                await self._upkeep.leave()
        finally:  # whoever closes this may have no time to wait for the server
            self._reading.close()

    # -- looking for messages: one caller at a time

    async def _step(self, limit: int, deadline: float) -> bool:
        """Look for messages once, and return whether that was all there is to look at."""
        try:
            await self._prepare()
            await self._source.renew(take_more=True)
            if self._claims.is_recovering or self._claims.next_at() <= monotonic():
                found = await self._claims.claim(limit, self._source.owned)
                with self._changes:
                    self._ready.extend(found)
                if found or self._claims.is_recovering:
                    return False
            await self._upkeep.run()
            await self._reading.wait(limit, deadline, min(self._claims.next_at(), self._source.next_at()))
            return not self._source.has_news
        except BrokerError as error:
            self._expect_open()  # closing cuts off what is under way
            if not is_no_group(error):
                raise
            self._is_prepared = False
            return False

    async def _prepare(self) -> None:
        """Make the group, from the first message on: what was sent before it existed must not be lost."""
        if self._is_prepared:
            return
        await self._check()
        nothing, group = self._place.key("nothing"), self._place.group
        await self._client.exchange(*[("EVAL", MAKE_GROUP, 2, s, nothing, group) for s in self._place.streams])
        self._is_prepared = True

    def _take(self, stream: str, entry: Entry, asked_at: float) -> None:
        """Take over what was read."""
        held = Held(stream, entry.id, asked_at + self._visibility, counted=1)
        if entry.group is not None and entry.group != self._place.group:
            self._claims.recover()  # which looks whether it is really for others
        else:
            self._ready.append(self._ledger.add(held, entry, attempt=1))

    def _hand_out(self, limit: int) -> Sequence[Delivery]:
        out: list[Delivery] = []
        while self._ready and len(out) < limit and not self._is_stopped:
            delivery = self._ready.popleft()
            if self._ledger.find(delivery) is not None:
                out.append(delivery)
        return out

    async def _give_back(self, unsettled: Sequence[Held]) -> None:
        with self._changes:
            for held in unsettled:
                self._ledger.remove(held)
        with suppress(BrokerError):  # then others get it when the time is over
            await self._settling.release(unsettled)

    def _expect_open(self) -> None:
        self._client.expect_open()
        if self.is_closed:
            raise BrokerClosed("the receiver has been closed: ask the broker for a new one")
