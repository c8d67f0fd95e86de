"""The messages that a worker has taken: they are read, kept, run and settled."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import inf

from .._core.delivery import Ack, DeadLetter, Retry, RetryPolicy, Verdict, decide, describe_error, refuse_late
from .._core.lanes import Job, Lanes
from .._runtime.aio.crew import Crew, OwnCancellation, Stoppable
from .._runtime.aio.waiting import Changes, current_time
from .consumer import Consumer, Outcome
from .link import Link

__all__ = ("Jobs", "Rules")

logger = logging.getLogger("diator.worker")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a worker was told about failures; see `Worker`.

    Attributes:
        redelivers: Whether the broker delivers again what is to be retried.
    """

    retry: RetryPolicy
    max_deliveries: int
    dead_letters: bool
    redelivers: bool


class Jobs:
    """Takes messages while there is room, runs them in the order that `Lanes` says, and settles them.

    Args:
        consumer: Reads them, and runs their handlers.
        link: Leads to the broker.
        rules: What becomes of those that fail.
        concurrency: How many run at the same time.
        progress: Called when one of them has ended after `close`.
    """

    def __init__(
        self, consumer: Consumer, link: Link, rules: Rules, concurrency: int, progress: Callable[[], None]
    ) -> None:
        self._consumer = consumer
        self._link = link
        self._rules = rules
        self._concurrency = concurrency
        self._progress = progress
        self._lanes = Lanes(concurrency)
        self._changes = Changes()  # guards the lanes; those who run messages wait here
        self._room = Changes(self._changes)  # who takes messages waits here
        self._stoppables: set[Stoppable] = set()
        self._returning: list[Job] = []
        self._cancelled = self._is_crowded = False
        self._runners, self._idle = 1, 0  # how many `work`, and how many of them wait for a message

    @property
    def running(self) -> int:
        """How many messages are being run or settled."""
        return self._lanes.running

    @property
    def left(self) -> int:
        """How many messages have not come to an end."""
        with self._changes:
            return len(self._lanes.held())

    def close(self) -> None:
        """Take nothing more, and begin with nothing more."""
        with self._changes:
            self._returning += self._lanes.close()
            self._notify()

    async def give_back(self) -> None:
        """After `close`: give back what waits for its next attempt, and let the broker know what has succeeded.

        It comes again at once, as the others of its key do, which are given back in the end: they would overtake it
        if it came after the rest of its delay.
        """
        while self._returning:
            job = self._returning.pop()
            if not job.lost:
                await self._link.settle(job, Retry(done=job.delivery.done))
            with self._changes:
                self._lanes.finish(job)
                self._progress()

    def cancel(self) -> None:
        """Cut short what runs."""
        self._cancelled = True
        for stoppable in list(self._stoppables):
            stoppable.stop()

    async def read(self) -> None:
        """Take messages while there is room for them."""
        while (room := await self._wait_for_room()) > 0:
            for delivery in await self._link.receive(room):
                job = self._consumer.read(delivery)
                with self._changes:
                    self._lanes.add(job)
                    self._changes.notify()

    async def _wait_for_room(self) -> int:
        with self._changes:
            while not self._lanes.closed:
                room = self._lanes.room()
                self._tell_crowding()
                if room:
                    return room
                await self._room.wait(inf)
        return 0

    def _tell_crowding(self) -> None:
        """Say that too many messages wait: once, until there are much fewer."""
        crowding = self._lanes.crowding
        if crowding >= 1 and not self._is_crowded:
            text = "%d messages wait for their next attempt, or for others of their key: the worker takes no more"
            logger.warning(text, self._lanes.waiting)
        self._is_crowded = crowding >= (0.5 if self._is_crowded else 1)

    async def keep(self, seconds: float) -> None:
        """Tell the broker every so many seconds that this worker is still at it."""
        while not self._link.cut:
            await self._link.pause(seconds)
            with self._changes:
                held = self._lanes.held()
            if held:
                lost = await self._link.extend(held)
                with self._changes:
                    self._lanes.lose(lost)
                    self._notify()

    async def work(self, crew: Crew) -> None:
        """Run one message after another."""
        while (job := await self._next(crew)) is not None:
            end: Callable[[Job], None] = self._lanes.leave
            try:
                end = await self._process(job)
            finally:
                with self._changes:
                    end(job)
                    self._room.notify()
                    if self._lanes.ready > 1 or self._lanes.next_change() < inf:  # one is for this task itself
                        self._changes.notify()
                    if self._lanes.closed:
                        self._progress()

    def _notify(self) -> None:
        self._changes.notify()
        self._room.notify()

    async def _next(self, crew: Crew) -> Job | None:
        """Wait for a message to run, and make sure that somebody else waits for the next one."""
        with self._changes:
            while not self._lanes.closed:
                now = current_time()
                job = self._lanes.next(now)
                if job is not None:
                    if not self._idle and self._runners < self._concurrency:
                        self._runners += 1
                        crew.start(self.work, crew)
                    return job
                self._idle += 1
                try:
                    await self._changes.wait(self._lanes.next_change() - now)
                finally:
                    self._idle -= 1
        return None

    async def _process(self, job: Job) -> Callable[[Job], None]:
        """Handle a message and settle it, and say what becomes of it here."""
        error: Exception | None = None
        verdict = refuse_late(job.delivery.attempt, self._rules.max_deliveries)
        if verdict is None:
            if not await self._link.begin(job):
                return self._lanes.finish
            outcome = await self._handle(job)
            if outcome is None:  # it was cut short
                return self._lanes.leave
            verdict = self._decide(job, outcome)
            error = None if outcome.unreadable else outcome.error  # else the verdict says it all
        self._report(job, verdict, error)
        if isinstance(verdict, Retry):
            self._consumer.failed(job)
            if self._keeps(job):
                if not self._lanes.closed and not job.lost:
                    job.delivery = replace(job.delivery, attempt=job.delivery.attempt + 1, done=verdict.done)
                    return partial(self._lanes.delay, until=current_time() + verdict.after)
                verdict = replace(verdict, after=0.0)  # it goes back at once, like the others of its key
        elif isinstance(verdict, DeadLetter) and not self._rules.dead_letters:
            verdict = Ack()
        await self._link.settle(job, verdict)
        return self._lanes.finish

    def _keeps(self, job: Job) -> bool:
        """Whether the worker runs a failed message again itself: for its order, or because the broker cannot."""
        return (job.key is not None and self._rules.retry.keep_order) or not self._rules.redelivers

    async def _handle(self, job: Job) -> Outcome | None:
        """Run the handlers of a message; None if that was cut short."""
        stoppable = Stoppable()
        self._stoppables.add(stoppable)
        try:
            return None if self._cancelled else await stoppable.run(self._consumer.handle, job)
        except OwnCancellation as error:  # a failure like any other: nobody has stopped it
            return Outcome(error, job.delivery.done)
        finally:
            self._stoppables.discard(stoppable)

    def _decide(self, job: Job, outcome: Outcome) -> Verdict:
        return decide(
            outcome.error,
            job.delivery.attempt,
            self._rules.retry,
            max_deliveries=self._rules.max_deliveries,
            chance=random.random(),
            done=outcome.done,
            unreadable=outcome.unreadable,
        )

    def _report(self, job: Job, verdict: Verdict, error: Exception | None) -> None:
        """Log what becomes of a message: where errors came from, and not their texts, which may quote it."""
        name, place = self._consumer.describe(job), describe_error(error)
        if isinstance(verdict, DeadLetter):
            fate = "is put aside" if self._rules.dead_letters else "is dropped"
            logger.error("%s %s: %s%s", name, fate, verdict.reason, place)
        elif isinstance(verdict, Retry):
            count = f"{job.delivery.attempt} of at most {self._rules.max_deliveries}"
            logger.warning("%s failed in delivery %s, the next one is in %.1f s%s", name, count, verdict.after, place)
