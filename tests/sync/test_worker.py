# Generated from tests/aio/test_worker.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What a worker does with messages, from the broker to the verdict."""

import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest

from diator import Command, ECSTEvent, EventMap, Events, MiddlewareChain, NotificationEvent, Query, RequestMap
from diator._core.lanes import WAITING
from diator.context import causation_id, correlation_id
from diator.delivery import Delivery, Reject, Retry, RetryLater, RetryPolicy
from diator.errors import (
    BrokerClosed,
    BrokerError,
    BrokerUnavailable,
    ConfigurationError,
    MessageDecodeError,
    RequestHandlerDoesNotExist,
)
from diator.message_brokers import Message, to_message
from diator.sync import InMemoryMessageBroker, Mediator, Worker
from tests.sync.conftest import sleep, together

#: Seconds until something that should have happened makes a test fail.
PATIENCE = 20
NOW = RetryPolicy(first_delay=0)
SOON = RetryPolicy(first_delay=0.05, factor=1)


@dataclass(frozen=True, kw_only=True)
class Joined(NotificationEvent):
    user: int
    key: str | None = None

    @property
    def partition_key(self) -> str | None:
        return self.key


@dataclass(frozen=True, kw_only=True)
class Changed(ECSTEvent):
    user: int


@dataclass(frozen=True, kw_only=True)
class Rename(Command[str]):
    name: str


@dataclass
class App:
    """An application with one broker, whose handlers log what they get and do what a test wants.

    Attributes:
        act: What a handler does; it may return seconds to take, or a condition to wait for.
    """

    act: Callable[[Joined], Any] = lambda event: None
    log: list[Any] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    chain: MiddlewareChain | None = None
    container: Any = None

    def __post_init__(self) -> None:
        self.broker: Any = InMemoryMessageBroker()
        self.events, self.requests = EventMap(), RequestMap()
        self.events.bind(Joined, self.joined)
        self.requests.bind(Rename, self.rename)

    def joined(self, event: Joined) -> None:
        self.log.append(event.user)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            result = self.act(event)
            if isinstance(result, float):
                sleep(result)
            elif callable(result):
                until(result)
        finally:
            self.running -= 1

    def rename(self, command: Rename) -> str:
        self.log.append(command.name)
        return command.name

    @property
    def mediator(self) -> Mediator:
        return Mediator(
            self.requests,
            self.container,
            middleware_chain=self.chain,
            event_map=self.events,
            message_broker=self.broker,
        )

    def worker(self, **options: Any) -> Worker:
        return Worker(self.mediator, self.broker, **{"retry": NOW, **options})

    def publish(self, *events: Any) -> None:
        self.broker.send_messages([to_message(event) for event in events])

    def work_off(self, **options: Any) -> None:
        """Work until the broker is empty."""
        with self.worker(**options):
            until(lambda: len(self.broker) == 0)

    def reasons(self) -> list[str]:
        return [dead.reason for dead in self.broker.dead_letters.list()]


def until(condition: Callable[[], object]) -> None:
    end = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < end, "it did not happen in time"
        sleep(0.005)


class Unreliable:
    """A broker whose receivers fail as a test wants it, and tell what the worker asked of them."""

    def __init__(self, broker: InMemoryMessageBroker) -> None:
        self.inner = broker
        self.failing = dict.fromkeys(("receive", "begin", "extend", "settle", "stop", "closing"), 0)
        self.error: Exception = BrokerUnavailable("the broker cannot be reached")
        self.asked: list[tuple[str, Any]] = []
        self.verdicts: list[Any] = []
        self.held = self.most_held = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __len__(self) -> int:
        return len(self.inner)

    def receiver(self, **options: Any) -> Any:
        self.real = self.inner.receiver(**options)
        return self

    def fail(self, name: str, argument: Any = None) -> None:
        self.asked.append((name, argument))
        if self.failing[name] > 0:
            self.failing[name] -= 1
            raise self.error

    def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        self.fail("receive", limit)
        deliveries: Sequence[Delivery] = self.real.receive(limit, timeout)
        self.held += len(deliveries)
        self.most_held = max(self.most_held, self.held)
        return deliveries

    def begin(self, delivery: Delivery) -> bool:
        self.fail("begin", delivery)
        begun: bool = self.real.begin(delivery)
        return begun

    def extend(self, deliveries: Any) -> Any:
        self.fail("extend", deliveries)
        return self.real.extend(deliveries)

    def settle(self, delivery: Delivery, verdict: Any) -> None:
        self.fail("settle", verdict)
        self.real.settle(delivery, verdict)
        self.verdicts.append(verdict)
        self.held -= 1

    def stop(self) -> None:
        self.fail("stop")
        self.real.stop()

    def close(self) -> None:
        self.fail("closing")
        self.real.close()


