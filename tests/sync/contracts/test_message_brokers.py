# Generated from tests/aio/contracts/test_message_brokers.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What every message broker that sends and receives must do. A new one is a function here and a line in BROKERS."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

import pytest

from diator._core.delivery import Ack, Capability, DeadLetter, Delivery, Retry
from diator._core.wire import Message
from diator.errors import BrokerClosed, DeadLetterDoesNotExist, MessageDecodeError, MessageEncodeError
from diator.sync.abc import BatchingMessageBroker, Receiver, ReceivingMessageBroker
from diator.sync.message_brokers.azure import AzureMessageBroker
from diator.sync.message_brokers.memory import InMemoryMessageBroker
from diator.sync.message_brokers.redis import RedisMessageBroker, RedisStreamsMessageBroker
from tests.servers.azure import hurried_sdk, inject, servicebus
from tests.servers.redis import redis_binaries, shared_redis
from tests.sync.conftest import sleep, together
from tests.sync.deliveries import begin_one, numbers, read, take

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
        inject: Sends a body as anybody could, without a look at it: ``inject(broker, body)``.
        visibility: Seconds until a receiver gives up a delivery, in tests that wait for that.
    """

    open: Callable[[], AbstractContextManager[Any]]
    can: frozenset[Capability]
    inject: Callable[[Any, bytes], None]
    visibility: float = VISIBILITY


@contextmanager
def memory() -> Iterator[InMemoryMessageBroker]:
    broker = InMemoryMessageBroker()
    yield broker
    broker.close()


def inject_into_memory(broker: InMemoryMessageBroker, body: bytes) -> None:
    with broker._changes:
        broker._put([(body, {})])


@contextmanager
def redis_pubsub() -> Iterator[RedisMessageBroker]:
    broker = RedisMessageBroker(shared_redis().url, channel_prefix=f"test-{uuid4()}")
    yield broker
    broker.close()


def inject_into_pubsub(broker: RedisMessageBroker, body: bytes) -> None:
    broker._client.exchange(("PUBLISH", broker._pattern, body))


def redis_streams(server: str, **options: Any) -> Callable[[], AbstractContextManager[Any]]:
    @contextmanager
    def opened() -> Iterator[RedisStreamsMessageBroker]:
        broker = RedisStreamsMessageBroker(shared_redis(server).url, stream=f"test-{uuid4()}", group="g", **options)
        yield broker
        broker.close()

    return opened


def inject_into_streams(broker: RedisStreamsMessageBroker, body: bytes) -> None:
    broker._client.exchange(("XADD", broker._place.streams[0], "*", "body", body))


def azure(**options: Any) -> Callable[[], AbstractContextManager[Any]]:
    @contextmanager
    def opened() -> Iterator[AzureMessageBroker]:
        with servicebus() as server, hurried_sdk():
            server.add_queue("q", lock_duration=5, requires_session=options.get("sessions", False))
            broker = AzureMessageBroker(server.connection_string, queue_name="q", **options)
            AZURE_SERVERS[broker] = server
            yield broker
            broker.close()

    return opened


AZURE_SERVERS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def inject_into_azure(broker: Any, body: bytes) -> None:
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
def broker(case: Case) -> Iterator[Any]:
    with case.open() as broker:
        yield broker


@contextmanager
def receiving(broker: Any, visibility: float = LONG) -> Iterator[Any]:
    receiver = broker.receiver(visibility_timeout=visibility, concurrency=10)
    assert not receiver.receive(1, 0)  # a broker that keeps nothing delivers from the first call on
    yield receiver
    receiver.close()


@pytest.fixture
def receiver(broker: Any) -> Iterator[Any]:
    with receiving(broker) as receiver:
        yield receiver


@pytest.fixture
def hasty(case: Case, broker: Any) -> Iterator[Any]:
    """A receiver that gives deliveries up soon."""
    with receiving(broker, case.visibility) as receiver:
        yield receiver


def make(number: int, **more: Any) -> Message:
    return Message(
        message_type="notification_event", message_name="Counted", payload={"number": number}, partition_key="k", **more
    )


def test_can_do_what_it_documents(case: Case, broker: Any, receiver: Any) -> None:
    assert broker.capabilities == case.can
    assert (broker.dead_letters is not None) is (DEAD_LETTERS in case.can)
    assert isinstance(broker, ReceivingMessageBroker)
    assert isinstance(broker, BatchingMessageBroker)
    assert isinstance(receiver, Receiver)


# -- sending and receiving


def test_what_is_received_is_what_was_sent(broker: Any, receiver: Any) -> None:
    message = make(1, correlation_id="c", schema_version=3)
    broker.send_message(message)
    [delivery] = take(receiver, 1)
    assert read(delivery) == message
    assert (delivery.attempt, delivery.done) == (1, frozenset())


def test_messages_keep_their_order(broker: Any) -> None:
    with receiving(broker) as receiver:
        broker.send_message(make(0))
        broker.send_messages([make(1), make(2), make(3)])
        broker.send_message(make(4))
        assert numbers(take(receiver, 5)) == [0, 1, 2, 3, 4]


def test_an_empty_batch_sends_nothing(broker: Any, receiver: Any) -> None:
    broker.send_messages([])
    assert not receiver.receive(1, NEVER)


def test_receives_at_most_the_limit(broker: Any, receiver: Any) -> None:
    broker.send_messages([make(number) for number in range(5)])
    assert 1 <= len(receiver.receive(2, SOON)) <= 2


def test_receives_nothing_when_the_time_is_over(receiver: Any) -> None:
    assert not receiver.receive(1, 0)
    assert not receiver.receive(1, NEVER)


def test_a_message_wakes_who_waits_for_it(broker: Any, receiver: Any) -> None:
    def send_late() -> None:
        sleep(0.05)
        broker.send_message(make(1))

    def receive() -> Any:
        return receiver.receive(1, 20)

    begin = monotonic()
    deliveries, _ = together(receive, send_late)
    assert numbers(deliveries) == [1]
    assert monotonic() - begin < SOON


@needs(KEEPS)
def test_messages_wait_for_a_receiver(broker: Any) -> None:
    broker.send_message(make(1))
    receiver = broker.receiver(visibility_timeout=LONG)
    assert numbers(take(receiver, 1)) == [1]
    receiver.close()


@needs(KEEPS)
def test_receivers_share_the_messages(broker: Any) -> None:
    opened: list[Any] = []

    def receive() -> Any:
        with receiving(broker, LONGER) as receiver:  # how often it looks for a partition depends on that
            opened.append(receiver)
            [delivery] = take(receiver, 1)
            receiver.settle(delivery, Ack())
            return delivery

    def send_late() -> None:
        while len(opened) < 4:
            sleep(0.01)
        for number in range(4):
            broker.send_message(make(number))

    *deliveries, _ = together(receive, receive, receive, receive, send_late)
    assert sorted(numbers(deliveries)) == [0, 1, 2, 3]


def test_a_message_that_cannot_be_encoded_is_not_sent_and_nothing_with_it(broker: Any, receiver: Any) -> None:
    broken = Message(message_type="notification_event", message_name="Counted", payload={"number": float("nan")})
    with pytest.raises(MessageEncodeError):
        broker.send_message(broken)
    with pytest.raises(MessageEncodeError):
        broker.send_messages([make(1), broken])
    assert not receiver.receive(1, NEVER)


# -- settling


def test_what_is_done_with_does_not_come_again(case: Case, broker: Any) -> None:
    visibility = max(case.visibility, LONGER)
    with receiving(broker, visibility) as receiver:
        for verdict in (Ack(), DeadLetter("not readable")):
            broker.send_message(make(1))
            delivery = begin_one(receiver)
            receiver.settle(delivery, verdict)
            receiver.settle(delivery, Retry())  # nor does a second verdict count
        assert not receiver.receive(1, visibility + NEVER)


@needs(REDELIVERS)
def test_a_retried_message_comes_again_after_the_delay_and_counts(case: Case, broker: Any, hasty: Any) -> None:
    message, delay = make(1), case.visibility / 2
    broker.send_message(message)
    begin = monotonic()
    hasty.settle(begin_one(hasty), Retry(delay))
    [again] = take(hasty, 1)
    assert monotonic() - begin > delay - CLOCKS
    assert (read(again), again.attempt) == (message, 2)


@needs(REDELIVERS)
def test_a_delivery_that_is_not_settled_comes_again_and_counts(case: Case, broker: Any, hasty: Any) -> None:
    begin = monotonic()
    broker.send_message(make(1))
    delivery = begin_one(hasty)
    again = begin_one(hasty)
    assert monotonic() - begin > case.visibility - CLOCKS
    assert again.attempt == 2
    assert again.delivery_id != delivery.delivery_id
    assert not hasty.begin(delivery)


@needs(REDELIVERS)
def test_a_delivery_that_never_began_comes_again_and_does_not_count(broker: Any, hasty: Any) -> None:
    """Or the neighbours of a message that kills its process would go to the dead letters with it.

    A broker that counts when it delivers may have counted the first delivery of a message.
    """
    broker.send_message(make(1))
    attempts = [(take(hasty, 1))[0].attempt for _ in range(4)]
    assert attempts in ([1, 1, 1, 1], [1, 2, 2, 2])


@needs(REDELIVERS)
def test_each_run_of_a_delivery_counts_once(broker: Any, receiver: Any) -> None:
    broker.send_message(make(1))
    delivery = begin_one(receiver)
    assert receiver.begin(delivery)
    assert receiver.begin(replace(delivery, attempt=2))
    receiver.settle(delivery, Retry())
    [again] = take(receiver, 1)
    assert again.attempt == 3


@needs(REDELIVERS)
def test_an_extended_delivery_does_not_come_again(case: Case, broker: Any) -> None:
    visibility = max(case.visibility, LONGER)
    with receiving(broker, visibility) as receiver:
        broker.send_messages([make(1), make(2)])
        kept, given_up = take(receiver, 2)
        for _ in range(5):
            sleep(visibility / 3)
            assert not receiver.extend([kept])
        again = take(receiver, 1)
        assert numbers(again) == [2]
        assert [lost.delivery_id for lost in receiver.extend([given_up, kept])] == [given_up.delivery_id]
        receiver.settle(kept, Ack())
        receiver.settle(again[0], Ack())
        assert not receiver.receive(1, NEVER)


@needs(REDELIVERS)
def test_a_verdict_that_comes_too_late_leaves_the_next_delivery_alone(broker: Any, hasty: Any) -> None:
    broker.send_message(make(1))
    late = begin_one(hasty)
    current = begin_one(hasty)
    hasty.settle(late, DeadLetter("too late"))
    hasty.settle(current, Retry(0))
    [again] = take(hasty, 1)
    assert again.attempt == 3


@needs(REDELIVERS, REMEMBERS_DONE)
def test_a_retry_remembers_which_handlers_are_done(broker: Any, receiver: Any) -> None:
    broker.send_message(make(1))
    receiver.settle(begin_one(receiver), Retry(done=frozenset({"a", "b"})))
    [again] = take(receiver, 1)
    assert again.done == {"a", "b"}


@needs(REDELIVERS, REMEMBERS_DONE)
def test_a_delivery_that_is_not_settled_remembers_which_handlers_were_done(broker: Any, hasty: Any) -> None:
    broker.send_message(make(1))
    begin_one(hasty, done=frozenset({"a", "b"}))
    begin_one(hasty, done=frozenset({"a", "b", "c"}))
    [again] = take(hasty, 1)
    assert again.done == {"a", "b", "c"}


# -- ending


def test_stopping_wakes_who_waits_and_leaves_the_rest_to_be_settled(broker: Any, receiver: Any) -> None:
    broker.send_message(make(1))
    [delivery] = take(receiver, 1)

    def receive() -> Any:
        return receiver.receive(1, 20)

    def stop_late() -> None:
        sleep(0.05)
        receiver.stop()

    begin = monotonic()
    received, _ = together(receive, stop_late)
    assert monotonic() - begin < SOON
    assert not received
    receiver.stop()
    broker.send_message(make(2))
    assert not receiver.receive(1, 20)
    assert receiver.begin(delivery)
    assert not receiver.extend([delivery])
    receiver.settle(delivery, Ack())


def test_closing_a_receiver_wakes_who_waits(receiver: Any) -> None:
    def receive() -> None:
        with pytest.raises(BrokerClosed):
            while not receiver.receive(1, 20):
                pass  # the closing began with stopping

    def close_late() -> None:
        sleep(0.05)
        receiver.close()

    begin = monotonic()
    together(receive, close_late)
    assert monotonic() - begin < SOON


@needs(REDELIVERS)
def test_a_closed_receiver_gives_back_at_once_what_is_not_settled(broker: Any) -> None:
    broker.send_messages([make(1), make(2), make(3)])
    first = broker.receiver(visibility_timeout=1000)
    settled, begun, _ = take(first, 3)
    assert first.begin(begun)
    first.settle(settled, Ack())
    first.close()
    first.close()
    with pytest.raises(BrokerClosed):
        first.receive(1, 0)
    with receiving_at_once(broker) as second:
        again = take(second, 2)
        assert sorted(numbers(again)) == [2, 3]
        assert {read(delivery).payload["number"]: delivery.attempt for delivery in again}[2] == 2
        first.settle(begun, DeadLetter("too late"))
        for delivery in again:
            second.settle(delivery, Ack())
        assert not second.receive(1, NEVER)


@contextmanager
def receiving_at_once(broker: Any) -> Iterator[Any]:
    receiver = broker.receiver(visibility_timeout=LONG)
    yield receiver
    receiver.close()


def test_the_broker_outlives_its_receivers(broker: Any) -> None:
    with receiving(broker):
        pass
    with receiving(broker) as receiver:
        broker.send_message(make(1))
        assert numbers(take(receiver, 1)) == [1]


def test_closing_the_broker_wakes_who_waits(broker: Any, receiver: Any) -> None:
    def receive() -> None:
        with pytest.raises(BrokerClosed):
            receiver.receive(1, 20)

    def close_late() -> None:
        sleep(0.05)
        broker.close()

    begin = monotonic()
    together(receive, close_late)
    assert monotonic() - begin < SOON


def test_a_closed_broker_refuses_to_send_and_to_receive(broker: Any, receiver: Any) -> None:
    broker.close()
    broker.close()
    with pytest.raises(BrokerClosed):
        broker.send_message(make(2))
    with pytest.raises(BrokerClosed):
        broker.send_messages([make(2)])
    with pytest.raises(BrokerClosed):
        receiver.receive(1, 0)


# -- dead letters


def bury(broker: Any, receiver: Any, *messages: Message) -> list[Delivery]:
    """Send messages, and put each of them aside."""
    deliveries = []
    for message in messages:
        broker.send_message(message)
        deliveries.append(begin_one(receiver))
        receiver.settle(deliveries[-1], DeadLetter("broken"))
    return deliveries


@needs(DEAD_LETTERS)
def test_a_dead_letter_is_the_message_as_it_came_and_the_reason(broker: Any, receiver: Any) -> None:
    [delivery] = bury(broker, receiver, make(1, correlation_id="c"))
    [dead] = broker.dead_letters.list()
    assert (dead.body, dict(dead.headers)) == (delivery.body, dict(delivery.headers))
    assert (dead.reason, dead.attempt) == ("broken", 1)
    assert broker.dead_letters.show(dead.dead_id) == dead
    assert "number" not in repr(dead)


@needs(DEAD_LETTERS)
def test_dead_letters_are_listed_oldest_first_page_by_page(broker: Any, receiver: Any) -> None:
    bury(broker, receiver, *[make(number) for number in range(5)])
    first = broker.dead_letters.list(2)
    second = broker.dead_letters.list(2, after=first[-1].dead_id)
    third = broker.dead_letters.list(2, after=second[-1].dead_id)
    assert [numbers(page) for page in (first, second, third)] == [[0, 1], [2, 3], [4]]
    assert not broker.dead_letters.list(2, after=third[-1].dead_id)


@needs(DEAD_LETTERS)
def test_dead_letters_are_sent_again_in_their_order_and_count_from_one(broker: Any, receiver: Any) -> None:
    messages = [make(number) for number in range(4)]
    bury(broker, receiver, *messages)
    ids = [dead.dead_id for dead in broker.dead_letters.list()]
    assert broker.dead_letters.retry(ids[2], ids[0], ids[0]) == 2
    again = take(receiver, 2)
    assert [read(delivery) for delivery in again] == [messages[0], messages[2]]
    assert [delivery.attempt for delivery in again] == [1, 1]
    for delivery in again:
        receiver.settle(delivery, Ack())
    assert numbers(broker.dead_letters.list()) == [1, 3]
    assert broker.dead_letters.retry_all() == 2
    assert numbers(take(receiver, 2)) == [1, 3]
    assert not broker.dead_letters.list()


@needs(DEAD_LETTERS)
def test_a_dead_letter_that_cannot_be_read_stays(case: Case, broker: Any, receiver: Any) -> None:
    bury(broker, receiver, make(1))
    case.inject(broker, b'{"message_type": "cut off')
    receiver.settle(begin_one(receiver), DeadLetter("not readable"))
    ids = [dead.dead_id for dead in broker.dead_letters.list()]
    with pytest.raises(MessageDecodeError):
        broker.dead_letters.retry(*ids)
    assert [dead.dead_id for dead in broker.dead_letters.list()] == ids
    assert broker.dead_letters.retry_all() == 1
    assert [dead.dead_id for dead in broker.dead_letters.list()] == ids[1:]
    assert numbers(take(receiver, 1)) == [1]


@needs(DEAD_LETTERS)
def test_deleted_dead_letters_are_gone(broker: Any, receiver: Any) -> None:
    bury(broker, receiver, make(1), make(2))
    one, two = broker.dead_letters.list()
    assert broker.dead_letters.delete(one.dead_id) == 1
    assert broker.dead_letters.list() == [two]
    assert broker.dead_letters.delete(one.dead_id, two.dead_id) == 1
    with pytest.raises(DeadLetterDoesNotExist):
        broker.dead_letters.show(one.dead_id)
    assert broker.dead_letters.retry(one.dead_id) == 0
