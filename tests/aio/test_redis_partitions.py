"""Partitions keep messages of one key in order, with one owner each, whoever comes, goes or dies."""

import math
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from diator._core.delivery import Ack, Retry
from diator._core.serializers import JSONSerializer
from diator._core.stream_entries import partition_of
from diator._core.wire import Message
from diator.aio.message_brokers.redis import RedisStreamsMessageBroker
from diator.errors import BrokerError
from tests.aio.conftest import sleep, together
from tests.servers.redis import RedisServer, running_redis, shared_redis

#: Seconds to wait for what has to come, and seconds until a lease ends: in tests that wait for that; in those in which
#: it must not happen meanwhile, though the machine may stand still for a moment; and for who is never late.
SOON, VISIBILITY, LONGER, LONG = 8, 0.4, 1.2, 3.0


def make(key: str, number: int) -> Message:
    return Message(message_type="t", message_name="n", payload={"number": number}, partition_key=key)


def read(delivery: Any) -> tuple[str, int]:
    message = JSONSerializer().decode(delivery.body, delivery.headers)
    return message.partition_key or "", message.payload["number"]


@pytest.fixture
def server() -> RedisServer:
    return shared_redis()


@pytest.fixture
async def broker(server: RedisServer) -> AsyncIterator[RedisStreamsMessageBroker]:
    broker = RedisStreamsMessageBroker(server.url, stream=f"test-{uuid4()}", group="g", partitions=4)
    yield broker
    await broker.aclose()


async def poll(condition: Callable[[], bool], *receivers: Any) -> None:
    """Let receivers settle who owns what, until it is as it has to be."""
    end = monotonic() + SOON
    while not condition():
        assert monotonic() < end, "they do not agree"
        for receiver in receivers:
            assert not await receiver.receive(1, 0)
        await sleep(0.05)


def shares(*receivers: Any) -> list[int]:
    """How many partitions each has; nothing if two take themselves for the owner of one."""
    owned = [receiver._source.owned() for receiver in receivers]
    return [len(one) for one in owned] if len(set().union(*owned)) == sum(map(len, owned)) else []


async def test_a_key_always_goes_to_one_partition(broker: Any, server: RedisServer) -> None:
    await broker.send_messages([make(f"key{number % 10}", number) for number in range(100)])
    await broker.send_messages([Message(message_type="t", message_name="n", payload={}) for _ in range(100)])
    with server.client() as client:
        for number, stream in enumerate(broker._place.streams):
            entries = client.xrange(stream)
            assert {partition_of(f[b"partition_key"].decode(), 4) for _, f in entries if b"partition_key" in f} <= {
                number
            }
            assert sum(b"partition_key" not in fields for _, fields in entries) > 5


def test_partitions_are_chosen_alike_in_all_versions() -> None:
    assert [partition_of(key, 7) for key in ("", "a", "meeting-1", "ключ")] == [0, 4, 4, 1]


async def test_others_must_use_the_same_number(broker: Any, server: RedisServer) -> None:
    await broker.send_message(make("k", 1))
    for number in (3, 1):
        other = RedisStreamsMessageBroker(server.url, stream=broker._place.stream, group="h", partitions=number)
        for use in (
            lambda other=other: other.send_message(make("k", 1)),
            lambda other=other: other.receiver().receive(1, 0),
        ):
            with pytest.raises(BrokerError, match=f"has 4 partitions, not {number}"):
                await use()
        await other.aclose()


async def test_a_stream_that_is_not_divided_cannot_be_divided_beside_those_who_use_it(server: RedisServer) -> None:
    stream = f"test-{uuid4()}"
    one, several = (
        RedisStreamsMessageBroker(server.url, stream=stream, group="g", partitions=number) for number in (1, 4)
    )
    await one.send_message(make("k", 1))
    with pytest.raises(BrokerError, match="has 1 partitions, not 4"):
        await several.send_message(make("k", 1))
    for broker in (one, several):
        await broker.aclose()


async def test_receivers_share_the_partitions_and_get_those_of_who_leaves(broker: Any) -> None:
    first, second = (broker.receiver(visibility_timeout=VISIBILITY) for _ in range(2))
    await poll(lambda: shares(first) == [4], first)
    await poll(lambda: shares(first, second) == [2, 2], first, second)
    await first.aclose()
    await poll(lambda: shares(second) == [4], second)
    await second.aclose()


async def test_a_partition_moves_only_when_nothing_of_it_is_in_hand(broker: Any) -> None:
    first, second = (broker.receiver(visibility_timeout=LONGER) for _ in range(2))
    await broker.send_messages([make(f"key{number}", number) for number in range(40)])
    held = []
    while len(held) < 40:
        held += await first.receive(40, SOON)
    for _ in range(6):
        assert not await second.receive(1, 0)
        assert not await first.receive(1, 0)
        assert not await first.extend(held)
        await sleep(LONGER / 3)
    assert not second._source.owned()
    for delivery in held:
        await first.settle(delivery, Ack())
    await poll(lambda: shares(first, second) == [2, 2], first, second)


