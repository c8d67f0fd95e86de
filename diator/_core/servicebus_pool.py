"""Which connections look for messages, and what they hold.

What may live here: the bookkeeping of a receiver that has a connection for each message. No lock, no clock, no I/O.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from .delivery import Ack, Delivery, Retry, Verdict
from .servicebus import Arrived
from .servicebus_return import Abandon, Release, Resend, give_back

__all__ = ("Held", "Pool")

#: Seconds that connections go on looking for messages after the last one who waited for them has left.
_INTEREST = 5.0


class Held:
    """A message that a connection holds.

    Attributes:
        order: What to do with it, once somebody has said so.
        keep_until: When to give it back, if nobody says anything.
        is_over: It can be settled no more.
        error: Why the order was not carried out.
        done: Told, once it is over, whether there was an error.
    """

    def __init__(self, holder: Hashable, raw: Any, delivery_id: str, arrived: Arrived) -> None:
        self.holder, self.raw, self.delivery_id, self.arrived = holder, raw, delivery_id, arrived
        self.keep_until = 0.0  # once it is handed out
        self.order: Verdict | None = None
        self.is_handed_out = self.is_over = False
        self.error: Exception | None = None
        self.done: Callable[[Exception | None], object] | None = None
        self._begun = 0
        self._done = arrived.done

    @property
    def attempt(self) -> int:
        """The number of its last delivery."""
        return max(self.arrived.attempt, self._begun)

    def hand_out(self, keep_until: float) -> Delivery:
        self.keep_until, self.is_handed_out = keep_until, True
        arrived = self.arrived
        return Delivery(
            body=arrived.message.body,
            headers=arrived.headers,
            delivery_id=self.delivery_id,
            attempt=arrived.attempt,
            done=arrived.done,
        )

    def end(self) -> None:
        """Let it be over."""
        if not self.is_over:
            self.is_over = True
            if self.done is not None:
                self.done(self.error)

    def begin(self, delivery: Delivery) -> None:
        """Take note of a run, and of which handlers succeeded before it."""
        self._begun = max(self._begun, delivery.attempt)
        self._done |= delivery.done

    def give_back(self, retry: Retry, *, keeps_place: bool, subscription: str | None) -> Release | Abandon | Resend:
        """Decide how it becomes one that is delivered again; see `give_back`."""
        done = self._done | retry.done
        return give_back(
            self.arrived, self._begun, done, after=retry.after, keeps_place=keeps_place, subscription=subscription
        )


class Pool:
    """The connections of a receiver, and what they hold.

    A connection that has asked for a message may get one until it is closed, even between two looks, when nobody reads
    it. So a connection that has claimed a look keeps it until it has found something or is closed.

    Args:
        visibility_timeout: Seconds for which a message is kept without a word.
        one_looks: Only one connection looks at a time, so that messages are found in the order of the queue.
    """

    def __init__(self, visibility_timeout: float, *, one_looks: bool) -> None:
        self.stopped = self.closed = False
        self.connections: set[Hashable] = set()
        self.error: Exception | None = None
        self._visibility_timeout = visibility_timeout
        self._one_looks = one_looks
        self._held: dict[str, Held] = {}
        self._ready: list[Held] = []
        self._looking: dict[Hashable, bool] = {}  # and whether it waits for a session, of which there may be none
        self._wanted = 0
        self._interest_ends = 0.0

    # for those who receive

    def want(self, limit: int, now: float, deadline: float) -> int:
        """Let as many connections look for messages, now and for a while; return how many more are needed for that."""
        self._wanted = limit
        self._interest_ends = max(self._interest_ends, deadline, now + _INTEREST)
        free = len(self.connections) - len(self._held) + len(self._ready)
        return max(0, limit - free)

    def take(self, limit: int, now: float) -> list[Delivery]:
        """Hand out what has been found, in the order of the queue."""
        self._ready.sort(key=lambda held: held.arrived.sequence)
        taken, self._ready = self._ready[:limit], self._ready[limit:]
        return [held.hand_out(now + self._visibility_timeout) for held in taken]

    def begin(self, delivery: Delivery) -> bool:
        held = self._open(delivery)
        if held is not None:
            held.begin(delivery)
        return held is not None

    def extend(self, deliveries: Iterable[Delivery], now: float) -> Sequence[Delivery]:
        lost: list[Delivery] = []
        for delivery in deliveries:
            held = self._open(delivery)
            if held is None:
                lost.append(delivery)
            else:
                held.keep_until = now + self._visibility_timeout
        return lost

    def settle(self, delivery: Delivery, verdict: Verdict, done: Callable[[Exception | None], object]) -> None:
        """Order what to do with a message, and call back when that is over: at once if it is too late."""
        held = self._open(delivery)
        if held is None:
            done(None)
        else:
            held.order, held.done = verdict, done

    def _open(self, delivery: Delivery) -> Held | None:
        held = self._held.get(delivery.delivery_id)
        return None if held is None or held.is_over or held.order is not None else held

    def stop(self) -> None:
        """Find no more, and give back what has not been handed out."""
        self.stopped = True
        self._ready.clear()
        for held in self._held.values():
            if held.order is None and not held.is_handed_out:
                held.order = Retry()

    def close(self) -> set[Hashable]:
        """Give back everything, and return the connections that hold nothing."""
        self.stop()
        self.closed = True
        for held in self._held.values():
            if held.order is None:
                held.order = Retry()
        return self.connections - {held.holder for held in self._held.values()}

    # for connections

    def is_interested(self, now: float) -> bool:
        """Whether somebody waits for messages, or did just now."""
        return not self.stopped and now < self._interest_ends

    def claim(self, connection: Hashable, now: float, *, needs_session: bool = False) -> bool:
        """Let a connection look for a message, if another one is wanted.

        One that has a session, where the next message may be, does not count those that only wait for a session.
        """
        if not self.is_interested(now):
            return False
        if connection not in self._looking:
            looking = sum(needs_session or not waits for waits in self._looking.values())
            if looking + len(self._ready) >= self._wanted or (self._one_looks and looking):
                return False
        self._looking[connection] = needs_session
        return True

    def dropped(self, connection: Hashable) -> None:
        """A connection is closed, and will find nothing."""
        self._looking.pop(connection, None)

    def admit(self, held: Held, *, is_for_others: bool) -> None:
        """Take a message that a connection has found."""
        self._looking.pop(held.holder, None)
        self._held[held.delivery_id] = held
        if is_for_others:
            held.order = Ack()
        elif self.stopped:
            held.order = Retry()
        else:
            self._ready.append(held)

    def keep_until(self, held: Held) -> float:
        """When a message is given up, as things are: soon, if nobody asks for it any more, for others may."""
        return held.keep_until if held.is_handed_out else self._interest_ends

    def next_step(self, held: Held, now: float) -> Verdict | None:
        """What is to be done with a message; nothing yet is None. One that is kept for too long is given up."""
        if held.order is None and now >= self.keep_until(held):
            held.order = Retry()
            held.end()
            self._forget_ready(held)
        return held.order

    def _forget_ready(self, held: Held) -> None:
        if held in self._ready:
            self._ready.remove(held)

    def let_go(self, held: Held) -> None:
        """Forget a message that is settled, given up or lost."""
        held.end()
        self._held.pop(held.delivery_id, None)
        self._forget_ready(held)

    def gone(self, connection: Hashable) -> None:
        """Forget a connection that has ended."""
        self._looking.pop(connection, None)
        self.connections.discard(connection)
