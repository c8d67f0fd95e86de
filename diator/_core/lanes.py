"""What a worker runs next.

What may live here: the order among the messages that a worker holds. No broker, no clock, no waiting: the time is a
parameter.
"""

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from .delivery import Delivery
from .wire import Message

__all__ = ("ALONE_FROM", "Job", "Lanes", "Survivors")

#: From this delivery on a message runs alone, or from its last one: if it is the one that ends the process, it takes no
#: delivery from its neighbours that they would need.
ALONE_FROM = 3
#: How many failed messages are remembered for not having ended the process.
REMEMBERED = 10_000
#: How many messages per running one may wait behind others of their key, or for their next attempt. They must not
#: overtake each other, so they cannot be given back; the memory for them sets the limit.
WAITING = 100


@dataclass(eq=False, slots=True)
class Job:
    """A message that a worker holds.

    Attributes:
        delivery: How it came, or its latest attempt if the worker runs it again itself.
        key: Its lane; None if it has none.
        message: What was read; None if that failed.
        problem: What reading raised, or the function that gives the key.
        lost: Whether it is somebody else's by now.
        alone: Whether nothing else may run meanwhile.
    """

    delivery: Delivery
    key: str | None = None
    message: Message | None = None
    problem: Exception | None = None
    lost: bool = False
    alone: bool = False


class Survivors:
    """Remembers which messages failed here and did not end the process: they need not run alone.

    Args:
        max_deliveries: How often a message is delivered at most.
    """

    def __init__(self, max_deliveries: int = ALONE_FROM) -> None:
        self._alone_from = max(2, min(ALONE_FROM, max_deliveries))
        self._attempts: dict[UUID, int] = {}

    def add(self, message_id: UUID, attempt: int) -> None:
        """Take note that a delivery has failed."""
        self._attempts.pop(message_id, None)
        self._attempts[message_id] = attempt
        if len(self._attempts) > REMEMBERED:
            del self._attempts[next(iter(self._attempts))]

    def must_run_alone(self, message_id: UUID, attempt: int) -> bool:
        """Whether a delivery may be of a message that ends the process: nobody knows how the one before it ended."""
        return self._attempts.pop(message_id, None) != attempt - 1 and attempt >= self._alone_from


class Lanes:
    """The messages that a worker holds: those of one key run one after another, the others as they came.

    Args:
        concurrency: How many run at the same time.
    """

    def __init__(self, concurrency: int) -> None:
        self.closed = False
        self._alone: Job | None = None  # the one that is running alone
        self._concurrency = concurrency
        self._held: dict[str, Job] = {}  # by delivery id
        self._running: set[Job] = set()
        self._ready: deque[Job] = deque()
        self._lanes: dict[str, deque[Job]] = {}  # behind the first one of a key, which is somewhere else
        self._delayed: list[tuple[float, int, Job]] = []  # a heap; the number keeps jobs from being compared
        self._delays = 0

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def ready(self) -> int:
        """How many messages could run next."""
        return len(self._ready)

    def held(self) -> Sequence[Delivery]:
        """All messages that have not been given away."""
        return [job.delivery for job in self._held.values()]

    @property
    def waiting(self) -> int:
        """How many messages wait behind others of their key, or for their next attempt."""
        return len(self._held) - len(self._running) - len(self._ready)

    @property
    def crowding(self) -> float:
        """What part of the limit that is; from 1 on there is no room."""
        return self.waiting / (WAITING * self._concurrency)

    def room(self) -> int:
        """How many more messages to take: as many as could run now."""
        if self.closed or self._alone or (self._ready and self._ready[0].alone):
            return 0
        if self.crowding >= 1:
            return 0
        return max(0, self._concurrency - len(self._running) - len(self._ready))

    def add(self, job: Job) -> None:
        """Take a message in."""
        self._held[job.delivery.delivery_id] = job
        if job.key is not None and job.key in self._lanes:
            self._lanes[job.key].append(job)
            return
        if job.key is not None:
            self._lanes[job.key] = deque()
        self._ready.append(job)

    def next(self, now: float) -> Job | None:
        """Begin with a message; None if nothing can run now."""
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heapq.heappop(self._delayed)[2])
        while self._ready and self._ready[0].lost:
            self.finish(self._ready.popleft())
        if self.closed or not self._ready or len(self._running) >= self._concurrency:
            return None
        if self._alone or (self._running and self._ready[0].alone):
            return None
        job = self._ready.popleft()
        self._running.add(job)
        self._alone = job if job.alone else None
        return job

    def leave(self, job: Job) -> None:
        """Take note that a message no longer runs, though it has not come to an end."""
        self._running.discard(job)
        if self._alone is job:
            self._alone = None

    def finish(self, job: Job) -> None:
        """Give a message away, and let the next one of its lane follow."""
        self.leave(job)
        self._held.pop(job.delivery.delivery_id, None)
        if job.key is not None:
            lane = self._lanes[job.key]
            if lane:
                self._ready.append(lane.popleft())
            else:
                del self._lanes[job.key]

    def delay(self, job: Job, until: float) -> None:
        """Run a message again at this time. Its lane waits for it."""
        self.leave(job)
        job.alone = False  # it has shown that the process survives it
        self._delays += 1
        heapq.heappush(self._delayed, (until, self._delays, job))

    def lose(self, deliveries: Sequence[Delivery]) -> None:
        """Forget messages that are somebody else's by now; those that are running end by themselves."""
        for delivery in deliveries:
            job = self._held.pop(delivery.delivery_id, None)
            if job is not None:
                job.lost = True

    def close(self) -> Sequence[Job]:
        """Begin with nothing more.

        Returns:
            What waits for its next attempt, to be given back. It counts as running until `finish`.
        """
        self.closed = True
        delayed = [job for _, _, job in self._delayed]
        self._delayed.clear()
        self._running.update(delayed)
        return delayed

    def next_change(self) -> float:
        """When a message may become ready by itself; infinity if none will."""
        return self._delayed[0][0] if self._delayed else math.inf
