# Generated from tests/aio/contracts/test_message_brokers.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What every message broker that sends and receives must do. A new one is a function here and a line in BROKERS."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Any

import pytest

from diator._core.delivery import Ack, DeadLetter, Delivery, Retry
from diator._core.serializers import JSONSerializer
from diator._core.wire import Message
from diator.errors import BrokerClosed, MessageEncodeError
from diator.sync.abc import BatchingMessageBroker, ReceivingMessageBroker
from diator.sync.message_brokers.memory import InMemoryMessageBroker
from tests.sync.conftest import sleep, together

#: Seconds until a broker of these tests gives up a delivery; long enough for a slow machine.
VISIBILITY = 0.4
#: Seconds to wait for what is there, and for what must not come.
SOON, NEVER = 5, 0.1


@contextmanager
def memory() -> Iterator[InMemoryMessageBroker]:
    broker = InMemoryMessageBroker(visibility_timeout=VISIBILITY)
    yield broker
    broker.close()


BROKERS: dict[str, Any] = {
    "memory": memory,
}


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> Iterator[Any]:
    opened: AbstractContextManager[Any] = BROKERS[request.param]()
    with opened as broker:
        yield broker


def make(number: int, **more: Any) -> Message:
    return Message(
        message_type="notification_event", message_name="Counted", payload={"number": number}, partition_key="k", **more
    )


def read(delivery: Delivery) -> Message:
    return JSONSerializer().decode(delivery.body, delivery.headers)


def numbers(deliveries: Any) -> list[int]:
    return [read(delivery).payload["number"] for delivery in deliveries]


def take(broker: Any, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    while len(taken) < count:
        deliveries = broker.receive(count - len(taken), SOON)
        assert deliveries, f"only {len(taken)} of {count} messages came"
        taken += deliveries
    return taken


def test_has_the_interfaces(broker: Any) -> None:
    assert isinstance(broker, ReceivingMessageBroker)
    assert isinstance(broker, BatchingMessageBroker)


def test_what_is_received_is_what_was_sent(broker: Any) -> None:
    message = make(1, correlation_id="c", schema_version=3)
    broker.send_message(message)
    [delivery] = take(broker, 1)
    assert read(delivery) == message
    assert delivery.attempt == 1


def test_messages_keep_their_order(broker: Any) -> None:
    broker.send_message(make(0))
    broker.send_messages([make(1), make(2), make(3)])
    broker.send_message(make(4))
    assert numbers(take(broker, 5)) == [0, 1, 2, 3, 4]


def test_an_empty_batch_sends_nothing(broker: Any) -> None:
    broker.send_messages([])
    assert not broker.receive(1, NEVER)


def test_receives_at_most_the_limit(broker: Any) -> None:
    broker.send_messages([make(number) for number in range(5)])
    assert 1 <= len(broker.receive(2, SOON)) <= 2


def test_receives_nothing_when_the_time_is_over(broker: Any) -> None:
    assert not broker.receive(1, 0)
    assert not broker.receive(1, NEVER)


def test_a_message_wakes_who_waits_for_it(broker: Any) -> None:
    def send_late() -> None:
        sleep(0.05)
        broker.send_message(make(1))

    def receive() -> Any:
        return broker.receive(1, 20)

    begin = monotonic()
    deliveries, _ = together(receive, send_late)
    assert numbers(deliveries) == [1]
    assert monotonic() - begin < SOON


def test_waiting_receivers_share_the_messages(broker: Any) -> None:
    def receive() -> Any:
        [delivery] = take(broker, 1)
        broker.settle(delivery, Ack())
        return delivery

    def send_late() -> None:
        sleep(0.05)
        for number in range(4):
            broker.send_message(make(number))

    *deliveries, _ = together(receive, receive, receive, receive, send_late)
    assert sorted(numbers(deliveries)) == [0, 1, 2, 3]


def test_an_acknowledged_message_does_not_come_again(broker: Any) -> None:
    broker.send_message(make(1))
    [delivery] = take(broker, 1)
    broker.settle(delivery, Ack())
    assert not broker.receive(1, VISIBILITY + NEVER)


def test_a_dead_letter_does_not_come_again(broker: Any) -> None:
    broker.send_message(make(1))
    [delivery] = take(broker, 1)
    broker.settle(delivery, DeadLetter("not readable"))
    assert not broker.receive(1, VISIBILITY + NEVER)


def test_a_retried_message_comes_again_after_the_delay_and_counts(broker: Any) -> None:
    message = make(1)
    broker.send_message(message)
    [delivery] = take(broker, 1)
    broker.settle(delivery, Retry(0.2))
    assert not broker.receive(1, NEVER)
    [again] = take(broker, 1)
    assert (read(again), again.attempt) == (message, 2)


def test_a_delivery_that_is_not_settled_comes_again_and_counts(broker: Any) -> None:
    broker.send_message(make(1))
    [delivery] = take(broker, 1)
    assert not broker.receive(1, NEVER)
    [again] = take(broker, 1)
    assert again.attempt == 2
    assert again.delivery_id != delivery.delivery_id


def test_settling_twice_does_nothing(broker: Any) -> None:
    broker.send_message(make(1))
    [delivery] = take(broker, 1)
    broker.settle(delivery, Ack())
    broker.settle(delivery, Retry(0))
    assert not broker.receive(1, VISIBILITY + NEVER)


def test_a_verdict_that_comes_too_late_leaves_the_next_delivery_alone(broker: Any) -> None:
    broker.send_message(make(1))
    [late] = take(broker, 1)
    [current] = take(broker, 1)
    broker.settle(late, DeadLetter("too late"))
    broker.settle(current, Retry(0))
    [again] = take(broker, 1)
    assert again.attempt == 3


def test_a_message_that_cannot_be_encoded_is_not_sent_and_nothing_with_it(broker: Any) -> None:
    broken = Message(message_type="notification_event", message_name="Counted", payload={"number": float("nan")})
    with pytest.raises(MessageEncodeError):
        broker.send_message(broken)
    with pytest.raises(MessageEncodeError):
        broker.send_messages([make(1), broken])
    assert not broker.receive(1, NEVER)


def test_closing_wakes_who_waits(broker: Any) -> None:
    def receive() -> None:
        with pytest.raises(BrokerClosed):
            broker.receive(1, 20)

    def close_late() -> None:
        sleep(0.05)
        broker.close()

    begin = monotonic()
    together(receive, receive, close_late)
    assert monotonic() - begin < SOON


def test_a_closed_broker_refuses_everything_but_verdicts(broker: Any) -> None:
    broker.send_message(make(1))
    [delivery] = take(broker, 1)
    broker.close()
    broker.close()
    with pytest.raises(BrokerClosed):
        broker.send_message(make(2))
    with pytest.raises(BrokerClosed):
        broker.send_messages([make(2)])
    with pytest.raises(BrokerClosed):
        broker.receive(1, 0)
    broker.settle(delivery, Ack())
