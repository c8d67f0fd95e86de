"""Who shares a round trip with whom.

What may live here: the queue of those who want something done, and what became of it. No I/O, no lock, no waiting.
"""

from collections import deque
from collections.abc import Callable, Sequence
from copy import copy
from enum import Enum, auto
from typing import Generic, TypeVar

__all__ = ("GroupCommitQueue", "Slot")

T = TypeVar("T")
R = TypeVar("R")


class _State(Enum):
    WAITING = auto()
    SENT = auto()
    DONE = auto()


class Slot(Generic[T, R]):
    """Somebody's place in the queue.

    Attributes:
        item: What is to be done.
        wake: Called when there is something to look at: the outcome, or that it is this one's turn to lead.
    """

    __slots__ = ("_outcome", "_state", "item", "wake")

    def __init__(self, item: T, wake: Callable[[], object]) -> None:
        self.item = item
        self.wake = wake
        self._state = _State.WAITING
        self._outcome: R | Exception | None = None

    @property
    def is_done(self) -> bool:
        return self._state is _State.DONE

    def result(self) -> R:
        """Return the outcome, or raise it. Several may have the same one, so each raises a copy."""
        outcome = self._outcome
        if isinstance(outcome, Exception):
            raise copy(outcome) from (outcome.__cause__ or outcome)
        return outcome  # type: ignore[return-value]


class GroupCommitQueue(Generic[T, R]):
    """Collects what arrives while a round trip is under way; all of it goes with the next one.

    Args:
        max_weight: When to leave something for the round trip after that.
        weight: What an item adds to it.

    Attributes:
        is_busy: Whether a round trip is under way.
    """

    def __init__(self, max_weight: int, weight: Callable[[T], int]) -> None:
        self._max_weight = max_weight
        self._weight = weight
        self._waiting: deque[Slot[T, R]] = deque()
        self.is_busy = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: T, wake: Callable[[], object]) -> Slot[T, R]:
        slot: Slot[T, R] = Slot(item, wake)
        self._waiting.append(slot)
        return slot

    def take(self) -> list[Slot[T, R]]:
        """Begin a round trip, unless one is under way or nobody waits.

        Returns:
            Who goes with it, first come first served; `finish` must be called for them.
        """
        batch: list[Slot[T, R]] = []
        if self.is_busy:
            return batch
        room = self._max_weight
        while self._waiting and (room > 0 or not batch):
            room -= self._weight(self._waiting[0].item)
            if room < 0 and batch:
                break
            slot = self._waiting.popleft()
            slot._state = _State.SENT
            batch.append(slot)
        self.is_busy = bool(batch)
        return batch

    def withdraw(self, slot: Slot[T, R]) -> None:
        """Forget somebody who waits no longer; what has been sent stays sent."""
        if slot._state is _State.WAITING:
            self._waiting.remove(slot)

    def finish(self, batch: Sequence[Slot[T, R]], outcome: Sequence[R | Exception] | Exception) -> None:
        """End a round trip.

        Args:
            batch: What `take` returned.
            outcome: What became of each item, in the same order; or of all of them.
        """
        self.is_busy = False
        outcomes = [outcome] * len(batch) if isinstance(outcome, Exception) else outcome
        if len(outcomes) != len(batch):
            error = RuntimeError(f"{len(batch)} items were to be done, and {len(outcomes)} outcomes came back")
            outcomes = [error] * len(batch)
        for slot, its in zip(batch, outcomes, strict=True):
            slot._outcome = its
            slot._state = _State.DONE
            slot.wake()

    def wake_next(self) -> None:
        """Let the first who waits look, if nobody else leads."""
        if self._waiting and not self.is_busy:
            self._waiting[0].wake()
