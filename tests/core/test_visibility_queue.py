"""Who gets which message when, against a model that looks at every message every time."""

from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from diator._core.delivery import Ack, DeadLetter, Delivery, Retry
from diator._core.visibility_queue import VisibilityQueue

durations = st.sampled_from([0.0, 0.5, 2.0, 5.0, 7.0])
timeouts = st.sampled_from([1.0, 5.0])
names = st.frozensets(st.sampled_from("ab"))


@dataclass
class Known:
    """What the model knows of a message that is not settled; `time` is when it becomes visible."""

    time: float
    begun: int = 0
    done: frozenset[str] = frozenset()
    held: Delivery | None = None


class Comparison(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.queue = VisibilityQueue()
        self.now = 0.0
        self.sent = 0
        self.model: dict[int, Known] = {}
        self.deliveries: list[Delivery] = []

    def give_up(self) -> None:
        for known in self.model.values():
            if known.time <= self.now:
                known.held = None

    def choose(self, data: st.DataObject) -> tuple[Delivery, Known | None]:
        """Some delivery of the past, and what is known of its message if it is still held."""
        self.give_up()
        delivery = data.draw(st.sampled_from(self.deliveries))
        known = self.model.get(int(delivery.body))
        return delivery, known if known is not None and known.held is delivery else None

    @rule(count=st.integers(0, 3))
    def put(self, count: int) -> None:
        numbers = range(self.sent, self.sent + count)
        self.queue.put([(str(number).encode(), {}) for number in numbers])
        self.model.update((number, Known(self.now)) for number in numbers)
        self.sent += count

    @rule(limit=st.integers(1, 4), timeout=timeouts)
    def take(self, limit: int, timeout: float) -> None:
        self.give_up()
        visible = [n for n, known in sorted(self.model.items()) if known.held is None and known.time <= self.now]
        taken = self.queue.take(limit, self.now, timeout)
        assert [int(delivery.body) for delivery in taken] == visible[:limit]
        for delivery in taken:
            known = self.model[int(delivery.body)]
            assert (delivery.attempt, delivery.done) == (known.begun + 1, known.done)
            known.time, known.held = self.now + timeout, delivery
        self.deliveries += taken

    @rule(data=st.data(), more=st.integers(0, 2), done=names)
    def begin(self, data: st.DataObject, more: int, done: frozenset[str]) -> None:
        if self.deliveries:
            delivery, known = self.choose(data)
            begun = replace(delivery, attempt=delivery.attempt + more, done=delivery.done | done)
            assert self.queue.begin(begun, self.now) is (known is not None)
            if known is not None:
                known.begun = max(known.begun, begun.attempt)
                known.done |= begun.done

    @rule(data=st.data(), timeout=timeouts)
    def extend(self, data: st.DataObject, timeout: float) -> None:
        if self.deliveries:
            delivery, known = self.choose(data)
            assert self.queue.extend([delivery], self.now, timeout) == ([delivery] if known is None else [])
            if known is not None:
                known.time = self.now + timeout

    @rule(data=st.data(), verdict=st.just(Ack()) | st.builds(Retry, durations, names) | st.just(DeadLetter("why")))
    def settle(self, data: st.DataObject, verdict: Ack | Retry | DeadLetter) -> None:
        if self.deliveries:
            delivery, known = self.choose(data)
            assert self.queue.settle(delivery, verdict, self.now) is (known is not None)
            if known is not None and isinstance(verdict, Retry):
                known.time, known.held = self.now + verdict.after, None
                known.done |= verdict.done
            elif known is not None:
                del self.model[int(delivery.body)]

    @rule(duration=durations)
    def pass_time(self, duration: float) -> None:
        self.now += duration

    @invariant()
    def nothing_is_lost(self) -> None:
        assert len(self.queue) == len(self.model)
        assert len({delivery.delivery_id for delivery in self.deliveries}) == len(self.deliveries)

    @invariant()
    def the_next_change_is_not_missed(self) -> None:
        later = [known.time for known in self.model.values() if known.time > self.now]
        assert self.queue.next_change() <= min(later, default=float("inf"))


TestComparison = Comparison.TestCase
TestComparison.settings = settings(
    derandomize=True, deadline=None, database=None, max_examples=60, stateful_step_count=40
)
