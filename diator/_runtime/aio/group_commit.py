"""How tasks share round trips."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from ..._core.group_commit import GroupCommitQueue, Slot
from .loops import Loop, current_loop, new_event

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
        is_patient: Whether the first one, too, waits until all tasks have run that are about to.
    """

    def __init__(
        self,
        start: Callable[[Sequence[T], Done[R]], None],
        max_weight: int = 100,
        weight: Callable[[T], int] = lambda item: 1,
        is_patient: bool = False,
    ) -> None:
        self._start = start
        self._is_patient = is_patient
        self._max_weight = max_weight
        self._weight = weight
        # one for each event loop: what is left of one that ended does not disturb the next
        self._lines: WeakKeyDictionary[Loop, _Line[T, R]] = WeakKeyDictionary()

    async def submit(self, item: T) -> R:
        """Wait until the item has been done. Cancelled before it was sent, it never is; after that, it may be.

        Returns:
            What became of it; an `Exception` is raised.
        """
        loop = current_loop()
        line = self._line(loop)
        event = new_event(loop)
        slot = line.queue.add(item, event.set)
        if not self._is_patient:
            line.go_on()
        elif not line.queue.is_busy:
            line.gather()
        try:
            await event.wait()
        except BaseException:
            line.queue.withdraw(slot)
            raise
        return slot.result()

    def _line(self, loop: Loop) -> "_Line[T, R]":
        line = self._lines.get(loop)
        if line is None:
            line = self._lines[loop] = _Line[T, R](self._start, GroupCommitQueue(self._max_weight, self._weight))
        return line


class _Line(Generic[T, R]):
    """Those who wait on one event loop."""

    def __init__(self, start: Callable[[Sequence[T], Done[R]], None], queue: GroupCommitQueue[T, R]) -> None:
        self.queue = queue
        self._start = start
        self._is_gathering = False

    def go_on(self) -> None:
        """Start a round trip, unless one is under way, or about to start, or nobody waits."""
        while batch := [] if self._is_gathering else self.queue.take():
            try:
                self._start([slot.item for slot in batch], partial(self._done, batch))
            except Exception as exc:  # noqa: BLE001 - whoever waits for it raises it
                self.queue.finish(batch, exc)
            else:
                return

    def _done(self, batch: Sequence[Slot[T, R]], outcome: Sequence[R | Exception] | Exception) -> None:
        self.queue.finish(batch, outcome)
        if len(batch) == 1:
            self.go_on()
        else:
            # Those who have just been woken may want more. If it goes together with what waits already, there is one
            # round trip; otherwise there would be two halves, again and again.
            self.gather()

    def gather(self) -> None:
        """Start a round trip when the tasks have run that are about to."""
        if not self._is_gathering:
            self._is_gathering = True
            current_loop().call_soon(self._gathered)

    def _gathered(self) -> None:
        self._is_gathering = False
        self.go_on()
