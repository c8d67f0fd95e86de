"""Whatever happens to messages and workers, no message is lost and each is settled by the right verdict.

A state machine takes the parts that decide (what the broker hands out, what a worker runs next, what becomes of it)
through every order of steps: several workers, crashes before and after a verdict has reached the broker, deliveries
that are given up while they run and so come twice, messages that are sent twice, or come in another order than they
were sent in, handlers that end in any order, stops.
"""

from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from diator._core.delivery import Ack, DeadLetter, Delivery, Retry, RetryPolicy, Verdict, decide, refuse_late
from diator._core.lanes import ALONE_FROM, Job, Lanes, Survivors
from diator._core.visibility_queue import VisibilityQueue
from diator.errors import Reject

from .settings import EXAMPLES, FIXED

TIMEOUT, MAX_DELIVERIES = 10.0, 3
POLICY = RetryPolicy(first_delay=2, max_delay=20, jitter=0)
HANDLERS = ("a", "b")
outcomes = st.tuples(*[st.sampled_from(["fails", "ok", "rejects"])] * len(HANDLERS))


@dataclass
class Sent:
    """A message, and what has really happened to it."""

    key: str | None
    message_id: UUID = field(default_factory=uuid4)  # the same for what was sent twice
    begun: int = 0
    succeeded: set[str] = field(default_factory=set)
    rejected: bool = False
    acknowledged: bool = False
    dead: str | None = None


@dataclass
class Process:
    """A worker process, one step at a time."""

    lanes: Lanes
    running: list[Job] = field(default_factory=list)
    survivors: Survivors = field(default_factory=lambda: Survivors(MAX_DELIVERIES))
    failures: set[tuple[UUID, int]] = field(default_factory=set)

    def fail(self, message_id: UUID, attempt: int) -> None:
        self.survivors.add(message_id, attempt)
        self.failures.add((message_id, attempt))

    def saw_fail(self, message_id: UUID, attempt: int) -> bool:
        """Whether this very process knows that a delivery has failed and not ended it."""
        return (message_id, attempt) in self.failures


