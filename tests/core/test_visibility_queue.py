"""Who gets which message when, against a model that looks at every message every time."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from diator._core.delivery import Ack, DeadLetter, Delivery, Retry
from diator._core.visibility_queue import VisibilityQueue

TIMEOUT = 5.0
durations = st.sampled_from([0.0, 0.5, 2.0, TIMEOUT, 7.0])


class Comparison(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.queue = VisibilityQueue(TIMEOUT)
        self.now = 0.0
        self.sent = 0
        #: Of each message that is not settled: when it becomes visible, its attempt, its delivery if it is taken.
        self.model: dict[int, tuple[float, int, Delivery | None]] = {}
        self.deliveries: list[Delivery] = []
        self.dead = 0

    def give_up(self) -> None:
        for number, (time, attempt, delivery) in self.model.items():
            if delivery is not None and time <= self.now:
                self.model[number] = (time, attempt + 1, None)

    @rule(count=st.integers(0, 3))
    def put(self, count: int) -> None:
        numbers = range(self.sent, self.sent + count)
        self.queue.put([(str(number).encode(), {}) for number in numbers])
        self.model.update(dict.fromkeys(numbers, (self.now, 1, None)))
        self.sent += count

    @rule(limit=st.integers(1, 4))
    def take(self, limit: int) -> None:
        self.give_up()
        visible = [
            number for number, (time, _, held) in sorted(self.model.items()) if held is None and time <= self.now
        ]
        taken = self.queue.take(limit, self.now)
        assert [int(delivery.body) for delivery in taken] == visible[:limit]
        for delivery in taken:
            number = int(delivery.body)
            assert delivery.attempt == self.model[number][1]
            self.model[number] = (self.now + TIMEOUT, delivery.attempt, delivery)
        self.deliveries += taken

    @rule(data=st.data(), verdict=st.just(Ack()) | st.builds(Retry, durations) | st.just(DeadLetter("why")))
    def settle(self, data: st.DataObject, verdict: Ack | Retry | DeadLetter) -> None:
        if not self.deliveries:
            return
        delivery = data.draw(st.sampled_from(self.deliveries))
        self.give_up()
        number = int(delivery.body)
        if number in self.model and self.model[number][2] is delivery:
            if isinstance(verdict, Retry):
                self.model[number] = (self.now + verdict.after, delivery.attempt + 1, None)
            else:
                del self.model[number]
                self.dead += isinstance(verdict, DeadLetter)
        self.queue.settle(delivery, verdict, self.now)

    @rule(duration=durations)
    def pass_time(self, duration: float) -> None:
        self.now += duration

    @invariant()
    def nothing_is_lost(self) -> None:
        assert len(self.queue) == len(self.model)
        assert len(self.queue.dead) == self.dead
        assert len({delivery.delivery_id for delivery in self.deliveries}) == len(self.deliveries)

    @invariant()
    def the_next_change_is_not_missed(self) -> None:
        later = [time for time, _, _ in self.model.values() if time > self.now]
        assert self.queue.next_change() <= min(later, default=float("inf"))


TestComparison = Comparison.TestCase
TestComparison.settings = settings(
    derandomize=True, deadline=None, database=None, max_examples=60, stateful_step_count=40
)
