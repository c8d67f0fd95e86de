"""What the broker in memory does beyond the contract of all brokers."""

from typing import Any

import pytest

from diator._core.delivery import Ack, DeadLetter, Retry
from diator._core.wire import Message
from diator.aio.message_brokers.memory import InMemoryMessageBroker
from diator.errors import BrokerError
from tests.aio.conftest import sleep, together


def make(number: int) -> Message:
    return Message(message_type="notification_event", message_name="Counted", payload={"secret": f"hidden{number}"})


async def test_counts_what_is_not_settled() -> None:
    broker = InMemoryMessageBroker()
    await broker.send_messages([make(number) for number in range(4)])
    one, two, three = await broker.receive(3, 0)
    assert len(broker) == 4
    await broker.settle(one, Ack())
    await broker.settle(two, Retry(1000))
    await broker.settle(three, DeadLetter("broken"))
    assert len(broker) == 2


async def test_keeps_dead_letters_with_their_reason() -> None:
    broker = InMemoryMessageBroker()
    await broker.send_message(make(1))
    [delivery] = await broker.receive(1, 0)
    await broker.settle(delivery, DeadLetter("broken"))
    [dead] = broker.dead_letters
    assert dead.reason == "broken"
    assert dead.delivery == delivery
    assert "hidden" not in repr(dead)


async def test_a_full_broker_takes_nothing_more_until_something_is_settled() -> None:
    broker = InMemoryMessageBroker(max_size=2)
    await broker.send_message(make(1))
    with pytest.raises(BrokerError, match="1 of at most 2 messages"):
        await broker.send_messages([make(2), make(3)])
    await broker.send_message(make(2))
    with pytest.raises(BrokerError, match="settle some, or raise `max_size`"):
        await broker.send_message(make(3))
    [delivery] = await broker.receive(1, 0)
    await broker.settle(delivery, Ack())
    await broker.send_message(make(3))
    assert len(broker) == 2


async def test_a_retried_message_keeps_its_place_in_front_of_later_ones() -> None:
    broker = InMemoryMessageBroker()
    await broker.send_messages([make(1), make(2)])
    [first] = await broker.receive(1, 0)
    await broker.settle(first, Retry())
    again, second = await broker.receive(2, 0)
    assert (again.body, again.attempt) == (first.body, 2)
    assert second.attempt == 1


async def test_a_retry_wakes_a_receiver_in_time() -> None:
    broker = InMemoryMessageBroker()
    await broker.send_message(make(1))
    [delivery] = await broker.receive(1, 0)

    async def receive() -> Any:
        return await broker.receive(1, 10)

    async def retry_late() -> None:
        await sleep(0.05)
        await broker.settle(delivery, Retry(0.05))

    [again], _ = await together(receive, retry_late)
    assert again.attempt == 2


async def test_waiting_is_not_looping(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = InMemoryMessageBroker()
    rounds = 0
    take = broker._queue.take

    def count(limit: int, now: float) -> Any:
        nonlocal rounds
        rounds += 1
        return take(limit, now)

    monkeypatch.setattr(broker._queue, "take", count)
    assert not await broker.receive(1, 0.3)
    assert rounds < 10


@pytest.mark.parametrize("wrong", [{"visibility_timeout": 0}, {"visibility_timeout": float("nan")}, {"max_size": 0}])
def test_refuses_settings_that_make_no_sense(wrong: Any) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        InMemoryMessageBroker(**wrong)


async def test_refuses_to_receive_nothing() -> None:
    with pytest.raises(ValueError, match="limit must be at least 1"):
        await InMemoryMessageBroker().receive(0, 0)


async def test_waits_without_end() -> None:
    broker = InMemoryMessageBroker(visibility_timeout=0.05)
    await broker.send_message(make(1))
    await broker.receive(1, 0)
    [again] = await broker.receive(1, float("inf"))
    assert again.attempt == 2
