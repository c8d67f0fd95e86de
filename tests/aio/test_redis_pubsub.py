"""What the broker on Redis Pub/Sub does beyond the contract of all brokers."""

import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from diator._core.delivery import Ack, DeadLetter, Retry
from diator._core.serializers import JSONSerializer
from diator._core.wire import Message
from diator.aio.message_brokers.redis import RedisMessageBroker
from diator.errors import BrokerError, BrokerUnavailable
from tests.aio.conftest import together
from tests.servers.proxy import running_proxy
from tests.servers.redis import RedisServer, running_redis, shared_redis

SOON, NEVER = 5, 0.1


def make(number: int, **more: Any) -> Message:
    return Message(message_type="notification_event", message_name="Counted", payload={"number": number}, **more)


def numbers(deliveries: Any) -> list[int]:
    return [JSONSerializer().decode(d.body, d.headers).payload["number"] for d in deliveries]


@pytest.fixture
def server() -> RedisServer:
    return shared_redis()


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4()}"


@pytest.fixture
async def broker(server: RedisServer, prefix: str) -> AsyncIterator[RedisMessageBroker]:
    broker = RedisMessageBroker(server.url, channel_prefix=prefix)
    yield broker
    await broker.aclose()


async def take(receiver: Any, count: int) -> list[int]:
    taken: list[int] = []
    while len(taken) < count:
        deliveries = await receiver.receive(count - len(taken), SOON)
        assert deliveries, f"only {len(taken)} of {count} messages came"
        taken += numbers(deliveries)
    return taken


async def test_the_channel_and_the_body_are_those_of_the_first_version(server: RedisServer) -> None:
    broker = RedisMessageBroker(server.url)
    message = make(1, correlation_id="c")
    with server.client() as client, client.pubsub() as pubsub:
        pubsub.psubscribe("python_diator_channel:*")
        assert pubsub.get_message(timeout=SOON)["type"] == "psubscribe"
        await broker.send_message(message)
        received = pubsub.get_message(timeout=SOON)
    assert received["channel"].decode() == f"python_diator_channel:notification_event:{message.message_id}"
    assert JSONSerializer().decode(received["data"]) == message
    await broker.aclose()


async def test_a_channel_may_be_named_otherwise(server: RedisServer, prefix: str) -> None:
    template = "{prefix}.{name}[{key}]"
    broker = RedisMessageBroker(server.url, channel_prefix=f"{prefix}*", channel=template)
    other = RedisMessageBroker(server.url, channel_prefix=f"{prefix}XX", channel=template)
    receiver = broker.receiver()
    assert not await receiver.receive(1, 0)
    await other.send_message(make(1))  # a star in the prefix is only a star
    await broker.send_message(make(2, partition_key="k"))
    assert await take(receiver, 1) == [2]
    await broker.aclose()
    await other.aclose()


@pytest.mark.parametrize("channel", ["{other}", "{", "{id!r}", "{id:>9}", "{0}"])
def test_refuses_a_channel_that_makes_no_sense(channel: str) -> None:
    with pytest.raises(ValueError, match="channel "):
        RedisMessageBroker("redis://", channel=channel)


async def test_every_receiver_gets_every_message(broker: Any) -> None:
    receivers = [broker.receiver() for _ in range(3)]
    for receiver in receivers:
        assert not await receiver.receive(1, 0)
    await broker.send_messages([make(number) for number in range(250)])
    for receiver in receivers:
        assert await take(receiver, 250) == list(range(250))


async def test_counts_what_nobody_heard(broker: Any, server: RedisServer, prefix: str) -> None:
    heard: list[int] = []
    strict = RedisMessageBroker(
        server.url, channel_prefix=prefix, require_subscribers=True, on_published=lambda _, count: heard.append(count)
    )
    await broker.send_message(make(1))
    assert broker.unheard == 1
    with pytest.raises(BrokerError, match="2 of 2 messages reached nobody"):
        await strict.send_messages([make(1), make(2)])
    assert not await broker.receiver().receive(1, 0)
    await strict.send_message(make(1))
    assert heard == [0, 0, 1]
    await strict.aclose()


async def test_what_cannot_be_kept_is_counted_and_logged_without_the_message(
    broker: Any, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = broker.receiver()
    assert not await receiver.receive(1, 0)
    await broker.send_messages([make(424242) for _ in range(3)])
    deliveries = []
    while len(deliveries) < 3:
        deliveries += await receiver.receive(3, SOON)
    with caplog.at_level(logging.ERROR, "diator.redis"):
        for delivery, verdict in zip(deliveries, (Ack(), Retry(), DeadLetter("no such event")), strict=True):
            await receiver.settle(delivery, verdict)
    assert receiver.lost == 2
    assert "no such event" in caplog.text
    assert len(caplog.records) == 2
    assert "424242" not in caplog.text


async def test_a_lost_connection_is_an_error_and_then_made_again(broker: Any, server: RedisServer) -> None:
    receiver = broker.receiver()
    assert not await receiver.receive(1, 0)
    with server.client() as client:
        client.client_kill_filter(_type="pubsub")
    with pytest.raises(BrokerUnavailable):
        await receiver.receive(1, SOON)
    assert not await receiver.receive(1, 0)
    await broker.send_message(make(1))
    assert await take(receiver, 1) == [1]


async def test_nobody_gets_a_message_twice_when_replies_are_lost(server: RedisServer, prefix: str) -> None:
    with running_proxy(server.port, seed=5) as proxy:
        proxy.losses = 0.3
        sender = RedisMessageBroker(f"redis://127.0.0.1:{proxy.port}", channel_prefix=prefix)
        subscriber = RedisMessageBroker(server.url, channel_prefix=prefix)
        receiver = subscriber.receiver()
        assert not await receiver.receive(1, 0)
        sent, failures = 0, []
        for number in range(40):
            try:
                await sender.send_message(make(number))
                sent += 1
            except BrokerUnavailable as error:
                failures.append(error.maybe_done)
        received: list[int] = []
        while deliveries := await receiver.receive(100, SOON if len(received) < sent else NEVER):
            received += numbers(deliveries)
        assert sorted(set(received)) == received
        assert all(failures)
        assert sent < 40
        assert len(received) >= sent
        await sender.aclose()
        await subscriber.aclose()


async def test_a_restarted_server_is_found_again() -> None:
    with running_redis() as server:
        broker = RedisMessageBroker(server.url)
        receiver = broker.receiver()
        assert not await receiver.receive(1, 0)
        server.kill()
        with pytest.raises(BrokerUnavailable):
            await receiver.receive(1, SOON)
        with pytest.raises(BrokerUnavailable, match="cannot be reached"):
            await receiver.receive(1, SOON)

        async def restart() -> None:
            server.start()

        await together(lambda: broker.send_message(make(1)), restart)  # sending is tried again meanwhile
        assert not await receiver.receive(1, 0)
        await broker.send_message(make(2))
        assert await take(receiver, 1) == [2]
        await broker.aclose()
