# Generated from tests/aio/test_memory_broker.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What the broker in memory does beyond the contract of all brokers."""

from typing import Any

import pytest

from diator._core.delivery import Ack, DeadLetter, Retry
from diator._core.wire import Message
from diator.errors import BrokerError
from diator.sync.message_brokers.memory import InMemoryMessageBroker
from tests.sync.conftest import sleep, together


def make(number: int) -> Message:
    return Message(message_type="notification_event", message_name="Counted", payload={"secret": f"hidden{number}"})


def test_counts_what_is_not_settled() -> None:
    broker = InMemoryMessageBroker()
    broker.send_messages([make(number) for number in range(4)])
    one, two, three = broker.receive(3, 0)
    assert len(broker) == 4
    broker.settle(one, Ack())
    broker.settle(two, Retry(1000))
    broker.settle(three, DeadLetter("broken"))
    assert len(broker) == 2


def test_keeps_dead_letters_with_their_reason() -> None:
    broker = InMemoryMessageBroker()
    broker.send_message(make(1))
    [delivery] = broker.receive(1, 0)
    broker.settle(delivery, DeadLetter("broken"))
    [dead] = broker.dead_letters
    assert dead.reason == "broken"
    assert dead.delivery == delivery
    assert "hidden" not in repr(dead)


def test_a_full_broker_takes_nothing_more_until_something_is_settled() -> None:
    broker = InMemoryMessageBroker(max_size=2)
    broker.send_message(make(1))
    with pytest.raises(BrokerError, match="1 of at most 2 messages"):
        broker.send_messages([make(2), make(3)])
    broker.send_message(make(2))
    with pytest.raises(BrokerError, match="settle some, or raise `max_size`"):
        broker.send_message(make(3))
    [delivery] = broker.receive(1, 0)
    broker.settle(delivery, Ack())
    broker.send_message(make(3))
    assert len(broker) == 2


def test_a_retried_message_keeps_its_place_in_front_of_later_ones() -> None:
    broker = InMemoryMessageBroker()
    broker.send_messages([make(1), make(2)])
    [first] = broker.receive(1, 0)
    broker.settle(first, Retry())
    again, second = broker.receive(2, 0)
    assert (again.body, again.attempt) == (first.body, 2)
    assert second.attempt == 1


def test_a_retry_wakes_a_receiver_in_time() -> None:
    broker = InMemoryMessageBroker()
    broker.send_message(make(1))
    [delivery] = broker.receive(1, 0)

    def receive() -> Any:
        return broker.receive(1, 10)

    def retry_late() -> None:
        sleep(0.05)
        broker.settle(delivery, Retry(0.05))

    [again], _ = together(receive, retry_late)
    assert again.attempt == 2


def test_waiting_is_not_looping(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = InMemoryMessageBroker()
    rounds = 0
    take = broker._queue.take

    def count(limit: int, now: float) -> Any:
        nonlocal rounds
        rounds += 1
        return take(limit, now)

    monkeypatch.setattr(broker._queue, "take", count)
    assert not broker.receive(1, 0.3)
    assert rounds < 10


@pytest.mark.parametrize("wrong", [{"visibility_timeout": 0}, {"visibility_timeout": float("nan")}, {"max_size": 0}])
def test_refuses_settings_that_make_no_sense(wrong: Any) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        InMemoryMessageBroker(**wrong)


def test_refuses_to_receive_nothing() -> None:
    with pytest.raises(ValueError, match="limit must be at least 1"):
        InMemoryMessageBroker().receive(0, 0)


def test_waits_without_end() -> None:
    broker = InMemoryMessageBroker(visibility_timeout=0.05)
    broker.send_message(make(1))
    broker.receive(1, 0)
    [again] = broker.receive(1, float("inf"))
    assert again.attempt == 2