# -- success


def test_runs_the_handlers_of_what_was_published_and_acknowledges_it() -> None:
    app = App()
    app.mediator.publish(Joined(user=1))
    app.mediator.publish(Joined(user=2))
    assert app.log == []
    app.work_off()
    assert sorted(app.log) == [1, 2]
    assert app.reasons() == []


def test_waits_for_messages_that_come_later() -> None:
    app = App()
    with app.worker():
        for user in range(3):
            sleep(0.02)
            app.publish(Joined(user=user))
            until(lambda: len(app.log) == user + 1)  # noqa: B023
    assert app.log == [0, 1, 2]


def test_never_takes_more_than_it_can_run() -> None:
    app = App(act=lambda event: 0.02 if app.most_running >= 3 else lambda: app.most_running >= 3)
    app.broker = Unreliable(app.broker)
    app.publish(*[Joined(user=user) for user in range(12)])
    app.work_off(concurrency=3)
    assert sorted(app.log) == list(range(12))
    assert app.most_running == 3
    assert app.broker.most_held == 3


def test_runs_requests_that_it_was_given() -> None:
    app = App()
    app.broker.send_message(to_message(Rename(name="Ada")))
    app.work_off(requests=[Rename])
    assert app.log == ["Ada"]


def test_requests_that_it_was_not_given_are_put_aside() -> None:
    app = App()
    app.publish(Rename(name="Ada"))
    app.work_off()
    assert app.log == []
    assert app.reasons() == ["no request with the name of the message is registered here"]


def test_one_scope_spans_the_handlers_of_a_message() -> None:
    log: list[Any] = []

    class Scope:
        def __enter__(self) -> "Scope":
            log.append("open")
            return self

        def __exit__(self, *exc: object) -> None:
            log.append("close")

        def resolve(self, type_: Any) -> Any:
            return log if type_ is list else type_()

    class Container(Scope):
        def scope(self) -> Scope:
            return Scope()

    app = App(container=Container())

    @app.events.handler
    def note(event: Joined, log: list) -> None:  # type: ignore[type-arg]
        log.append(event.user)

    app.publish(Joined(user=1), Joined(user=2))
    app.work_off(concurrency=1)
    assert log == ["open", 1, "close", "open", 2, "close"]


def test_a_transaction_around_received_messages_commits_before_the_acknowledgement() -> None:
    app = App(chain=MiddlewareChain())
    app.broker = Unreliable(app.broker)
    assert app.chain is not None

    def transaction(event: Any) -> Any:
        result = yield event
        app.log.append(f"commit before {len(app.broker.verdicts)} verdicts")
        return result

    app.chain.add(transaction, received=(NotificationEvent,))
    app.publish(Joined(user=1))
    app.work_off()
    assert app.log == [1, "commit before 0 verdicts"]


# -- failure


def fail(times: int, error: BaseException) -> Callable[[Joined], None]:
    """Act by raising so many times."""
    left = [error] * times

    def act(event: Joined) -> None:
        if left:
            raise left.pop()

    return act


def test_a_failed_message_comes_again_until_it_succeeds() -> None:
    app = App(act=fail(3, KeyError()))
    app.publish(Joined(user=1))
    app.work_off()
    assert app.log == [1, 1, 1, 1]
    assert app.reasons() == []


def test_the_broker_counts_and_the_worker_waits_before_the_next_delivery() -> None:
    app = App(act=fail(2, KeyError()))
    app.broker = Unreliable(app.broker)
    app.publish(Joined(user=1))
    app.work_off(retry=RetryPolicy(first_delay=0.01, factor=3, jitter=0))
    delays = [verdict.after for verdict in app.broker.verdicts[:2]]
    assert delays == [0.01, 0.03]
    begun = [delivery.attempt for name, delivery in app.broker.asked if name == "begin"]
    assert begun == [1, 2, 3]


@pytest.mark.parametrize("key", [None, "k"])
def test_handlers_that_have_succeeded_do_not_run_again(key: str | None) -> None:
    app = App(act=fail(2, KeyError()))
    other: list[int] = []
    app.events.bind(Joined, lambda event: other.append(event.user))
    app.publish(Joined(user=1, key=key))
    app.work_off()
    assert app.log == [1, 1, 1]
    assert other == [1]


