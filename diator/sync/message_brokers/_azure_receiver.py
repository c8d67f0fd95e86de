# Generated from diator/aio/message_brokers/_azure_receiver.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Receiving from Azure Service Bus, on as many connections as there are messages in work."""

from collections.abc import Callable, Iterable, Sequence

from ..._core.delivery import Delivery, Verdict
from ..._core.servicebus_pool import Pool
from ..._runtime.sync.servicebus import Home, Job, at_most
from ..._runtime.sync.waiting import checkpoint, current_time
from ...errors import BrokerClosed
from ._azure_entity import Entity
from ._azure_publisher import Publisher
from ._azure_slot import Slot
from ._azure_workplace import Workplace

__all__ = ("AzureReceiver",)

#: Seconds to wait at the end for connections to give back what they hold.
_GOODBYE = 5.0
#: Seconds that a connection which is being opened gets for that: to cancel it earlier would leave its socket behind.
_OPENING = 1.0


class AzureReceiver:
    """Receives the messages of an `AzureMessageBroker`; see `Receiver`.

    Each message in work has a connection of its own, whose only owner renews its lock and settles it. A connection is
    opened when the others are busy, and kept.
    """

    def __init__(
        self, entity: Entity, publisher: Publisher, home: Home, *, visibility_timeout: float, ordered: bool
    ) -> None:
        if not visibility_timeout > 0:
            raise ValueError(f"visibility_timeout must be a positive number of seconds, not {visibility_timeout}")
        self._entity, self._home = entity, home
        self._pool = Pool(visibility_timeout, one_looks=ordered and not entity.sessions)
        self._workplace = Workplace(entity, publisher, self._pool)
        self._changes = self._workplace.changes
        self._jobs: dict[Slot, Job] = {}

    def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Wait for messages; see `Receiver.receive`."""
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        self._expect_open()
        return self._home.run(self._receive, limit, timeout)

    def begin(self, delivery: Delivery) -> bool:
        """Note that a delivery begins; see `Receiver.begin`. Service Bus counts it when it is given back."""
        with self._changes:  # nothing has to happen at home
            return not self._pool.closed and self._pool.begin(delivery)

    def extend(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Keep deliveries; see `Receiver.extend`. Their locks are renewed by themselves meanwhile."""
        return deliveries if self._pool.closed else self._home.run(self._extend, deliveries)

    def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        """Carry out a verdict; see `Receiver.settle`. To cancel this does not stop that."""
        if not self._pool.closed:
            self._home.ask(self._settle, delivery, verdict)

    def stop(self) -> None:
        """Receive no more, and wake those who wait."""
        if not self._pool.closed:
            self._home.run(self._stop)

    def close(self) -> None:
        """Stop, and give back what is not settled."""
        if not self._pool.closed:
            self._home.run(self._close)

    # at home

    def _receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        checkpoint()
        pool = self._pool
        deadline = current_time() + timeout
        with self._changes:
            while True:
                self._expect_open()
                if pool.stopped:
                    return ()
                now = current_time()
                self._open(pool.want(limit, now, deadline))
                ready = pool.take(limit, now)
                self._changes.notify()
                if not ready and pool.error is not None:
                    error, pool.error = pool.error, None
                    raise error
                if ready or now >= deadline:
                    return ready
                self._changes.wait(deadline - now)

    def _expect_open(self) -> None:
        if self._entity.closed:
            raise BrokerClosed("the broker has been closed: open a new one")
        if self._pool.closed:
            raise BrokerClosed("the receiver has been closed: ask the broker for a new one")

    def _open(self, count: int) -> None:
        self._jobs = {slot: job for slot, job in self._jobs.items() if slot in self._pool.connections}
        for _ in range(count):
            slot = Slot(self._workplace)
            self._pool.connections.add(slot)
            self._jobs[slot] = self._home.spawn(slot.run)

    def _extend(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        with self._changes:
            return self._pool.extend(deliveries, current_time())

    def _settle(self, delivery: Delivery, verdict: Verdict, done: Callable[[Exception | None], object]) -> None:
        with self._changes:
            self._pool.settle(delivery, verdict, done)
            self._changes.notify()

    def _stop(self) -> None:
        with self._changes:
            self._pool.stop()
            self._changes.notify()

    def _close(self) -> None:
        with self._changes:
            resting = self._pool.close()
            self._changes.notify()
        jobs = {slot: job for slot, job in self._jobs.items() if slot in self._pool.connections}
        opening = [job for slot, job in jobs.items() if slot in resting and not slot.interrupt(job)]
        ending = [job for job in jobs.values() if job not in opening]
        with at_most(2 * _GOODBYE):
            self._join(opening, _OPENING)
            ending += [job for job in opening if job.cancel()]
            self._join(ending, _GOODBYE)

    def _join(self, jobs: Iterable[Job], seconds: float) -> None:
        deadline = current_time() + seconds
        for job in jobs:
            job.join(max(deadline - current_time(), 0))
