"""What every message broker that sends and receives must do. A new one is a function here and a line in BROKERS."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

import pytest

from diator._core.delivery import Ack, Capability, DeadLetter, Delivery, Retry
from diator._core.wire import Message
from diator.aio.abc import BatchingMessageBroker, Receiver, ReceivingMessageBroker
from diator.aio.message_brokers.azure import AzureMessageBroker
from diator.aio.message_brokers.memory import InMemoryMessageBroker
from diator.aio.message_brokers.redis import RedisMessageBroker, RedisStreamsMessageBroker
from diator.errors import BrokerClosed, DeadLetterDoesNotExist, MessageDecodeError, MessageEncodeError
from tests.aio.conftest import sleep, together
from tests.aio.deliveries import begin_one, numbers, read, take
from tests.servers.azure import hurried_sdk, inject, servicebus
from tests.servers.redis import redis_binaries, shared_redis

#: Seconds until a receiver gives up a delivery: for tests that wait for that; for those in which it must not happen
#: meanwhile, though the machine may stand still for a moment; and for all others.
VISIBILITY, LONGER, LONG = 0.4, 1.0, 60
#: Seconds to wait for what is there, and for what must not come.
SOON, NEVER = 5, 0.1
#: Seconds by which clocks may differ.
CLOCKS = 0.05

KEEPS, REDELIVERS = Capability.KEEPS, Capability.REDELIVERS
REMEMBERS_DONE, DEAD_LETTERS = Capability.REMEMBERS_DONE, Capability.DEAD_LETTERS


@dataclass(frozen=True)
class Case:
    """A broker, as these tests see it.

    Attributes:
        open: Makes a new broker that holds nothing, and closes it in the end.
        can: What it documents that it can do.
        inject: Sends a body as anybody could, without a look at it: ``await inject(broker, body)``.
        visibility: Seconds until a receiver gives up a delivery, in tests that wait for that.
    """

    open: Callable[[], AbstractAsyncContextManager[Any]]
    can: frozenset[Capability]
    inject: Callable[[Any, bytes], Awaitable[None]]
    visibility: float = VISIBILITY


@asynccontextmanager
async def memory() -> AsyncIterator[InMemoryMessageBroker]:
    broker = InMemoryMessageBroker()
    yield broker
    await broker.aclose()


async def inject_into_memory(broker: InMemoryMessageBroker, body: bytes) -> None:
    with broker._changes:
        broker._put([(body, {})])


@asynccontextmanager
async def redis_pubsub() -> AsyncIterator[RedisMessageBroker]:
    broker = RedisMessageBroker(shared_redis().url, channel_prefix=f"test-{uuid4()}")
    yield broker
    await broker.aclose()


async def inject_into_pubsub(broker: RedisMessageBroker, body: bytes) -> None:
    await broker._client.exchange(("PUBLISH", broker._pattern, body))


def redis_streams(server: str, **options: Any) -> Callable[[], AbstractAsyncContextManager[Any]]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[RedisStreamsMessageBroker]:
        broker = RedisStreamsMessageBroker(shared_redis(server).url, stream=f"test-{uuid4()}", group="g", **options)
        yield broker
        await broker.aclose()

    return opened


async def inject_into_streams(broker: RedisStreamsMessageBroker, body: bytes) -> None:
    await broker._client.exchange(("XADD", broker._place.streams[0], "*", "body", body))


def azure(**options: Any) -> Callable[[], AbstractAsyncContextManager[Any]]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[AzureMessageBroker]:
        with servicebus() as server, hurried_sdk():
            server.add_queue("q", lock_duration=5, requires_session=options.get("sessions", False))
            broker = AzureMessageBroker(server.connection_string, queue_name="q", **options)
            AZURE_SERVERS[broker] = server
            yield broker
            await broker.aclose()

    return opened


AZURE_SERVERS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


async def inject_into_azure(broker: Any, body: bytes) -> None:
    inject(AZURE_SERVERS[broker], "q", body)


ALL = frozenset({KEEPS, REDELIVERS, REMEMBERS_DONE, DEAD_LETTERS})
#: A connection for each message takes its time to open.
PATIENT = 1.5
BROKERS = {
    "memory": Case(memory, ALL, inject_into_memory),
    "redis-pubsub": Case(redis_pubsub, frozenset(), inject_into_pubsub),
    "redis-streams": Case(redis_streams("system"), ALL, inject_into_streams),
    "redis-partitions": Case(redis_streams("system", partitions=2), ALL, inject_into_streams),
    "azure": Case(azure(), ALL, inject_into_azure, PATIENT),
}
for server, suffix in {"bundled": "6.2", "valkey": "valkey"}.items():
    if server in redis_binaries():
        BROKERS[f"redis-streams-{suffix}"] = Case(redis_streams(server), ALL, inject_into_streams)
        BROKERS[f"redis-partitions-{suffix}"] = Case(redis_streams(server, partitions=2), ALL, inject_into_streams)


def needs(*capabilities: Capability) -> Any:
    """Run a test with the brokers that can do this."""
    names = [name for name, case in BROKERS.items() if case.can.issuperset(capabilities)]
    return pytest.mark.parametrize("case", names, indirect=True)


@pytest.fixture(params=BROKERS)
def case(request: pytest.FixtureRequest) -> Case:
    return BROKERS[request.param]


@pytest.fixture
async def broker(case: Case) -> AsyncIterator[Any]:
    async with case.open() as broker:
        yield broker


@asynccontextmanager
async def receiving(broker: Any, visibility: float = LONG) -> AsyncIterator[Any]:
    receiver = broker.receiver(visibility_timeout=visibility, concurrency=10)
    assert not await receiver.receive(1, 0)  # a broker that keeps nothing delivers from the first call on
    yield receiver
    await receiver.aclose()


@pytest.fixture
async def receiver(broker: Any) -> AsyncIterator[Any]:
    async with receiving(broker) as receiver:
        yield receiver


@pytest.fixture
async def hasty(case: Case, broker: Any) -> AsyncIterator[Any]:
    """A receiver that gives deliveries up soon."""
    async with receiving(broker, case.visibility) as receiver:
        yield receiver


def make(number: int, **more: Any) -> Message:
    return Message(
        message_type="notification_event", message_name="Counted", payload={"number": number}, partition_key="k", **more
    )


async def test_can_do_what_it_documents(case: Case, broker: Any, receiver: Any) -> None:
    assert broker.capabilities == case.can
    assert (broker.dead_letters is not None) is (DEAD_LETTERS in case.can)
    assert isinstance(broker, ReceivingMessageBroker)
    assert isinstance(broker, BatchingMessageBroker)
    assert isinstance(receiver, Receiver)


# -- sending and receiving


async def test_what_is_received_is_what_was_sent(broker: Any, receiver: Any) -> None:
    message = make(1, correlation_id="c", schema_version=3)
    await broker.send_message(message)
    [delivery] = await take(receiver, 1)
    assert read(delivery) == message
    assert (delivery.attempt, delivery.done) == (1, frozenset())


async def test_messages_keep_their_order(broker: Any) -> None:
    async with receiving(broker) as receiver:
        await broker.send_message(make(0))
        await broker.send_messages([make(1), make(2), make(3)])
        await broker.send_message(make(4))
        assert numbers(await take(receiver, 5)) == [0, 1, 2, 3, 4]


async def test_an_empty_batch_sends_nothing(broker: Any, receiver: Any) -> None:
    await broker.send_messages([])
    assert not await receiver.receive(1, NEVER)


async def test_receives_at_most_the_limit(broker: Any, receiver: Any) -> None:
    await broker.send_messages([make(number) for number in range(5)])
    assert 1 <= len(await receiver.receive(2, SOON)) <= 2


async def test_receives_nothing_when_the_time_is_over(receiver: Any) -> None:
    assert not await receiver.receive(1, 0)
    assert not await receiver.receive(1, NEVER)


async def test_a_message_wakes_who_waits_for_it(broker: Any, receiver: Any) -> None:
    async def send_late() -> None:
        await sleep(0.05)
        await broker.send_message(make(1))

    async def receive() -> Any:
        return await receiver.receive(1, 20)

    begin = monotonic()
    deliveries, _ = await together(receive, send_late)
    assert numbers(deliveries) == [1]
    assert monotonic() - begin < SOON


@needs(KEEPS)
async def test_messages_wait_for_a_receiver(broker: Any) -> None:
    await broker.send_message(make(1))
    receiver = broker.receiver(visibility_timeout=LONG)
    assert numbers(await take(receiver, 1)) == [1]
    await receiver.aclose()


@needs(KEEPS)
async def test_receivers_share_the_messages(broker: Any) -> None:
    opened: list[Any] = []

    async def receive() -> Any:
        async with receiving(broker, LONGER) as receiver:  # how often it looks for a partition depends on that
            opened.append(receiver)
            [delivery] = await take(receiver, 1)
            await receiver.settle(delivery, Ack())
            return delivery

    async def send_late() -> None:
        while len(opened) < 4:
            await sleep(0.01)
        for number in range(4):
            await broker.send_message(make(number))

    *deliveries, _ = await together(receive, receive, receive, receive, send_late)
    assert sorted(numbers(deliveries)) == [0, 1, 2, 3]


async def test_a_message_that_cannot_be_encoded_is_not_sent_and_nothing_with_it(broker: Any, receiver: Any) -> None:
    broken = Message(message_type="notification_event", message_name="Counted", payload={"number": float("nan")})
    with pytest.raises(MessageEncodeError):
        await broker.send_message(broken)
    with pytest.raises(MessageEncodeError):
        await broker.send_messages([make(1), broken])
    assert not await receiver.receive(1, NEVER)


# -- settling


async def test_what_is_done_with_does_not_come_again(case: Case, broker: Any) -> None:
    visibility = max(case.visibility, LONGER)
    async with receiving(broker, visibility) as receiver:
        for verdict in (Ack(), DeadLetter("not readable")):
            await broker.send_message(make(1))
            delivery = await begin_one(receiver)
            await receiver.settle(delivery, verdict)
            await receiver.settle(delivery, Retry())  # nor does a second verdict count
        assert not await receiver.receive(1, visibility + NEVER)


@needs(REDELIVERS)
async def test_a_retried_message_comes_again_after_the_delay_and_counts(case: Case, broker: Any, hasty: Any) -> None:
    message, delay = make(1), case.visibility / 2
    await broker.send_message(message)
    begin = monotonic()
    await hasty.settle(await begin_one(hasty), Retry(delay))
    [again] = await take(hasty, 1)
    assert monotonic() - begin > delay - CLOCKS
    assert (read(again), again.attempt) == (message, 2)


@needs(REDELIVERS)
async def test_a_delivery_that_is_not_settled_comes_again_and_counts(case: Case, broker: Any, hasty: Any) -> None:
    begin = monotonic()
    await broker.send_message(make(1))
    delivery = await begin_one(hasty)
    again = await begin_one(hasty)
    assert monotonic() - begin > case.visibility - CLOCKS
    assert again.attempt == 2
    assert again.delivery_id != delivery.delivery_id
    assert not await hasty.begin(delivery)


@needs(REDELIVERS)
async def test_a_delivery_that_never_began_comes_again_and_does_not_count(broker: Any, hasty: Any) -> None:
    """Or the neighbours of a message that kills its process would go to the dead letters with it.

    A broker that counts when it delivers may have counted the first delivery of a message.
    """
    await broker.send_message(make(1))
    attempts = [(await take(hasty, 1))[0].attempt for _ in range(4)]
    assert attempts in ([1, 1, 1, 1], [1, 2, 2, 2])


@needs(REDELIVERS)
async def test_each_run_of_a_delivery_counts_once(broker: Any, receiver: Any) -> None:
    await broker.send_message(make(1))
    delivery = await begin_one(receiver)
    assert await receiver.begin(delivery)
    assert await receiver.begin(replace(delivery, attempt=2))
    await receiver.settle(delivery, Retry())
    [again] = await take(receiver, 1)
    assert again.attempt == 3


@needs(REDELIVERS)
async def test_an_extended_delivery_does_not_come_again(case: Case, broker: Any) -> None:
    visibility = max(case.visibility, LONGER)
    async with receiving(broker, visibility) as receiver:
        await broker.send_messages([make(1), make(2)])
        kept, given_up = await take(receiver, 2)
        for _ in range(5):
            await sleep(visibility / 3)
            assert not await receiver.extend([kept])
        again = await take(receiver, 1)
        assert numbers(again) == [2]
        assert [lost.delivery_id for lost in await receiver.extend([given_up, kept])] == [given_up.delivery_id]
        await receiver.settle(kept, Ack())
        await receiver.settle(again[0], Ack())
        assert not await receiver.receive(1, NEVER)


@needs(REDELIVERS)
async def test_a_verdict_that_comes_too_late_leaves_the_next_delivery_alone(broker: Any, hasty: Any) -> None:
    await broker.send_message(make(1))
    late = await begin_one(hasty)
    current = await begin_one(hasty)
    await hasty.settle(late, DeadLetter("too late"))
    await hasty.settle(current, Retry(0))
    [again] = await take(hasty, 1)
    assert again.attempt == 3


@needs(REDELIVERS, REMEMBERS_DONE)
async def test_a_retry_remembers_which_handlers_are_done(broker: Any, receiver: Any) -> None:
    await broker.send_message(make(1))
    await receiver.settle(await begin_one(receiver), Retry(done=frozenset({"a", "b"})))
    [again] = await take(receiver, 1)
    assert again.done == {"a", "b"}


@needs(REDELIVERS, REMEMBERS_DONE)
async def test_a_delivery_that_is_not_settled_remembers_which_handlers_were_done(broker: Any, hasty: Any) -> None:
    await broker.send_message(make(1))
    await begin_one(hasty, done=frozenset({"a", "b"}))
    await begin_one(hasty, done=frozenset({"a", "b", "c"}))
    [again] = await take(hasty, 1)
    assert again.done == {"a", "b", "c"}


# -- ending


async def test_stopping_wakes_who_waits_and_leaves_the_rest_to_be_settled(broker: Any, receiver: Any) -> None:
    await broker.send_message(make(1))
    [delivery] = await take(receiver, 1)

    async def receive() -> Any:
        return await receiver.receive(1, 20)

    async def stop_late() -> None:
        await sleep(0.05)
        await receiver.stop()

    begin = monotonic()
    received, _ = await together(receive, stop_late)
    assert monotonic() - begin < SOON
    assert not received
    await receiver.stop()
    await broker.send_message(make(2))
    assert not await receiver.receive(1, 20)
    assert await receiver.begin(delivery)
    assert not await receiver.extend([delivery])
    await receiver.settle(delivery, Ack())


async def test_closing_a_receiver_wakes_who_waits(receiver: Any) -> None:
    async def receive() -> None:
        with pytest.raises(BrokerClosed):
            while not await receiver.receive(1, 20):
                pass  # the closing began with stopping

    async def close_late() -> None:
        await sleep(0.05)
        await receiver.aclose()

    begin = monotonic()
    await together(receive, close_late)
    assert monotonic() - begin < SOON


@needs(REDELIVERS)
async def test_a_closed_receiver_gives_back_at_once_what_is_not_settled(broker: Any) -> None:
    await broker.send_messages([make(1), make(2), make(3)])
    first = broker.receiver(visibility_timeout=1000)
    settled, begun, _ = await take(first, 3)
    assert await first.begin(begun)
    await first.settle(settled, Ack())
    await first.aclose()
    await first.aclose()
    with pytest.raises(BrokerClosed):
        await first.receive(1, 0)
    async with receiving_at_once(broker) as second:
        again = await take(second, 2)
        assert sorted(numbers(again)) == [2, 3]
        assert {read(delivery).payload["number"]: delivery.attempt for delivery in again}[2] == 2
        await first.settle(begun, DeadLetter("too late"))
        for delivery in again:
            await second.settle(delivery, Ack())
        assert not await second.receive(1, NEVER)


@asynccontextmanager
async def receiving_at_once(broker: Any) -> AsyncIterator[Any]:
    receiver = broker.receiver(visibility_timeout=LONG)
    yield receiver
    await receiver.aclose()


async def test_the_broker_outlives_its_receivers(broker: Any) -> None:
    async with receiving(broker):
        pass
    async with receiving(broker) as receiver:
        await broker.send_message(make(1))
        assert numbers(await take(receiver, 1)) == [1]


async def test_closing_the_broker_wakes_who_waits(broker: Any, receiver: Any) -> None:
    async def receive() -> None:
        with pytest.raises(BrokerClosed):
            await receiver.receive(1, 20)

    async def close_late() -> None:
        await sleep(0.05)
        await broker.aclose()

    begin = monotonic()
    await together(receive, close_late)
    assert monotonic() - begin < SOON


async def test_a_closed_broker_refuses_to_send_and_to_receive(broker: Any, receiver: Any) -> None:
    await broker.aclose()
    await broker.aclose()
    with pytest.raises(BrokerClosed):
        await broker.send_message(make(2))
    with pytest.raises(BrokerClosed):
        await broker.send_messages([make(2)])
    with pytest.raises(BrokerClosed):
        await receiver.receive(1, 0)


# -- dead letters


async def bury(broker: Any, receiver: Any, *messages: Message) -> list[Delivery]:
    """Send messages, and put each of them aside."""
    deliveries = []
    for message in messages:
        await broker.send_message(message)
        deliveries.append(await begin_one(receiver))
        await receiver.settle(deliveries[-1], DeadLetter("broken"))
    return deliveries


@needs(DEAD_LETTERS)
async def test_a_dead_letter_is_the_message_as_it_came_and_the_reason(broker: Any, receiver: Any) -> None:
    [delivery] = await bury(broker, receiver, make(1, correlation_id="c"))
    [dead] = await broker.dead_letters.list()
    assert (dead.body, dict(dead.headers)) == (delivery.body, dict(delivery.headers))
    assert (dead.reason, dead.attempt) == ("broken", 1)
    assert await broker.dead_letters.show(dead.dead_id) == dead
    assert "number" not in repr(dead)


@needs(DEAD_LETTERS)
async def test_dead_letters_are_listed_oldest_first_page_by_page(broker: Any, receiver: Any) -> None:
    await bury(broker, receiver, *[make(number) for number in range(5)])
    first = await broker.dead_letters.list(2)
    second = await broker.dead_letters.list(2, after=first[-1].dead_id)
    third = await broker.dead_letters.list(2, after=second[-1].dead_id)
    assert [numbers(page) for page in (first, second, third)] == [[0, 1], [2, 3], [4]]
    assert not await broker.dead_letters.list(2, after=third[-1].dead_id)


@needs(DEAD_LETTERS)
async def test_dead_letters_are_sent_again_in_their_order_and_count_from_one(broker: Any, receiver: Any) -> None:
    messages = [make(number) for number in range(4)]
    await bury(broker, receiver, *messages)
    ids = [dead.dead_id for dead in await broker.dead_letters.list()]
    assert await broker.dead_letters.retry(ids[2], ids[0], ids[0]) == 2
    again = await take(receiver, 2)
    assert [read(delivery) for delivery in again] == [messages[0], messages[2]]
    assert [delivery.attempt for delivery in again] == [1, 1]
    for delivery in again:
        await receiver.settle(delivery, Ack())
    assert numbers(await broker.dead_letters.list()) == [1, 3]
    assert await broker.dead_letters.retry_all() == 2
    assert numbers(await take(receiver, 2)) == [1, 3]
    assert not await broker.dead_letters.list()


@needs(DEAD_LETTERS)
async def test_a_dead_letter_that_cannot_be_read_stays(case: Case, broker: Any, receiver: Any) -> None:
    await bury(broker, receiver, make(1))
    await case.inject(broker, b'{"message_type": "cut off')
    await receiver.settle(await begin_one(receiver), DeadLetter("not readable"))
    ids = [dead.dead_id for dead in await broker.dead_letters.list()]
    with pytest.raises(MessageDecodeError):
        await broker.dead_letters.retry(*ids)
    assert [dead.dead_id for dead in await broker.dead_letters.list()] == ids
    assert await broker.dead_letters.retry_all() == 1
    assert [dead.dead_id for dead in await broker.dead_letters.list()] == ids[1:]
    assert numbers(await take(receiver, 1)) == [1]


@needs(DEAD_LETTERS)
async def test_deleted_dead_letters_are_gone(broker: Any, receiver: Any) -> None:
    await bury(broker, receiver, make(1), make(2))
    one, two = await broker.dead_letters.list()
    assert await broker.dead_letters.delete(one.dead_id) == 1
    assert await broker.dead_letters.list() == [two]
    assert await broker.dead_letters.delete(one.dead_id, two.dead_id) == 1
    with pytest.raises(DeadLetterDoesNotExist):
        await broker.dead_letters.show(one.dead_id)
    assert await broker.dead_letters.retry(one.dead_id) == 0