@pytest.mark.parametrize("key", [None, "k"])
def test_what_fails_too_often_is_put_aside_as_it_came(key: str | None) -> None:
    app = App(act=fail(99, KeyError()))
    message = to_message(Joined(user=1, key=key), correlation_id="c")
    app.broker.send_message(message)
    app.work_off(max_deliveries=3)
    assert app.log == [1, 1, 1]
    [dead] = app.broker.dead_letters.list()
    assert dead.reason == "KeyError in delivery 3 of at most 3"
    assert app.broker._serializer.decode(dead.body, dead.headers) == message


def test_a_dead_letter_that_is_sent_again_is_handled() -> None:
    app = App(act=fail(1, KeyError()))
    app.publish(Joined(user=1))
    with app.worker(max_deliveries=1):
        until(lambda: len(app.broker.dead_letters) == 1)
        assert app.broker.dead_letters.retry_all() == 1
        until(lambda: len(app.broker) == 0)
    assert app.log == [1, 1]
    assert app.reasons() == []


def test_what_the_broker_cannot_deliver_again_the_worker_runs_again_itself() -> None:
    app = App(act=fail(2, KeyError()))
    app.broker = Unreliable(app.broker)
    app.broker.capabilities = frozenset()
    app.publish(Joined(user=1))
    app.work_off()
    assert app.log == [1, 1, 1]
    assert len(app.broker.verdicts) == 1


def test_without_dead_letters_what_would_be_put_aside_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    app = App(act=fail(99, KeyError()))
    app.publish(Joined(user=1), Changed(user=2))
    app.work_off(max_deliveries=2, dead_letters=False)
    assert app.reasons() == []
    assert sorted("is dropped" in record.message for record in caplog.records)[-2:] == [True, True]


def test_a_decoding_error_of_a_handler_is_a_failure_like_any_other(caplog: pytest.LogCaptureFixture) -> None:
    """It has read something else, which may be well the next time; and its text may quote that."""
    app = App()
    left = [MessageDecodeError("canary of another system"), MessageDecodeError("canary")]

    def rename(command: Rename) -> str:
        app.log.append(command.name)
        if left:
            raise left.pop()
        return ""

    app.requests = RequestMap()
    app.requests.bind(Rename, rename)
    app.publish(Rename(name="Ada"))
    app.work_off(requests=[Rename])
    assert app.log == ["Ada"] * 3
    assert app.reasons() == []
    left[:] = [MessageDecodeError("canary")]
    app.publish(Rename(name="Ada"))
    app.work_off(requests=[Rename], max_deliveries=1)
    assert app.reasons() == ["MessageDecodeError in delivery 1 of at most 1"]
    assert "canary" not in caplog.text


def test_a_decoding_error_of_the_ordering_key_is_not_quoted() -> None:
    app = App()
    app.publish(Joined(user=1))

    def broken(message: Message) -> str:
        raise MessageDecodeError("canary")

    app.work_off(ordering_key=broken, max_deliveries=2)
    assert app.reasons() == ["MessageDecodeError in delivery 2 of at most 2"]


def test_a_handler_can_reject_a_message() -> None:
    app = App(act=fail(1, Reject("the meeting is over")))
    app.publish(Joined(user=1))
    app.work_off()
    assert app.log == [1]
    assert app.reasons() == ["the meeting is over"]


def test_a_handler_can_ask_for_a_delay() -> None:
    app = App(act=fail(1, RetryLater(after=0.07)))
    app.broker = Unreliable(app.broker)
    app.publish(Joined(user=1))
    app.work_off()
    assert app.log == [1, 1]
    assert app.broker.verdicts[0] == Retry(0.07)


def test_what_was_delivered_too_often_without_an_end_does_not_run() -> None:
    app = App()
    app.publish(Joined(user=1))
    for _ in range(2):
        receiver = app.broker.receiver()
        [delivery] = receiver.receive(1, 1)
        receiver.begin(delivery)
        receiver.close()
    app.work_off(max_deliveries=2)
    assert app.log == []
    assert app.reasons() == ["2 deliveries began and were never settled: it may have ended the process"]


# -- what cannot be handled


def inject(app: App, message: Message) -> None:
    app.broker.send_message(message)


def test_a_message_that_cannot_be_read_is_put_aside() -> None:
    app = App()
    message = to_message(Joined(user=1))
    object.__setattr__(message, "payload", {**message.payload, "user": "one"})
    inject(app, message)
    app.publish(Joined(user=2))
    app.work_off()
    assert app.log == [2]
    assert app.reasons() == ["the payload is not a Joined: user: expected int, got str"]


def test_an_unknown_message_is_put_aside() -> None:
    app = App()
    app.publish(Changed(user=1))
    app.work_off()
    assert app.reasons() == ["no event with the name of the message is registered here"]


