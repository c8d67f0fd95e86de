"""A queue whose messages are hidden while somebody works on them.

What may live here: who gets which message when. No lock, no clock, no waiting: the time is a parameter.
"""

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .delivery import Delivery, Retry, Verdict

__all__ = ("VisibilityQueue",)


@dataclass(order=True, slots=True)
class _Entry:
    number: int
    body: bytes = field(compare=False)
    headers: Mapping[str, str] = field(compare=False)
    taken: int = field(default=0, compare=False)  # how often it was handed out
    begun: int = field(default=0, compare=False)  # the last attempt that has begun
    done: frozenset[str] = field(default=frozenset(), compare=False)

    def deliver(self) -> Delivery:
        self.taken += 1
        return Delivery(
            body=self.body,
            headers=self.headers,
            delivery_id=f"{self.number}.{self.taken}",
            attempt=self.begun + 1,
            done=self.done,
        )


class VisibilityQueue:
    """First in, first out among the visible messages; a message that becomes visible again keeps its place."""

    def __init__(self) -> None:
        self._next_number = 1
        self._visible: list[_Entry] = []  # a heap
        self._delayed: list[tuple[float, _Entry]] = []  # a heap, by the time when it becomes visible
        self._taken: dict[str, tuple[float, _Entry]] = {}  # by delivery id, with the time when it is given up
        self._given_up: list[tuple[float, str]] = []  # a heap of those times, and of some that hold no longer

    def __len__(self) -> int:
        return len(self._visible) + len(self._delayed) + len(self._taken)

    def put(self, messages: Iterable[tuple[bytes, Mapping[str, str]]]) -> None:
        for body, headers in messages:
            heapq.heappush(self._visible, _Entry(self._next_number, body, headers))
            self._next_number += 1

    def take(self, limit: int, now: float, timeout: float) -> list[Delivery]:
        """Hand out at most ``limit`` messages, each of which is given up after ``timeout`` seconds."""
        self._uncover(now)
        deliveries: list[Delivery] = []
        while self._visible and len(deliveries) < limit:
            entry = heapq.heappop(self._visible)
            delivery = entry.deliver()
            self._hide(delivery.delivery_id, entry, now + timeout)
            deliveries.append(delivery)
        return deliveries

    def begin(self, delivery: Delivery, now: float) -> bool:
        """Record that an attempt begins; False if the delivery has been settled or given up already."""
        entry = self._entry(delivery, now)
        if entry is None:
            return False
        entry.begun = max(entry.begun, delivery.attempt)
        entry.done |= delivery.done
        return True

    def extend(self, deliveries: Iterable[Delivery], now: float, timeout: float) -> list[Delivery]:
        """Give deliveries up ``timeout`` seconds from now only, and return those that have been given up already."""
        lost: list[Delivery] = []
        for delivery in deliveries:
            entry = self._entry(delivery, now)
            if entry is None:
                lost.append(delivery)
            else:
                self._hide(delivery.delivery_id, entry, now + timeout)
        return lost

    def settle(self, delivery: Delivery, verdict: Verdict, now: float) -> bool:
        """Carry out a verdict; False if the delivery has been settled or given up already."""
        entry = self._entry(delivery, now)
        if entry is None:
            return False
        del self._taken[delivery.delivery_id]
        self._tidy()
        if isinstance(verdict, Retry):
            entry.done |= verdict.done
            heapq.heappush(self._delayed, (now + verdict.after, entry))
        return True

    def next_change(self) -> float:
        """When a message may become visible by itself; infinity if none will."""
        return min((heap[0][0] for heap in self._heaps() if heap), default=math.inf)

    def _heaps(self) -> Sequence[Sequence[tuple[float, object]]]:
        while self._given_up and not self._holds(*self._given_up[0]):
            heapq.heappop(self._given_up)
        return self._given_up, self._delayed

    def _holds(self, given_up: float, delivery_id: str) -> bool:
        return self._taken.get(delivery_id, (None,))[0] == given_up

    def _tidy(self) -> None:
        """Drop the times that hold no longer before they are many."""
        if len(self._given_up) > 2 * len(self._taken) + 100:
            self._given_up = [(until, delivery_id) for delivery_id, (until, _) in self._taken.items()]
            heapq.heapify(self._given_up)

    def _hide(self, delivery_id: str, entry: _Entry, until: float) -> None:
        self._taken[delivery_id] = (until, entry)
        heapq.heappush(self._given_up, (until, delivery_id))

    def _entry(self, delivery: Delivery, now: float) -> _Entry | None:
        self._uncover(now)
        return self._taken.get(delivery.delivery_id, (now, None))[1]

    def _uncover(self, now: float) -> None:
        while self._given_up and self._given_up[0][0] <= now:
            given_up, delivery_id = heapq.heappop(self._given_up)
            if self._holds(given_up, delivery_id):
                heapq.heappush(self._visible, self._taken.pop(delivery_id)[1])
        while self._delayed and self._delayed[0][0] <= now:
            heapq.heappush(self._visible, heapq.heappop(self._delayed)[1])