class Deliveries(RuleBasedStateMachine):
    @initialize(workers=st.integers(1, 2), concurrency=st.integers(1, 3))
    def begin(self, workers: int, concurrency: int) -> None:
        self.queue, self.now, self.concurrency = VisibilityQueue(), 0.0, concurrency
        self.sent: list[Sent] = []
        self.processes = [Process(Lanes(concurrency)) for _ in range(workers)]

    def process(self, data: st.DataObject) -> Process:
        return data.draw(st.sampled_from(self.processes))

    def message(self, delivery: Delivery) -> Sent:
        return self.sent[int(delivery.body)]

    @rule(keys=st.lists(st.sampled_from([None, "k", "l"]), min_size=1, max_size=4))
    def send(self, keys: list[str | None]) -> None:
        self.queue.put([(str(len(self.sent) + index).encode(), {}) for index in range(len(keys))])
        self.sent += [Sent(key) for key in keys]

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        """The same message once more, as after a lost reply: the broker keeps both, and each is settled by itself."""
        original = data.draw(st.sampled_from(self.sent))
        self.queue.put([(str(len(self.sent)).encode(), {})])
        self.sent.append(Sent(original.key, message_id=original.message_id))

    @rule(
        data=st.data(),
        receives=st.sampled_from(["no", "in order", "reordered"]),
        ends=st.lists(outcomes, min_size=1, max_size=3),
    )
    def work(self, data: st.DataObject, receives: str, ends: list[tuple[str, str]]) -> None:
        """Take messages, begin with what may run, and let the handlers of some of them end, in any order."""
        process = self.process(data)
        room = process.lanes.room()
        if receives != "no" and room:
            deliveries = self.queue.take(room, self.now, TIMEOUT)
            for delivery in data.draw(st.permutations(deliveries)) if receives == "reordered" else deliveries:
                sent = self.message(delivery)
                alone = process.survivors.must_run_alone(sent.message_id, delivery.attempt)
                assert alone or delivery.attempt < ALONE_FROM or process.saw_fail(sent.message_id, delivery.attempt - 1)
                process.lanes.add(Job(delivery, sent.key, alone=alone))
        while (job := process.lanes.next(self.now)) is not None:
            self.start(process, job)
        for end in ends:
            if process.running:
                self.end(process, process.running.pop(data.draw(st.integers(0, len(process.running) - 1))), end, data)

    def start(self, process: Process, job: Job) -> None:
        verdict = refuse_late(job.delivery.attempt, MAX_DELIVERIES)
        if verdict is not None:
            self.settle(process, job, verdict)
        elif not self.queue.begin(job.delivery, self.now):
            process.lanes.finish(job)
        else:
            sent = self.message(job.delivery)
            assert job.delivery.attempt == sent.begun + 1
            sent.begun += 1
            assert not any(other.alone for other in process.running)
            assert not (job.alone and process.running)
            assert job.key is None or job.key not in [other.key for other in process.running]
            process.running.append(job)
            assert len(process.running) <= self.concurrency

    def end(self, process: Process, job: Job, outcomes: tuple[str, str], data: st.DataObject) -> None:
        sent, done, errors = self.message(job.delivery), set(job.delivery.done), list[Exception]()
        for name, outcome in zip(HANDLERS, outcomes, strict=True):
            if name in done:
                assert name in sent.succeeded  # only what has succeeded is ever skipped
            elif outcome == "ok":
                done.add(name)
                sent.succeeded.add(name)
            else:
                errors.append(KeyError() if outcome == "fails" else Reject("rejected"))
        error = ExceptionGroup("", errors) if errors else None
        verdict = decide(
            error, job.delivery.attempt, POLICY, max_deliveries=MAX_DELIVERIES, chance=0, done=frozenset(done)
        )
        if isinstance(verdict, Ack):
            assert sent.succeeded == set(HANDLERS)
        sent.rejected = sent.rejected or (bool(errors) and all(isinstance(one, Reject) for one in errors))
        if isinstance(verdict, Retry):
            process.fail(sent.message_id, job.delivery.attempt)
        if isinstance(verdict, Retry) and job.key is not None and not job.lost and data.draw(st.booleans()):
            job.delivery = replace(job.delivery, attempt=job.delivery.attempt + 1, done=verdict.done)
            process.lanes.delay(job, self.now + verdict.after)
            return
        dies = data.draw(st.sampled_from(["no"] * 8 + ["before the verdict has reached the broker", "after that"]))
        if dies.startswith("before"):
            process.lanes.leave(job)
        else:
            self.settle(process, job, verdict)
        if dies != "no":
            process.running.clear()
            self.kill(process)

    def settle(self, process: Process, job: Job, verdict: Verdict) -> None:
        counted = self.queue.settle(job.delivery, verdict, self.now)
        process.lanes.finish(job)
        sent = self.message(job.delivery)
        if counted and isinstance(verdict, Ack):
            sent.acknowledged = True
        elif counted and isinstance(verdict, DeadLetter):
            sent.dead = verdict.reason

    def kill(self, process: Process) -> None:
        """End a process without a word: a new one takes its place."""
        self.processes = [Process(Lanes(self.concurrency)) if one is process else one for one in self.processes]

    @precondition(lambda self: any(process.lanes.held() for process in self.processes))
    @rule(data=st.data(), dies=st.booleans())
    def end_process(self, data: st.DataObject, dies: bool) -> None:
        """Let a worker die, or stop it when its time to drain is over: then it gives everything back."""
        process = self.process(data)
        process.lanes.close()
        assert process.lanes.next(self.now) is None
        for delivery in [] if dies else process.lanes.held():
            self.queue.settle(delivery, Retry(), self.now)
        self.kill(process)

    @precondition(lambda self: any(process.lanes.held() for process in self.processes))
    @rule(data=st.data())
    def extend(self, data: st.DataObject) -> None:
        process = self.process(data)
        process.lanes.lose(self.queue.extend(process.lanes.held(), self.now, TIMEOUT))

    @rule(seconds=st.sampled_from([0.5, 2.0, 5.0, TIMEOUT]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def nothing_is_lost(self) -> None:
        settled = [sent for sent in self.sent if sent.acknowledged or sent.dead]
        assert len(self.queue) == len(self.sent) - len(settled)
        assert not any(sent.acknowledged and sent.dead for sent in settled)

    @invariant()
    def every_verdict_was_right(self) -> None:
        for sent in self.sent:
            assert sent.begun <= MAX_DELIVERIES
            if sent.acknowledged:
                assert sent.succeeded == set(HANDLERS)
            if sent.dead == "rejected":
                assert sent.rejected
            elif sent.dead:
                assert sent.begun == MAX_DELIVERIES

    def teardown(self) -> None:
        """One worker that is left alone with what there is settles all of it."""
        self.now += 1000
        process = Process(Lanes(1))
        for _ in range(100 * len(self.sent)):
            for delivery in self.queue.take(process.lanes.room() or 1, self.now, TIMEOUT):
                process.lanes.add(Job(delivery, self.message(delivery).key, alone=delivery.attempt >= ALONE_FROM))
            job = process.lanes.next(self.now)
            if job is None:
                break
            verdict = refuse_late(job.delivery.attempt, MAX_DELIVERIES)
            if verdict is None:
                assert self.queue.begin(job.delivery, self.now)
                sent = self.message(job.delivery)
                sent.begun = max(sent.begun, job.delivery.attempt)
                sent.succeeded.update(HANDLERS)
            self.settle(process, job, verdict or Ack())
        assert len(self.queue) == 0
        self.nothing_is_lost()
        self.every_verdict_was_right()


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(
    derandomize=FIXED, deadline=None, database=None, max_examples=max(1, EXAMPLES // 5), stateful_step_count=60
)