def test_an_unknown_message_may_be_ignored() -> None:
    app = App()
    app.publish(Changed(user=1), Rename(name="Ada"), Joined(user=2))
    app.work_off(ignore_unknown=True)
    assert app.log == [2]
    assert app.reasons() == []


def test_an_expired_message_is_put_aside() -> None:
    app = App()
    now = datetime.now(UTC)
    app.publish(Joined(user=1, event_timestamp=now - timedelta(hours=1)), Joined(user=2, event_timestamp=now))
    app.work_off(max_age=600)
    assert app.log == [2]
    assert app.reasons() == ["expired: it is older than 600 s"]


def test_a_key_that_cannot_be_told_is_a_failure() -> None:
    app = App()
    app.publish(Joined(user=1))

    def no_key(message: Message) -> str:
        raise KeyError("none")

    app.work_off(ordering_key=no_key, max_deliveries=2)
    assert app.log == []
    assert app.reasons() == ["KeyError in delivery 2 of at most 2"]


@pytest.mark.parametrize("key", [["k"], 7])
def test_a_key_that_is_no_text_puts_its_message_aside_and_nothing_else(key: Any) -> None:
    app = App()
    app.publish(Joined(user=1), Joined(user=2))
    with app.worker(ordering_key=lambda message: key if message.payload["user"] == 1 else None) as worker:
        until(lambda: len(app.broker) == 0 or worker.ended)
        assert not worker.ended
    assert app.log == [2]
    assert app.reasons() == [f"ordering_key gave a key of type {type(key).__name__}: it must be str or None"]


# -- keys


def test_messages_of_one_key_run_one_after_another_and_others_beside_them() -> None:
    running: dict[str | None, int] = {}
    most: dict[str | None, int] = {}

    class Counting(App):
        def joined(self, event: Joined) -> None:
            running[event.key] = running.get(event.key, 0) + 1
            most[event.key] = max(most.get(event.key, 0), running[event.key])
            self.log.append((event.key, event.user))
            sleep(0.01)
            if event.key is None:
                until(lambda: most[None] > 1)
            running[event.key] -= 1

    app = Counting()
    app.publish(*[Joined(user=user, key="abcde"[user % 5]) for user in range(20)])
    app.publish(*[Joined(user=user) for user in range(20, 26)])
    app.work_off(concurrency=6)
    for key in "abcde":
        users = [user for name, user in app.log if name == key]
        assert users == sorted(users)
        assert most[key] == 1
    assert most[None] > 1


def test_a_failing_message_keeps_later_ones_of_its_key_waiting() -> None:
    app = App(act=fail(2, KeyError()))
    app.publish(Joined(user=1, key="k"), Joined(user=2, key="k"), Joined(user=3, key="k"))
    app.work_off(retry=SOON)
    assert app.log == [1, 1, 1, 2, 3]


def test_a_message_that_is_put_aside_lets_the_next_one_of_its_key_follow() -> None:
    app = App(act=fail(2, KeyError()))
    app.publish(Joined(user=1, key="k"), Joined(user=2, key="k"))
    app.work_off(retry=SOON, max_deliveries=2)
    assert app.log == [1, 1, 2]
    assert len(app.reasons()) == 1


def test_a_failing_message_lets_other_keys_run() -> None:
    app = App(act=lambda event: fail(1, KeyError())(event) if event.key == "a" else None)
    app.publish(*[Joined(user=user, key="a") for user in range(5)], Joined(user=99, key="b"))
    with app.worker(retry=RetryPolicy(first_delay=1000, max_delay=1000), concurrency=2):
        until(lambda: 99 in app.log)
    assert sorted(app.log) == [0, 99]


def test_many_failing_keys_let_other_keys_run() -> None:
    app = App(act=lambda event: fail(1, KeyError())(event) if event.user else None)
    app.publish(*[Joined(user=user, key=str(user)) for user in range(1, 60)], Joined(user=0, key="0"))
    with app.worker(retry=RetryPolicy(first_delay=1000, max_delay=1000), concurrency=1):
        until(lambda: 0 in app.log)


def test_a_worker_that_takes_no_more_because_of_what_waits_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    app = App(act=fail(999, KeyError()))
    app.publish(*[Joined(user=user, key=str(user)) for user in range(WAITING + 9)])

    def said() -> list[str]:
        return [record.message for record in caplog.records if "takes no more" in record.message]

    with app.worker(retry=RetryPolicy(first_delay=1000, max_delay=1000), concurrency=1):
        until(said)
        sleep(0.1)
    assert said() == [
        f"{WAITING} messages wait for their next attempt, or for others of their key: the worker takes no more"
    ]
    assert len(app.log) == WAITING


