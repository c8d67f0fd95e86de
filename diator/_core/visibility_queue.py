"""A queue whose messages are hidden while somebody works on them.

What may live here: who gets which message when. No lock, no clock, no waiting: the time is a parameter.
"""

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .delivery import DeadLetter, Delivery, Retry, Verdict

__all__ = ("DeadMessage", "VisibilityQueue")


@dataclass(frozen=True)
class DeadMessage:
    """A message that was put aside: its last delivery, and why."""

    delivery: Delivery
    reason: str


@dataclass(order=True, slots=True)
class _Entry:
    number: int
    body: bytes = field(compare=False)
    headers: Mapping[str, str] = field(compare=False)
    attempt: int = field(default=1, compare=False)

    def deliver(self) -> Delivery:
        return Delivery(
            body=self.body, headers=self.headers, delivery_id=f"{self.number}.{self.attempt}", attempt=self.attempt
        )


class VisibilityQueue:
    """First in, first out among the visible messages; a message that becomes visible again keeps its place.

    Args:
        visibility_timeout: Seconds after which a delivery that was not settled counts as failed.
    """

    def __init__(self, visibility_timeout: float) -> None:
        self.dead: list[DeadMessage] = []
        self._timeout = visibility_timeout
        self._next_number = 1
        self._visible: list[_Entry] = []  # a heap
        self._delayed: list[tuple[float, _Entry]] = []  # a heap, by the time when it becomes visible
        self._taken: dict[str, tuple[float, _Entry]] = {}  # by delivery id, with the time when it is given up

    def __len__(self) -> int:
        return len(self._visible) + len(self._delayed) + len(self._taken)

    def put(self, messages: Sequence[tuple[bytes, Mapping[str, str]]]) -> None:
        for body, headers in messages:
            heapq.heappush(self._visible, _Entry(self._next_number, body, headers))
            self._next_number += 1

    def take(self, limit: int, now: float) -> list[Delivery]:
        """Hand out at most ``limit`` messages."""
        self._uncover(now)
        deliveries: list[Delivery] = []
        while self._visible and len(deliveries) < limit:
            entry = heapq.heappop(self._visible)
            delivery = entry.deliver()
            self._taken[delivery.delivery_id] = (now + self._timeout, entry)
            deliveries.append(delivery)
        return deliveries

    def settle(self, delivery: Delivery, verdict: Verdict, now: float) -> None:
        """Carry out a verdict, unless the delivery has been settled or given up already."""
        self._uncover(now)
        _, entry = self._taken.pop(delivery.delivery_id, (now, None))
        if entry is None:
            return
        if isinstance(verdict, Retry):
            entry.attempt += 1
            heapq.heappush(self._delayed, (now + verdict.after, entry))
        elif isinstance(verdict, DeadLetter):
            self.dead.append(DeadMessage(delivery, verdict.reason))

    def next_change(self) -> float:
        """When a message may become visible by itself; infinity if none will."""
        given_up = next(iter(self._taken.values()), (math.inf, None))[0]  # in the order of taking, so of time
        return min(given_up, self._delayed[0][0] if self._delayed else math.inf)

    def _uncover(self, now: float) -> None:
        while self._taken:
            delivery_id, (given_up, entry) = next(iter(self._taken.items()))
            if given_up > now:
                break
            del self._taken[delivery_id]
            entry.attempt += 1
            heapq.heappush(self._visible, entry)
        while self._delayed and self._delayed[0][0] <= now:
            heapq.heappush(self._visible, heapq.heappop(self._delayed)[1])
