"""How tasks share round trips."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import anyio

from ..._core.group_commit import GroupCommitQueue
from .loops import current_loop

__all__ = ("Done", "GroupCommit")

T = TypeVar("T")
R = TypeVar("R")

#: Takes what became of the items of a round trip, or of all of them.
Done = Callable[[Sequence[R | Exception] | Exception], None]


class GroupCommit(Generic[T, R]):
    """Carries out what many tasks want done at the same time, in as few round trips as possible.

    The first task starts a round trip. Whoever comes meanwhile goes with the next one, which starts when it ends: no
    task is needed to run it, so none can be cancelled in the midst of it.

    Args:
        start: Starts a round trip, and must call back exactly once, on this event loop, whatever happens.
        max_weight: The most that goes with one.
        weight: What an item adds to that.
    """

    def __init__(
        self,
        start: Callable[[Sequence[T], Done[R]], None],
        max_weight: int = 100,
        weight: Callable[[T], int] = lambda item: 1,
    ) -> None:
        self._start = start
        self._max_weight = max_weight
        self._weight = weight
        # one for each event loop: what is left of one that ended does not disturb the next
        self._queues: WeakKeyDictionary[Any, GroupCommitQueue[T, R]] = WeakKeyDictionary()

    async def submit(self, item: T) -> R:
        """Wait until the item has been done. Cancelled before it was sent, it never is; after that, it may be.

        Returns:
            What became of it; an `Exception` is raised.
        """
        queue = self._queue()
        event = anyio.Event()
        slot = queue.add(item, event.set)
        self._go_on(queue)
        try:
            await event.wait()
        except BaseException:
            queue.withdraw(slot)
            raise
        return slot.result()

    def _queue(self) -> GroupCommitQueue[T, R]:
        loop = current_loop()
        queue = self._queues.get(loop)
        if queue is None:
            queue = self._queues[loop] = GroupCommitQueue[T, R](self._max_weight, self._weight)
        return queue

    def _go_on(self, queue: GroupCommitQueue[T, R]) -> None:
        batch = queue.take()
        if not batch:
            return

        def done(outcome: Sequence[R | Exception] | Exception) -> None:
            queue.finish(batch, outcome)
            self._go_on(queue)

        self._start([slot.item for slot in batch], done)