def test_by_policy_later_messages_overtake_a_failing_one() -> None:
    app = App(act=fail(1, KeyError()))
    app.publish(Joined(user=1, key="k"), Joined(user=2, key="k"))
    app.work_off(retry=RetryPolicy(first_delay=0.1, keep_order=False))
    assert app.log == [1, 2, 1]


def test_the_key_can_be_something_else() -> None:
    failing = fail(1, KeyError())
    app = App(act=lambda event: failing(event) or (lambda: 3 in app.log))
    app.publish(Joined(user=1), Joined(user=2), Joined(user=3))
    app.work_off(retry=SOON, ordering_key=lambda message: "k" if message.payload["user"] < 3 else None)
    assert app.log.index(3) < app.log.index(2)
    assert [user for user in app.log if user < 3] == [1, 1, 2]


def test_order_is_kept_when_a_worker_stops_while_a_message_waits() -> None:
    app = App(act=fail(1, KeyError()))
    app.publish(Joined(user=1, key="k"), Joined(user=2, key="k"))
    with app.worker(retry=RetryPolicy(first_delay=1000, max_delay=1000)):
        until(lambda: app.log == [1])
        sleep(0.02)
    app.work_off()
    assert app.log == [1, 1, 2]


def test_order_is_kept_when_a_message_fails_while_its_worker_stops() -> None:
    class Slow(App):
        def joined(self, event: Joined) -> None:
            self.running += 1
            sleep(0.1)
            raise KeyError

    app = Slow()
    app.publish(Joined(user=1, key="k"), Joined(user=2, key="k"))
    slow = RetryPolicy(first_delay=1000, max_delay=1000)
    run_and_stop(app.worker(retry=slow), lambda: app.running, 0)
    left = app.broker.receiver().receive(10, 0)
    assert [delivery.attempt for delivery in left] == [2, 1]


@pytest.mark.parametrize("drain_timeout", [0, 10])
def test_what_has_succeeded_is_remembered_when_a_worker_stops_while_a_message_waits(drain_timeout: int) -> None:
    app = App(act=fail(2, KeyError()))
    other: list[int] = []
    app.events.bind(Joined, lambda event: other.append(event.user))
    app.publish(Joined(user=1, key="a"), Joined(user=2, key="b"), Joined(user=3, key="b"))
    slow = RetryPolicy(first_delay=1000, max_delay=1000)
    with app.worker(retry=slow, drain_timeout=drain_timeout):
        until(lambda: sorted(other) == [1, 2])
        sleep(0.05)
    left = app.broker.receiver(visibility_timeout=0.01).receive(10, 0)
    assert [(delivery.attempt, len(delivery.done)) for delivery in left] == [(2, 1), (2, 1), (1, 0)]
    app.work_off()
    assert (sorted(app.log), sorted(other)) == ([1, 1, 2, 2, 3], [1, 2, 3])
    assert [user for user in app.log if user > 1] == [2, 2, 3]


# -- messages that end the process


class Watching(App):
    """Notes which messages have run beside others. Those that may wait until they have."""

    suspects: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.inside: list[int] = []
        self.beside: set[int] = set()

    def joined(self, event: Joined) -> None:
        self.inside.append(event.user)
        if len(self.inside) > 1:
            self.beside.update(self.inside)
        sleep(0.04)
        if event.user not in self.suspects:
            until(lambda: event.user in self.beside)
        self.inside.remove(event.user)


def test_a_message_runs_alone_from_its_third_delivery_on() -> None:
    app = Watching()
    app.suspects = (4, 5)
    app.publish(*[Joined(user=user) for user in range(10)])
    for _ in range(2):
        receiver = app.broker.receiver()
        suspects = (receiver.receive(10, 1))[4:6]
        for delivery in suspects:
            receiver.begin(delivery)
        receiver.close()
    app.work_off(concurrency=4)
    assert app.beside == {0, 1, 2, 3, 6, 7, 8, 9}


def test_a_message_runs_alone_in_its_last_delivery() -> None:
    app = Watching()
    app.suspects = (2, 3)
    app.publish(*[Joined(user=user) for user in range(6)])
    receiver = app.broker.receiver()
    for delivery in (receiver.receive(10, 1))[2:4]:
        receiver.begin(delivery)
    receiver.close()
    app.work_off(concurrency=4, max_deliveries=2)
    assert app.beside == {0, 1, 4, 5}


