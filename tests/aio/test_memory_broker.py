"""What the broker in memory does beyond the contract of all brokers."""

from typing import Any

import pytest

from diator._core.delivery import Ack, DeadLetter, Retry
from diator._core.wire import Message
from diator.aio.message_brokers.memory import InMemoryMessageBroker
from diator.errors import BrokerError
from tests.aio.conftest import sleep, together
from tests.aio.deliveries import begin_one


def make(number: int) -> Message:
    return Message(message_type="notification_event", message_name="Counted", payload={"secret": f"hidden{number}"})


async def test_counts_what_is_not_settled() -> None:
    broker = InMemoryMessageBroker()
    receiver = broker.receiver()
    await broker.send_messages([make(number) for number in range(4)])
    one, two, three = await receiver.receive(3, 0)
    assert len(broker) == 4
    await receiver.settle(one, Ack())
    await receiver.settle(two, Retry(1000))
    await receiver.settle(three, DeadLetter("broken"))
    assert len(broker) == 2
    assert len(broker.dead_letters) == 1


async def test_a_dead_letter_shows_no_payload_and_knows_when_it_died() -> None:
    broker = InMemoryMessageBroker()
    receiver = broker.receiver()
    await broker.send_message(make(1))
    [delivery] = await receiver.receive(1, 0)
    await receiver.settle(delivery, DeadLetter("broken"))
    [dead] = await broker.dead_letters.list()
    assert dead.dead_at is not None
    assert dead.dead_at.tzinfo is not None
    assert "hidden" not in repr(dead)


async def test_a_full_broker_takes_nothing_more_until_something_is_settled() -> None:
    broker = InMemoryMessageBroker(max_size=2)
    receiver = broker.receiver()
    await broker.send_message(make(1))
    with pytest.raises(BrokerError, match="1 of at most 2 messages"):
        await broker.send_messages([make(2), make(3)])
    await broker.send_message(make(2))
    with pytest.raises(BrokerError, match="settle some, or raise `max_size`"):
        await broker.send_message(make(3))
    [delivery] = await receiver.receive(1, 0)
    await receiver.settle(delivery, DeadLetter("broken"))
    await broker.send_message(make(3))
    with pytest.raises(BrokerError, match="settle some"):
        await broker.dead_letters.retry_all()
    assert (len(broker), len(broker.dead_letters)) == (2, 1)


async def test_a_retried_message_keeps_its_place_in_front_of_later_ones() -> None:
    broker = InMemoryMessageBroker()
    receiver = broker.receiver()
    await broker.send_messages([make(1), make(2)])
    [first] = await receiver.receive(1, 0)
    await receiver.begin(first)
    await receiver.settle(first, Retry())
    again, second = await receiver.receive(2, 0)
    assert (again.body, again.attempt) == (first.body, 2)
    assert second.attempt == 1


async def test_a_retry_wakes_a_receiver_in_time() -> None:
    broker = InMemoryMessageBroker()
    receiver = broker.receiver()
    await broker.send_message(make(1))
    [delivery] = await receiver.receive(1, 0)

    async def receive() -> Any:
        return await receiver.receive(1, 10)

    async def retry_late() -> None:
        await sleep(0.05)
        await receiver.settle(delivery, Retry(0.05))

    [again], _ = await together(receive, retry_late)
    assert again.body == delivery.body


async def test_receivers_may_have_different_timeouts() -> None:
    broker = InMemoryMessageBroker()
    patient, hasty = broker.receiver(visibility_timeout=1000), broker.receiver(visibility_timeout=0.05)
    await broker.send_messages([make(1), make(2)])
    await patient.receive(1, 0)
    [delivery] = await hasty.receive(1, 0)
    [again] = await patient.receive(2, 10)
    assert again.body == delivery.body


async def test_waiting_is_not_looping(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = InMemoryMessageBroker()
    rounds = 0
    take = broker._queue.take

    def count(limit: int, now: float, timeout: float) -> Any:
        nonlocal rounds
        rounds += 1
        return take(limit, now, timeout)

    monkeypatch.setattr(broker._queue, "take", count)
    assert not await broker.receiver().receive(1, 0.3)
    assert rounds < 10


def test_refuses_settings_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="max_size must be"):
        InMemoryMessageBroker(max_size=0)
    for timeout in (0, float("nan")):
        with pytest.raises(ValueError, match="visibility_timeout must be"):
            InMemoryMessageBroker().receiver(visibility_timeout=timeout)


async def test_refuses_to_receive_nothing() -> None:
    with pytest.raises(ValueError, match="limit must be at least 1"):
        await InMemoryMessageBroker().receiver().receive(0, 0)


async def test_waits_without_end() -> None:
    broker = InMemoryMessageBroker()
    receiver = broker.receiver(visibility_timeout=0.05)
    await broker.send_message(make(1))
    await begin_one(receiver)
    [again] = await receiver.receive(1, float("inf"))
    assert again.attempt == 2