@pytest.fixture
async def two_owners(server: RedisServer) -> AsyncIterator[Any]:
    """Two brokers of one application, and a key for each of their two partitions."""
    keys = {partition_of(key, 2): key for key in "abcdefgh"}
    options: Any = {"stream": f"test-{uuid4()}", "group": "g", "partitions": 2}
    brokers = [RedisStreamsMessageBroker(server.url, **options) for _ in range(2)]
    yield (*brokers, keys[0], keys[1])
    for broker in brokers:
        await broker.aclose()


async def take(receiver: Any, count: int) -> list[Any]:
    taken: list[Any] = []
    while len(taken) < count:
        taken += await receiver.receive(10, SOON)  # more than there are, so it is known that no more are left
    return taken


async def join(one: Any, other: Any, held: Any) -> None:
    """Let the other owner take its share: what the first one gives up in its next heartbeat."""
    await other.receive(1, 0)
    one._source._renew_at = -math.inf
    assert not await one.extend(held)
    other._source._renew_at = -math.inf


async def test_a_partition_is_kept_while_messages_of_it_are_on_their_way(
    two_owners: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, other_broker, key, other_key = two_owners
    receiver, other = broker.receiver(visibility_timeout=3), other_broker.receiver(visibility_timeout=3)
    await broker.send_message(make(key, 0))
    held = await take(receiver, 1)
    start, late = receiver._reading._lane.start, []

    def start_slowly(commands: Any, done: Any) -> None:
        is_take = commands[0][0] == "EVAL"
        start(commands, (lambda reply: late.append((done, reply))) if is_take else done)

    monkeypatch.setattr(receiver._reading._lane, "start", start_slowly)
    await broker.send_message(make(other_key, 1))

    async def move() -> None:
        while not late:
            await sleep(0.01)
        await join(receiver, other, held)
        assert len(receiver._source.owned()) == 2
        [(done, reply)] = late
        done(reply)

    [one], _ = await together(lambda: take(receiver, 1), move)
    assert read(one) == (other_key, 1)
    assert await receiver.begin(one)
    assert not await other.receive(1, 0.1)


async def test_what_is_claimed_of_a_partition_that_was_given_up_meanwhile_is_left_to_its_next_owner(
    two_owners: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, other_broker, key, other_key = two_owners
    receiver, other = broker.receiver(visibility_timeout=3), other_broker.receiver(visibility_timeout=3)
    await broker.send_messages([make(key, 0), make(other_key, 1)])
    held, again = sorted(await take(receiver, 2), key=lambda delivery: read(delivery) != (key, 0))
    assert await receiver.begin(held)
    await receiver.settle(again, Retry())
    exchange = broker._client.exchange
    is_claimed, is_taken = [False], [False]

    async def exchange_slowly(*commands: Any) -> Any:
        replies = await exchange(*commands)
        if commands[0] == ("TIME",):
            is_claimed[0] = True
            while not is_taken[0]:
                await sleep(0.01)
        return replies

    monkeypatch.setattr(broker._client, "exchange", exchange_slowly)

    async def move() -> list[Any]:
        while not is_claimed[0]:
            await sleep(0.01)
        await join(receiver, other, [held])
        taken = await take(other, 1)
        is_taken[0] = True
        return taken

    taken, [one] = await together(lambda: receiver.receive(1, 2), move)
    assert read(one) == (other_key, 1)
    assert not taken
    assert await other.begin(one)


async def test_what_the_next_owner_has_is_not_taken_up_again_by_the_one_before(
    two_owners: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, other_broker, key, _ = two_owners
    receiver, other = broker.receiver(visibility_timeout=VISIBILITY), other_broker.receiver(visibility_timeout=LONG)
    await broker.send_message(make(key, 0))
    [delivery] = await take(receiver, 1)
    receiver._ledger.remove(receiver._ledger.find(delivery))  # as if the reply had got lost
    receiver._claims.recover()
    taken: list[Any] = []
    exchange = broker._client.exchange

    async def exchange_late(*commands: Any) -> Any:
        if commands[0] == ("TIME",) and not taken:  # it is about to claim, and stopped for too long
            await sleep(VISIBILITY * 1.5)
            taken.extend(await take(other, 1))
        return await exchange(*commands)

    monkeypatch.setattr(broker._client, "exchange", exchange_late)
    assert not await receiver.receive(10, VISIBILITY)
    assert await other.begin(taken[0])
    assert not await other.extend(taken)


async def test_who_lost_his_lease_begins_and_gets_nothing_any_more(broker: Any) -> None:
    stalled, other = broker.receiver(visibility_timeout=VISIBILITY), broker.receiver(visibility_timeout=LONG)
    await broker.send_messages([make("k", 1), make("k", 2)])
    [one] = await stalled.receive(1, SOON)
    await sleep(VISIBILITY * 1.5)  # it is stopped, and others take over
    taken = []
    while len(taken) < 2:
        taken += await other.receive(2, SOON)
    assert [read(delivery) for delivery in taken] == [("k", 1), ("k", 2)]
    await broker.send_message(make("k", 3))
    stream = one.handle.stream
    [reply] = await broker._client.exchange(*stalled._source.reading(10, 0)) if stalled._source._news else [0]
    assert reply == 0
    assert not await stalled.begin(one)
    assert await stalled.extend([one]) == [one]
    await stalled.settle(one, Ack())
    assert stream not in stalled._source.owned()
    assert await other.begin(taken[0])
    for delivery in taken:
        await other.settle(delivery, Ack())
    [three] = await other.receive(1, SOON)
    assert read(three) == ("k", 3)


@pytest.mark.parametrize("is_renewed", [False, True])
async def test_a_receiver_waits_in_peace_after_the_reply_to_a_read_got_lost(is_renewed: bool) -> None:
    with running_redis() as own, own.client() as client:
        broker = RedisStreamsMessageBroker(own.url, stream="s", group="g", partitions=2)
        receiver = broker.receiver(visibility_timeout=30)
        assert not await receiver.receive(1, 0)
        await broker.send_messages([make("k", number) for number in range(3)])
        stream = f"s:{partition_of('k', 2)}"
        [(_, entries)] = client.xreadgroup("g", receiver._source._consumer, {stream: ">"})
        if is_renewed:
            receiver._source._renew_at = -math.inf
            assert not await receiver.receive(1, 0)
            assert receiver._source._last[stream] == entries[-1][0].decode()
        before = client.info("stats")["total_commands_processed"]
        assert not await receiver.receive(1, 1)
        assert client.info("stats")["total_commands_processed"] - before < 100
        await broker.send_message(make("k", 3))
        assert [read(delivery) for delivery in await take(receiver, 1)] == [("k", 3)]
        await broker.aclose()


async def test_a_partition_that_is_deleted_does_not_stop_the_others(two_owners: Any, server: RedisServer) -> None:
    broker, _, key, other_key = two_owners
    receiver = broker.receiver()
    await broker.send_messages([make(key, 0), make(other_key, 1)])
    for delivery in await take(receiver, 2):
        await receiver.settle(delivery, Ack())
    with server.client() as client:
        client.delete(broker._place.streams[0])
    for number, name in ((2, other_key), (3, key)):
        receiver._source._renew_at = -math.inf
        await receiver.extend([])
        await broker.send_message(make(name, number))
        assert [read(delivery) for delivery in await take(receiver, 1)] == [(name, number)]


async def test_what_was_pending_comes_before_what_is_new(broker: Any) -> None:
    first = broker.receiver(visibility_timeout=VISIBILITY)
    await broker.send_messages([make("k", number) for number in range(30)])
    taken = await first.receive(10, SOON)
    await first.settle(taken[3], Retry(0))
    await first.settle(taken[0], Ack())
    second = broker.receiver(visibility_timeout=LONG)  # the first one is dead
    again: list[Any] = []
    while len(again) < 29:
        for delivery in await second.receive(7, SOON):
            again.append(delivery)
            await second.settle(delivery, Ack())
    assert [number for _, number in map(read, again)] == list(range(1, 30))


async def test_keys_stay_in_order_while_receivers_come_and_die(broker: Any) -> None:
    """Each receiver handles what it gets one after another; dying, it leaves some of it unsettled."""
    total, keys = 400, 20
    handled: dict[str, list[int]] = defaultdict(list)
    sent = defaultdict(int)
    done = 0

    async def send() -> None:
        for number in range(total):
            key = f"key{number % keys}"
            await broker.send_message(make(key, sent[key]))
            sent[key] += 1

    async def work(lives: int, patience: int) -> None:
        nonlocal done
        for life in range(lives):
            receiver = broker.receiver(visibility_timeout=LONGER)
            is_last = life == lives - 1
            left = patience
            while done < total and (is_last or left > 0):
                for delivery in await receiver.receive(5, 0.1):
                    left -= 1
                    if not is_last and left <= 0:
                        break  # dead: the rest of these are never settled
                    if await receiver.begin(delivery):
                        key, number = read(delivery)
                        handled[key].append(number)
                        await receiver.settle(delivery, Ack())
                        done += 1
            if is_last:
                await receiver.aclose()

    await together(send, lambda: work(3, 40), lambda: work(4, 25), lambda: work(2, 70))
    assert {key: list(range(total // keys)) for key in sent} == handled


async def test_leases_are_extended_and_given_up_while_somebody_reads(broker: Any) -> None:
    """A heartbeat does the one, and where there are threads it runs in one of its own."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns at every opportunity
    receiver = broker.receiver(visibility_timeout=VISIBILITY)
    end = monotonic() + 2

    async def read_on() -> None:
        while monotonic() < end:
            await receiver.receive(1, 0)

    async def extend() -> None:
        while monotonic() < end:
            receiver._source._renew_at = -math.inf
            await receiver.extend([])

    async def come_and_go() -> None:
        while monotonic() < end:
            other = broker.receiver(visibility_timeout=VISIBILITY)
            await other.receive(1, 0)
            await other.aclose()

    try:
        await together(read_on, extend, come_and_go)
    finally:
        sys.setswitchinterval(interval)