def test_with_a_single_delivery_each_messages_run_one_at_a_time() -> None:
    """One that ends the process would leave no delivery to those beside it."""
    app = App(act=lambda event: 0.02)
    app.broker = Unreliable(app.broker)
    app.publish(*[Joined(user=user) for user in range(4)])
    app.work_off(concurrency=4, max_deliveries=1)
    assert (app.log, app.most_running, app.broker.most_held) == ([0, 1, 2, 3], 1, 1)


def test_a_message_that_failed_in_this_process_need_not_run_alone() -> None:
    def act(event: Joined) -> Any:
        if event.user == 1:
            raise KeyError
        return lambda: may_end

    may_end: list[bool] = []
    app = App(act=act)
    app.publish(Joined(user=1), Joined(user=2))
    with app.worker(max_deliveries=4, concurrency=2):
        until(lambda: len(app.broker.dead_letters) == 1)
        until(lambda: 2 in app.log)
        assert app.running == 1
        may_end.append(True)
    assert app.log.count(1) == 4


# -- time


def test_a_handler_may_take_longer_than_the_visibility_timeout() -> None:
    app = App(act=lambda event: 2.0 if event.user < 3 else None)
    app.publish(Joined(user=1), Joined(user=2, key="k"), Joined(user=3, key="k"))
    app.work_off(visibility_timeout=1.0)
    assert sorted(app.log) == [1, 2, 3]


def test_a_message_that_waits_to_run_again_is_kept() -> None:
    app = App(act=fail(1, KeyError()))
    app.publish(Joined(user=1, key="k"))
    with app.worker(visibility_timeout=1.0, retry=RetryPolicy(first_delay=2.0, jitter=0)):
        until(lambda: app.log == [1])
        other = app.broker.receiver()
        for _ in range(4):
            assert not other.receive(1, 0.4)
        until(lambda: len(app.broker) == 0)
    assert app.log == [1, 1]


def test_what_somebody_else_has_taken_over_is_left_to_them() -> None:
    class Slow(App):
        def joined(self, event: Joined) -> None:
            self.log.append(event.user)
            until(lambda: self.running)
            raise KeyError

    app = Slow()
    app.broker = Unreliable(app.broker)
    app.broker.failing["extend"] = 10_000
    app.publish(Joined(user=1, key="k"))
    with app.worker(visibility_timeout=0.1, concurrency=1):
        other = app.broker.inner.receiver()
        until(lambda: app.log)
        [taken] = other.receive(1, PATIENCE)
        app.broker.failing["extend"] = 0
        before = len(app.broker.asked)
        until(lambda: [name for name, _ in app.broker.asked[before:] if name == "extend"])
        sleep(0.1)
        app.running = 1
        sleep(0.1)
        assert app.log == [1]
    assert other.begin(taken)
    assert app.broker.inner.receiver().receive(1, 0) == []


# -- a broker that fails


def test_lost_connections_are_waited_for_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "diator")
    app = App()
    app.broker = Unreliable(app.broker)
    app.broker.failing.update(receive=3, begin=2, settle=2, extend=2)
    app.publish(*[Joined(user=user) for user in range(3)])

    def said(what: str) -> list[str]:
        return [record.message for record in caplog.records if what in record.message]

    with app.worker(concurrency=1, visibility_timeout=1.5):
        until(lambda: len(app.broker) == 0)
        until(lambda: len(said("not answer")) == len(said("answers again")))
    assert sorted(app.log) == [0, 1, 2]
    complaints = said("not answer")
    assert complaints
    assert complaints[0] == "the broker does not answer (the broker cannot be reached): trying again until it does"
    assert len(complaints) < 3 + 2 + 2


def test_what_a_broker_refuses_from_the_start_ends_the_worker() -> None:
    """A wrong password, a missing right: no later attempt would go better, and somebody has to hear of it."""
    app = App()
    app.broker = Unreliable(app.broker)
    app.broker.error = BrokerError("the server does not accept this user and password")
    app.broker.failing["receive"] = 1
    with pytest.raises(BrokerError, match="user and password"):
        with app.worker() as worker:
            until(lambda: worker.ended)


def test_what_a_broker_refuses_later_is_tried_again_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """It has worked, so it may work again: a full server, for example, which somebody empties."""
    app = App()
    app.broker = Unreliable(app.broker)
    app.broker.error = BrokerError("the server has no memory left")
    with app.worker(concurrency=1):
        app.publish(Joined(user=1))
        until(lambda: app.log == [1])
        app.broker.failing.update(begin=2)
        app.publish(Joined(user=2))
        until(lambda: len(app.broker) == 0)
    assert app.log == [1, 2]
    said = [record.message for record in caplog.records if "no memory left" in record.message]
    assert said == ["the broker refuses (the server has no memory left): trying again until it does not"]


