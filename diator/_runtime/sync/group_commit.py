"""How threads share round trips."""

from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import Generic, TypeVar

from ..._core.group_commit import GroupCommitQueue, Slot
from ...errors import BrokerUnavailable

__all__ = ("Done", "GroupCommit")

T = TypeVar("T")
R = TypeVar("R")

#: Takes what became of the items of a round trip, or of all of them.
Done = Callable[[Sequence[R | Exception] | Exception], None]


class GroupCommit(Generic[T, R]):
    """Carries out what many threads want done at the same time, in as few round trips as possible.

    The first thread leads: it does what is its own. Whoever comes meanwhile follows: one of them leads the next round
    trip, and takes the others along.

    Args:
        start: Makes a round trip, and must call back exactly once, in this thread, whatever happens.
        max_weight: The most that goes with one.
        weight: What an item adds to that.
        is_patient: For `diator.aio`; threads cannot tell who is about to run.
    """

    def __init__(
        self,
        start: Callable[[Sequence[T], Done[R]], None],
        max_weight: int = 100,
        weight: Callable[[T], int] = lambda item: 1,
        is_patient: bool = False,
    ) -> None:
        self._start = start
        self._lock = Lock()
        self._queue: GroupCommitQueue[T, R] = GroupCommitQueue(max_weight, weight)

    def submit(self, item: T) -> R:
        """Wait until the item has been done. Interrupted before it was sent, it never is; after that, it may be.

        Returns:
            What became of it; an `Exception` is raised.
        """
        batch: list[Slot[T, R]] = []
        with self._lock:
            slot = self._queue.add(item, _nobody_waits)
        try:
            while True:
                with self._lock:
                    if slot.is_done:
                        break
                    batch = self._queue.take()
                    turn = None if batch else Event()
                    slot.wake = _nobody_waits if turn is None else turn.set
                if turn is not None:
                    turn.wait()
                else:
                    self._lead(batch)
                    batch = []
        except BaseException:
            with self._lock:
                if batch and not batch[0].is_done:  # interrupted between taking and leading
                    self._queue.finish(batch, _interrupted())
                self._queue.withdraw(slot)
                self._queue.wake_next()
            raise
        return slot.result()

    def _lead(self, batch: Sequence[Slot[T, R]]) -> None:
        outcomes: list[Sequence[R | Exception] | Exception] = []
        try:
            self._start([slot.item for slot in batch], outcomes.append)
        finally:
            with self._lock:
                self._queue.finish(batch, outcomes[0] if outcomes else _interrupted())
                self._queue.wake_next()


def _nobody_waits() -> None:
    """Wake nobody: who leads does not wait."""


def _interrupted() -> Exception:
    return BrokerUnavailable("the thread that was doing this for several was interrupted; it may have been done")
