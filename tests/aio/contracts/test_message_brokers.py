"""What every message broker that sends and receives must do. A new one is a function here and a line in BROKERS."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from time import monotonic
from typing import Any

import pytest

from diator._core.delivery import Ack, DeadLetter, Delivery, Retry
from diator._core.serializers import JSONSerializer
from diator._core.wire import Message
from diator.aio.abc import BatchingMessageBroker, ReceivingMessageBroker
from diator.aio.message_brokers.memory import InMemoryMessageBroker
from diator.errors import BrokerClosed, MessageEncodeError
from tests.aio.conftest import sleep, together

#: Seconds until a broker of these tests gives up a delivery; long enough for a slow machine.
VISIBILITY = 0.4
#: Seconds to wait for what is there, and for what must not come.
SOON, NEVER = 5, 0.1


@asynccontextmanager
async def memory() -> AsyncIterator[InMemoryMessageBroker]:
    broker = InMemoryMessageBroker(visibility_timeout=VISIBILITY)
    yield broker
    await broker.aclose()


BROKERS: dict[str, Any] = {
    "memory": memory,
}


@pytest.fixture(params=BROKERS)
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    opened: AbstractAsyncContextManager[Any] = BROKERS[request.param]()
    async with opened as broker:
        yield broker


def make(number: int, **more: Any) -> Message:
    return Message(
        message_type="notification_event", message_name="Counted", payload={"number": number}, partition_key="k", **more
    )


def read(delivery: Delivery) -> Message:
    return JSONSerializer().decode(delivery.body, delivery.headers)


def numbers(deliveries: Any) -> list[int]:
    return [read(delivery).payload["number"] for delivery in deliveries]


async def take(broker: Any, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    while len(taken) < count:
        deliveries = await broker.receive(count - len(taken), SOON)
        assert deliveries, f"only {len(taken)} of {count} messages came"
        taken += deliveries
    return taken


async def test_has_the_interfaces(broker: Any) -> None:
    assert isinstance(broker, ReceivingMessageBroker)
    assert isinstance(broker, BatchingMessageBroker)


async def test_what_is_received_is_what_was_sent(broker: Any) -> None:
    message = make(1, correlation_id="c", schema_version=3)
    await broker.send_message(message)
    [delivery] = await take(broker, 1)
    assert read(delivery) == message
    assert delivery.attempt == 1


async def test_messages_keep_their_order(broker: Any) -> None:
    await broker.send_message(make(0))
    await broker.send_messages([make(1), make(2), make(3)])
    await broker.send_message(make(4))
    assert numbers(await take(broker, 5)) == [0, 1, 2, 3, 4]


async def test_an_empty_batch_sends_nothing(broker: Any) -> None:
    await broker.send_messages([])
    assert not await broker.receive(1, NEVER)


async def test_receives_at_most_the_limit(broker: Any) -> None:
    await broker.send_messages([make(number) for number in range(5)])
    assert 1 <= len(await broker.receive(2, SOON)) <= 2


async def test_receives_nothing_when_the_time_is_over(broker: Any) -> None:
    assert not await broker.receive(1, 0)
    assert not await broker.receive(1, NEVER)


async def test_a_message_wakes_who_waits_for_it(broker: Any) -> None:
    async def send_late() -> None:
        await sleep(0.05)
        await broker.send_message(make(1))

    async def receive() -> Any:
        return await broker.receive(1, 20)

    begin = monotonic()
    deliveries, _ = await together(receive, send_late)
    assert numbers(deliveries) == [1]
    assert monotonic() - begin < SOON


async def test_waiting_receivers_share_the_messages(broker: Any) -> None:
    async def receive() -> Any:
        [delivery] = await take(broker, 1)
        await broker.settle(delivery, Ack())
        return delivery

    async def send_late() -> None:
        await sleep(0.05)
        for number in range(4):
            await broker.send_message(make(number))

    *deliveries, _ = await together(receive, receive, receive, receive, send_late)
    assert sorted(numbers(deliveries)) == [0, 1, 2, 3]


async def test_an_acknowledged_message_does_not_come_again(broker: Any) -> None:
    await broker.send_message(make(1))
    [delivery] = await take(broker, 1)
    await broker.settle(delivery, Ack())
    assert not await broker.receive(1, VISIBILITY + NEVER)


async def test_a_dead_letter_does_not_come_again(broker: Any) -> None:
    await broker.send_message(make(1))
    [delivery] = await take(broker, 1)
    await broker.settle(delivery, DeadLetter("not readable"))
    assert not await broker.receive(1, VISIBILITY + NEVER)


async def test_a_retried_message_comes_again_after_the_delay_and_counts(broker: Any) -> None:
    message = make(1)
    await broker.send_message(message)
    [delivery] = await take(broker, 1)
    await broker.settle(delivery, Retry(0.2))
    assert not await broker.receive(1, NEVER)
    [again] = await take(broker, 1)
    assert (read(again), again.attempt) == (message, 2)


async def test_a_delivery_that_is_not_settled_comes_again_and_counts(broker: Any) -> None:
    await broker.send_message(make(1))
    [delivery] = await take(broker, 1)
    assert not await broker.receive(1, NEVER)
    [again] = await take(broker, 1)
    assert again.attempt == 2
    assert again.delivery_id != delivery.delivery_id


async def test_settling_twice_does_nothing(broker: Any) -> None:
    await broker.send_message(make(1))
    [delivery] = await take(broker, 1)
    await broker.settle(delivery, Ack())
    await broker.settle(delivery, Retry(0))
    assert not await broker.receive(1, VISIBILITY + NEVER)


async def test_a_verdict_that_comes_too_late_leaves_the_next_delivery_alone(broker: Any) -> None:
    await broker.send_message(make(1))
    [late] = await take(broker, 1)
    [current] = await take(broker, 1)
    await broker.settle(late, DeadLetter("too late"))
    await broker.settle(current, Retry(0))
    [again] = await take(broker, 1)
    assert again.attempt == 3


async def test_a_message_that_cannot_be_encoded_is_not_sent_and_nothing_with_it(broker: Any) -> None:
    broken = Message(message_type="notification_event", message_name="Counted", payload={"number": float("nan")})
    with pytest.raises(MessageEncodeError):
        await broker.send_message(broken)
    with pytest.raises(MessageEncodeError):
        await broker.send_messages([make(1), broken])
    assert not await broker.receive(1, NEVER)


async def test_closing_wakes_who_waits(broker: Any) -> None:
    async def receive() -> None:
        with pytest.raises(BrokerClosed):
            await broker.receive(1, 20)

    async def close_late() -> None:
        await sleep(0.05)
        await broker.aclose()

    begin = monotonic()
    await together(receive, receive, close_late)
    assert monotonic() - begin < SOON


async def test_a_closed_broker_refuses_everything_but_verdicts(broker: Any) -> None:
    await broker.send_message(make(1))
    [delivery] = await take(broker, 1)
    await broker.aclose()
    await broker.aclose()
    with pytest.raises(BrokerClosed):
        await broker.send_message(make(2))
    with pytest.raises(BrokerClosed):
        await broker.send_messages([make(2)])
    with pytest.raises(BrokerClosed):
        await broker.receive(1, 0)
    await broker.settle(delivery, Ack())