def test_an_error_that_no_broker_should_raise_is_logged_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    """But without its text, which may quote anything."""
    app = App()
    app.broker = Unreliable(app.broker)
    app.broker.error = ZeroDivisionError("canary-of-the-broker")
    app.broker.failing.update(receive=3)
    app.publish(Joined(user=1))
    app.work_off()
    [said] = [record.message for record in caplog.records if "ZeroDivisionError" in record.message]
    assert said.count(__file__) >= 2
    assert "in fail" in said
    assert "canary" not in caplog.text


def test_another_kind_of_failure_is_said_though_one_has_been_said(caplog: pytest.LogCaptureFixture) -> None:
    app = App()
    app.broker = Unreliable(app.broker)
    app.broker.failing.update(receive=10_000)
    app.publish(Joined(user=1))

    def change() -> None:
        until(lambda: app.broker.asked)
        app.broker.error = ZeroDivisionError()
        until(lambda: "ZeroDivisionError" in caplog.text)
        app.broker.failing.update(receive=1)

    together(app.work_off, change)
    kinds = ("cannot be reached", "ZeroDivisionError")
    assert [sum(kind in record.message for record in caplog.records) for kind in kinds] == [1, 1]


def test_a_broker_that_never_answers_does_not_keep_the_worker_from_stopping() -> None:
    app = App()
    app.broker = Unreliable(app.broker)
    app.broker.failing = dict.fromkeys(app.broker.failing, 10_000)
    begin = monotonic()
    with app.worker(drain_timeout=0):
        until(lambda: len(app.broker.asked) > 1)
    assert monotonic() - begin < PATIENCE


def test_a_closed_broker_ends_the_worker() -> None:
    app = App()

    def close_late() -> None:
        sleep(0.05)
        app.broker.close()

    def run() -> None:
        with pytest.raises(BrokerClosed):
            app.worker().run()

    together(run, close_late)


# -- stopping


def run_and_stop(worker: Worker, started: Callable[[], object], *stops: float) -> float:
    """Run a worker, stop it these seconds after something has happened, and return how long it then took."""
    moments: list[float] = []

    def stop() -> None:
        until(started)
        for seconds in stops:
            sleep(seconds)
            moments.append(monotonic())
            worker.stop()

    together(worker.run, stop)
    return monotonic() - moments[0]


def test_stopping_waits_for_what_runs_and_takes_nothing_more() -> None:
    may_end: list[bool] = []
    app = App(act=lambda event: lambda: may_end)
    app.publish(*[Joined(user=user) for user in range(8)])
    worker = app.worker(concurrency=2)

    def stop() -> None:
        until(lambda: app.running == 2)
        worker.stop()
        sleep(0.1)
        assert not worker.ended
        may_end.append(True)

    together(worker.run, stop)
    assert sorted(app.log) == [0, 1]
    assert len(app.broker) == 6
    left = app.broker.receiver().receive(10, 0)
    assert [delivery.attempt for delivery in left] == [1] * 6


def test_at_the_deadline_what_still_runs_is_cancelled_and_left_to_the_next_delivery() -> None:
    app = App(act=lambda event: 1000.0)
    app.publish(Joined(user=1), Joined(user=2))
    took = run_and_stop(app.worker(drain_timeout=0.1), lambda: app.running == 2, 0)
    assert took < PATIENCE
    left = app.broker.receiver().receive(10, 0)
    assert [delivery.attempt for delivery in left] == [2, 2]


def test_stopping_twice_cancels_at_once() -> None:
    app = App(act=lambda event: 1000.0)
    app.publish(Joined(user=1))
    took = run_and_stop(app.worker(drain_timeout=1000), lambda: app.running == 1, 0, 0.05)
    assert took < PATIENCE
    assert len(app.broker.receiver().receive(1, 0)) == 1


def test_a_worker_that_is_stopped_before_it_runs_ends_at_once() -> None:
    app = App()
    app.publish(Joined(user=1))
    worker = app.worker()
    worker.stop()
    worker.run()
    assert len(app.broker.receiver().receive(1, 0)) == 1


def test_leaving_the_block_stops_the_worker_also_on_errors() -> None:
    app = App(act=lambda event: 0.1)
    app.publish(Joined(user=1))
    with pytest.raises(KeyError, match="mine"):
        with app.worker():
            until(lambda: app.log)
            raise KeyError("mine")
    assert (app.log, len(app.broker)) == ([1], 0)


