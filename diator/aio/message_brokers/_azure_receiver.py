"""Receiving from Azure Service Bus, on as many connections as there are messages in work."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..._core.delivery import Delivery, Retry, Verdict
from ..._runtime.aio.servicebus import Home, Job, at_most
from ..._runtime.aio.waiting import Changes, checkpoint, current_time
from ...errors import BrokerClosed
from ._azure_entity import Entity
from ._azure_held import Held
from ._azure_slot import Slot

if TYPE_CHECKING:
    from .azure import AzureServiceBusMessageBroker

__all__ = ("AzureServiceBusReceiver",)

#: Seconds that connections go on looking for messages though nobody waits for one.
_INTEREST = 5.0
#: Seconds to wait at the end for connections to give back what they hold.
_GOODBYE = 10.0


class AzureServiceBusReceiver:
    """Receives the messages of an `AzureServiceBusMessageBroker`; see `Receiver`.

    Each message in work has a connection of its own, whose only owner renews its lock and settles it. A connection is
    opened when the others are busy, and kept.
    """

    def __init__(self, broker: "AzureServiceBusMessageBroker", visibility_timeout: float) -> None:
        if not visibility_timeout > 0:
            raise ValueError(f"visibility_timeout must be a positive number of seconds, not {visibility_timeout}")
        self._home = broker._home
        self._pool = Pool(broker, visibility_timeout)

    async def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Wait for messages; see `Receiver.receive`."""
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        return await self._home.run(self._pool.receive, limit, timeout)

    async def begin(self, delivery: Delivery) -> bool:
        """Note that a delivery begins; see `Receiver.begin`. Service Bus counts it when it is given back."""
        return await self._home.run(self._pool.begin, delivery)

    async def extend(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Keep deliveries; see `Receiver.extend`. Their locks are renewed by themselves in the meantime."""
        return await self._home.run(self._pool.extend, deliveries)

    async def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        """Carry out a verdict; see `Receiver.settle`. It is carried out though this is cancelled."""
        await self._home.run(self._pool.settle, delivery, verdict)

    async def stop(self) -> None:
        """Receive no more, and wake those who wait."""
        await self._home.run(self._pool.stop)

    async def aclose(self) -> None:
        """Stop, and give back what is not settled."""
        await self._home.run(self._pool.aclose)


class Pool:
    """The connections of a receiver, and what they hold. Everything runs at home."""

    def __init__(self, broker: "AzureServiceBusMessageBroker", visibility_timeout: float) -> None:
        self.broker = broker
        self.entity: Entity = broker._entity
        self.publisher = broker._publisher
        self.visibility_timeout = visibility_timeout
        self.changes = Changes()
        self.stopped = self.closed = False
        self._home: Home = broker._home
        self._one_looks = broker._ordered and not self.entity.sessions
        self._slots: dict[Slot, Job] = {}
        self._held: dict[str, Held] = {}
        self._ready: list[Held] = []
        self._looking: set[Slot] = set()
        self._wanted = 0
        self._interest_ends = 0.0
        self._error: Exception | None = None

    # for those who receive

    async def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        await checkpoint()
        deadline = current_time() + timeout
        with self.changes:
            while True:
                self._expect_open()
                if self.stopped:
                    return ()
                self._want(limit, deadline)
                ready = self._take(limit)
                now = current_time()
                if not ready and self._error is not None:
                    error, self._error = self._error, None
                    raise error
                if ready or now >= deadline:
                    return ready
                await self.changes.wait(deadline - now)

    def _expect_open(self) -> None:
        if self.broker._closed:
            raise BrokerClosed("the broker has been closed: open a new one")
        if self.closed:
            raise BrokerClosed("the receiver has been closed: ask the broker for a new one")

    def _take(self, limit: int) -> list[Delivery]:
        self._ready.sort(key=lambda held: held.arrived.sequence)
        taken, self._ready = self._ready[:limit], self._ready[limit:]
        if taken:
            self.changes.notify()  # there is room to look for more
        return [held.hand_out(current_time() + self.visibility_timeout) for held in taken]

    def _want(self, limit: int, deadline: float) -> None:
        """Let as many connections look for messages, now and for a while."""
        self._wanted = limit
        self._interest_ends = max(self._interest_ends, deadline, current_time() + _INTEREST)
        free = len(self._slots) - len(self._held) + len(self._ready)
        for _ in range(limit - free):
            slot = Slot(self)
            self._slots[slot] = self._home.spawn(slot.run)
        self.changes.notify()

    async def begin(self, delivery: Delivery) -> bool:
        with self.changes:
            held = self._held.get(delivery.delivery_id)
            if held is None or held.is_over or held.order is not None:
                return False
            held.begin(delivery)
            return True

    async def extend(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        with self.changes:
            keep_until = current_time() + self.visibility_timeout
            lost: list[Delivery] = []
            for delivery in deliveries:
                held = self._held.get(delivery.delivery_id)
                if held is None or held.is_over:
                    lost.append(delivery)
                else:
                    held.keep_until = keep_until
            return lost

    async def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        with self.changes:
            held = self._held.get(delivery.delivery_id)
            if held is None or held.is_over or held.order is not None:
                return
            held.order = verdict
            self.changes.notify()
            while not held.is_over:
                await self.changes.wait(_GOODBYE)
            if held.error is not None:
                raise held.error

    async def stop(self) -> None:
        with self.changes:
            self.stopped = True
            self._ready.clear()
            for held in self._held.values():
                if not held.is_handed_out:
                    held.order = Retry()
            self.changes.notify()

    async def aclose(self) -> None:
        await self.stop()
        with self.changes:
            self.closed = True
            for held in self._held.values():
                if held.order is None:
                    held.order = Retry()
            jobs = dict(self._slots)
            busy = {held.slot for held in self._held.values()}
            self.changes.notify()
        for slot, job in jobs.items():
            if slot not in busy:
                job.cancel()
        deadline = current_time() + _GOODBYE
        with at_most(_GOODBYE):
            for job in jobs.values():
                await job.join(max(deadline - current_time(), 0))

    # for the connections; the first three are called under the lock

    def is_interested(self) -> bool:
        """Whether somebody waits for messages, or did just now."""
        return not self.stopped and current_time() < self._interest_ends

    def claim(self, slot: Slot) -> bool:
        """Let a connection look for a message, if another one is wanted."""
        if not self.is_interested():
            return False
        if slot not in self._looking:
            if len(self._looking) + len(self._ready) >= self._wanted or (self._one_looks and self._looking):
                return False
            self._looking.add(slot)
        return True

    def report(self, error: Exception) -> None:
        """Let the next who receives raise this."""
        self._error = error
        self.changes.notify()

    def dropped(self, slot: Slot) -> None:
        """A connection is closed, and will get no message any more; until then it may, even between two looks."""
        with self.changes:
            self._looking.discard(slot)
            self.changes.notify()

    def admit(self, slot: Slot, held: Held) -> None:
        """Take a message that has been found."""
        with self.changes:
            self._looking.discard(slot)
            self._held[held.delivery_id] = held
            if self.stopped and held.order is None:
                held.order = Retry()
            elif held.order is None:
                self._ready.append(held)
            self.changes.notify()

    def let_go(self, held: Held) -> None:
        """Forget a message that is settled, given up or lost."""
        with self.changes:
            held.is_over = True
            del self._held[held.delivery_id]
            if held in self._ready:
                self._ready.remove(held)
            self.changes.notify()

    def forget(self, slot: Slot) -> None:
        """Forget a connection that has ended."""
        with self.changes:
            self._slots.pop(slot, None)
            self.changes.notify()