def test_what_is_no_ordinary_exception_ends_the_worker_and_leaves_the_message() -> None:
    app = App(act=fail(1, SystemExit(3)))
    app.publish(Joined(user=1))
    with pytest.raises(SystemExit):
        app.worker().run()
    [delivery] = app.broker.receiver().receive(1, 0)
    assert delivery.attempt == 2


def test_leaving_the_block_raises_what_ended_the_worker() -> None:
    app = App(act=fail(1, SystemExit(3)))
    app.publish(Joined(user=1))
    with pytest.raises(SystemExit):
        with app.worker():
            until(lambda: app.log)


def test_a_worker_works_once() -> None:
    worker = App().worker()
    with worker:
        pass
    with pytest.raises(RuntimeError, match="make a new one"):
        worker.run()


# -- what leads to what


def test_the_context_of_a_handler_names_what_led_to_it_and_messages_carry_it_on() -> None:
    app = App()
    seen: list[tuple[str | None, str | None]] = []

    @app.events.handler
    def note(event: Joined, events: Events) -> None:
        seen.append((correlation_id.get(), causation_id.get()))
        events.append(Changed(user=event.user))

    def rename(command: Rename) -> str:
        seen.append((correlation_id.get(), causation_id.get()))
        return ""

    first = to_message(Joined(user=1))
    second = to_message(Joined(user=2), correlation_id="c", causation_id="before", traceparent="t")
    for message in (first, second):
        app.broker.send_message(message)
    with app.worker(concurrency=1, ignore_unknown=True) as worker:
        until(lambda: len(app.broker) == 0)
        worker.stop()
    assert seen == [(str(first.message_id), str(first.message_id)), ("c", str(second.message_id))]
    assert (correlation_id.get(), causation_id.get()) == (None, None)


def test_events_recorded_while_handling_a_message_carry_its_ids() -> None:
    app = App()
    app.events = EventMap()

    @app.events.handler
    def cause(event: Joined, events: Events) -> None:
        events.append(Changed(user=event.user))

    cause_message = to_message(Joined(user=2), correlation_id="c", traceparent="t")
    app.broker.send_message(cause_message)
    with app.worker(max_deliveries=1):
        until(lambda: len(app.broker.dead_letters) == 1)
    [dead] = app.broker.dead_letters.list()
    caused = app.broker._serializer.decode(dead.body, dead.headers)
    assert caused.message_name == "Changed"
    assert (caused.correlation_id, caused.causation_id) == ("c", str(cause_message.message_id))
    assert caused.traceparent == "t"


def test_what_a_handler_sets_in_its_context_does_not_reach_the_next_message() -> None:
    variable: ContextVar[int] = ContextVar("variable", default=0)
    seen: list[int] = []
    app = App()

    @app.events.handler
    def note(event: Joined) -> None:
        seen.append(variable.get())
        variable.set(event.user)

    app.publish(*[Joined(user=user) for user in range(1, 4)])
    app.work_off(concurrency=1)
    assert seen == [0, 0, 0]


# -- configuration, logs


def test_a_worker_without_anything_to_take_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="nothing to take"):
        Worker(Mediator(RequestMap(), event_map=EventMap()), InMemoryMessageBroker())


def test_what_cannot_work_is_refused_when_it_is_made() -> None:
    app = App()

    @dataclass(frozen=True, kw_only=True)
    class Unbound(Query[None]):
        pass

    with pytest.raises(RequestHandlerDoesNotExist):
        app.worker(requests=[Unbound])
    for wrong in ({"concurrency": 0}, {"max_deliveries": 0}, {"drain_timeout": -1}, {"visibility_timeout": 0}):
        with pytest.raises(ValueError, match="must be"):
            app.worker(**wrong)
    app.events.bind(Changed, type("NeedsMore", (), {"__init__": lambda self, more: None, "handle": lambda self, e: e}))
    with pytest.raises(ConfigurationError):
        app.worker()


def test_no_log_quotes_a_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    app = App()

    @app.events.handler
    def broken(event: Changed) -> None:
        raise KeyError(event.__dict__, "canary")

    @dataclass(frozen=True, kw_only=True)
    class Canary(NotificationEvent):
        canary: str

    message = to_message(Joined(user=1))
    object.__setattr__(message, "payload", {**message.payload, "user": "canary", "canary": 1})
    inject(app, message)
    app.publish(Canary(canary="canary"), Changed(user=1))
    app.work_off(max_deliveries=2)
    assert len(app.reasons()) == 3
    said = [record for record in caplog.records if record.name.startswith("diator")]
    assert len(said) >= 5
    assert "canary" not in caplog.text.lower()
    assert "canary" not in "".join(app.reasons()).lower()
