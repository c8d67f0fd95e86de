# Generated from tests/aio/test_redis_streams.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What the broker on Redis Streams does beyond the contract of all brokers."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from diator._core.delivery import Ack, DeadLetter, Retry
from diator._core.serializers import JSONSerializer
from diator._core.stream_entries import Entry
from diator._core.stream_scripts import FORGET
from diator._core.wire import Message
from diator._runtime import daemon_threads
from diator.errors import BrokerError, BrokerUnavailable
from diator.sync.message_brokers import _redis_upkeep as upkeep
from diator.sync.message_brokers.redis import RedisStreamsMessageBroker
from tests.servers.redis import RedisServer, running_redis, shared_redis
from tests.sync.conftest import sleep, together
from tests.sync.deliveries import numbers, take
from tests.threads import NobodyIdle

SOON, NEVER, VISIBILITY = 5, 0.1, 0.4
#: Seconds by which clocks may differ.
CLOCKS = 0.05


@pytest.fixture
def server() -> RedisServer:
    return shared_redis()


@pytest.fixture
def redis(server: RedisServer) -> Any:
    with server.client() as client:
        yield client


@pytest.fixture
def stream(redis: Any) -> Iterator[str]:
    name = f"test-{uuid4()}"
    yield name
    redis.delete(*redis.keys(f"{name}*"), "-")


@pytest.fixture
def broker(server: RedisServer, stream: str) -> Iterator[RedisStreamsMessageBroker]:
    broker = RedisStreamsMessageBroker(server.url, stream=stream, group="g")
    yield broker
    broker.close()


def make(number: int, **more: Any) -> Message:
    return Message(message_type="notification_event", message_name="Counted", payload={"number": number}, **more)


# -- what goes over the wire


def test_an_entry_is_the_body_and_the_headers(broker: Any, redis: Any, stream: str) -> None:
    message = make(1, correlation_id="c", partition_key="ключ")
    broker.send_message(message)
    [(_, fields)] = redis.xrange(stream)
    assert fields.pop(b"body") == JSONSerializer().encode(message)
    assert {name.decode(): value.decode() for name, value in fields.items()} == message.headers()


def test_entries_that_others_wrote_arrive_whatever_they_are(broker: Any, redis: Any, stream: str) -> None:
    redis.xadd(stream, {"body": b"\xff\x00", "\udcff".encode(errors="surrogateescape"): b"\xfe"})
    redis.xadd(stream, {"no": "body"})
    redis.xadd(stream, {"body": "1", **{f"header{number}": "x" for number in range(10_000)}})
    receiver = broker.receiver()
    binary, empty, large = take(receiver, 3)
    assert (binary.body, len(binary.headers), empty.body, len(large.headers)) == (b"\xff\x00", 1, b"", 10_000)
    for delivery in (binary, empty, large):
        receiver.settle(delivery, DeadLetter("not readable"))
    dead = redis.xrange(f"{stream}:dead")
    assert [len(fields) for _, fields in dead] == [6, 6, 10_005]
    assert dead[0][1][b"\xff"] == b"\xfe"
    assert not redis.xpending(stream, "g")["pending"]


def test_a_batch_is_all_or_nothing(broker: Any, redis: Any, stream: str) -> None:
    redis.set(f"{stream}:blocked", "not a stream")
    with pytest.raises(BrokerError):
        broker._client.submit([("MULTI",), ("XADD", stream, "*", "body", "1"), ("XADD", stream, "*"), ("EXEC",)])
    assert redis.xlen(stream) == 0


def test_a_large_batch_keeps_its_order_and_needs_few_round_trips(broker: Any, redis: Any, stream: str) -> None:
    broker.send_messages([make(number) for number in range(1050)])
    receiver = broker.receiver()
    assert numbers(take(receiver, 1050)) == list(range(1050))
    receiver.close()


def test_sends_at_the_same_time_all_arrive(broker: Any, redis: Any, stream: str) -> None:
    together(*[lambda number=number: broker.send_message(make(number)) for number in range(60)])
    receiver = broker.receiver()
    assert sorted(numbers(take(receiver, 60))) == list(range(60))
    receiver.close()


# -- groups


def test_every_group_gets_what_was_sent_before_it_existed(broker: Any, server: RedisServer, stream: str) -> None:
    broker.send_message(make(1))
    for group in ("g", "h"):
        other = RedisStreamsMessageBroker(server.url, stream=stream, group=group)
        assert numbers(take(other.receiver(), 1)) == [1]
        other.close()


def test_a_group_that_was_deleted_is_made_again_from_the_start(broker: Any, redis: Any, stream: str) -> None:
    receiver = broker.receiver(visibility_timeout=VISIBILITY)
    broker.send_message(make(1))
    [delivery] = take(receiver, 1)
    redis.xgroup_destroy(stream, "g")
    [again] = take(receiver, 1)
    assert (numbers([again]), again.attempt) == ([1], 1)
    receiver.settle(delivery, Ack())
    receiver.settle(again, Ack())
    assert not redis.xpending(stream, "g")["pending"]


def test_verdicts_about_a_stream_that_was_deleted_do_nothing(broker: Any, redis: Any, stream: str) -> None:
    receiver = broker.receiver()
    broker.send_messages([make(number) for number in range(3)])
    deliveries = take(receiver, 3)
    redis.delete(stream)
    for delivery, verdict in zip(deliveries, (Ack(), Retry(), DeadLetter("x")), strict=True):
        receiver.settle(delivery, verdict)
    receiver.close()


@pytest.mark.parametrize("partitions", [1, 2])
def test_deliveries_of_a_stream_that_was_deleted_are_lost(
    server: RedisServer, redis: Any, stream: str, partitions: int
) -> None:
    broker = RedisStreamsMessageBroker(server.url, stream=stream, group="g", partitions=partitions)
    receiver = broker.receiver(visibility_timeout=1.0)
    broker.send_messages([make(number) for number in range(3)])
    deliveries = take(receiver, 3)
    redis.delete(*redis.keys(f"{stream}*"))
    sleep(1.0)  # now the server has to be asked
    assert not receiver.begin(deliveries[0])
    assert receiver.extend(deliveries) == deliveries
    broker.send_message(make(3))
    assert numbers(take(receiver, 1)) == [3]
    broker.close()


def test_what_a_named_consumer_left_behind_is_taken_up_at_once(server: RedisServer, stream: str) -> None:
    deliveries = []
    for _ in range(2):
        broker = RedisStreamsMessageBroker(server.url, stream=stream, group="g", consumer="me")
        broker.send_message(make(1))
        receiver = broker.receiver(visibility_timeout=1000)
        deliveries.append(take(receiver, 1))
        # it dies here: nobody closes anything
    assert [numbers(taken) for taken in deliveries] == [[1], [1]]
    assert deliveries[1][0].attempt == 2


def test_a_receiver_that_has_been_closed_leaves_no_consumer_behind(broker: Any, redis: Any, stream: str) -> None:
    broker.send_messages([make(1), make(2)])
    receiver = broker.receiver(visibility_timeout=1000)
    done, _ = take(receiver, 2)
    receiver.settle(done, Ack())
    receiver.close()
    [consumer] = redis.xinfo_consumers(stream, "g")
    assert consumer["pending"] == 1  # deleting it would lose the message
    other = broker.receiver(visibility_timeout=VISIBILITY)
    [delivery] = take(other, 1)
    assert delivery.attempt == 1  # it has never begun
    other.settle(delivery, Ack())
    other.close()
    assert [row["pending"] for row in redis.xinfo_consumers(stream, "g")] == [0]


def test_a_message_that_was_trimmed_before_it_was_handled_is_forgotten(broker: Any, redis: Any, stream: str) -> None:
    broker.send_message(make(1))
    receiver = broker.receiver(visibility_timeout=VISIBILITY)
    take(receiver, 1)
    redis.xtrim(stream, maxlen=0, approximate=False)
    end = monotonic() + SOON
    while redis.xpending(stream, "g")["pending"] and monotonic() < end:
        assert not receiver.receive(1, VISIBILITY)
    assert not redis.xpending(stream, "g")["pending"]


def test_what_gets_lost_while_others_are_claimed_is_taken_up_after_that() -> None:
    with running_redis() as server, server.client() as client:
        broker = RedisStreamsMessageBroker(server.url, stream="s", group="g", consumer="me")
        claims = broker.receiver()._claims
        client.xgroup_create("s", "g", mkstream=True)
        server.pause()

        def lose() -> None:
            while claims.is_recovering:  # until it has begun to claim
                sleep(0.01)
            claims.recover()
            server.resume()

        together(lambda: claims.claim(10, lambda: {"s": ""}), lose)
        assert claims.is_recovering
        broker.close()


def test_a_call_that_could_not_be_started_does_not_stand_for_one_that_goes_on(
    broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = broker.receiver()
    receiver.receive(1, 0)

    def fail(*args: object) -> None:
        raise RuntimeError("it could not be started")

    for place in (receiver._source, "reading"), (receiver._reading._lane, "start"):
        with monkeypatch.context() as broken:
            broken.setattr(*place, fail)
            with pytest.raises(RuntimeError, match="it could not be started"):
                receiver.receive(1, 0)
    broker.send_message(make(1))
    assert numbers(take(receiver, 1)) == [1]


def test_a_thread_that_could_not_be_started_is_an_error_that_passes(
    broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = broker.receiver()
    assert not receiver.receive(1, 0)
    broker.send_message(make(1))

    def fail(*args: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as broken:
        broken.setattr(daemon_threads, "_idle", NobodyIdle())
        broken.setattr(daemon_threads._Thread, "start", fail)
        with pytest.raises(BrokerUnavailable, match="no thread could be started"):
            receiver.receive(1, 0)
    assert numbers(take(receiver, 1)) == [1]


# -- retries


def test_a_delay_may_be_longer_than_the_visibility_timeout(broker: Any, redis: Any, stream: str) -> None:
    broker.send_message(make(1))
    receiver, other = (broker.receiver(visibility_timeout=0.2) for _ in range(2))
    [delivery], begin = take(receiver, 1), monotonic()
    receiver.settle(delivery, Retry(1.0, frozenset({"a"})))
    [again] = take(other, 1)
    assert monotonic() - begin > 1.0 - CLOCKS
    assert (again.attempt, again.done) == (2, {"a"})
    other.settle(again, Ack())
    assert not redis.hlen(f"{stream}:g:notes")


def test_messages_that_rest_do_not_keep_others_waiting_when_something_has_got_lost(broker: Any) -> None:
    broker.send_messages([make(number) for number in range(30)])
    receiver = broker.receiver()
    for delivery in take(receiver, 30):
        receiver.settle(delivery, Retry(SOON * 2))
    receiver._claims.recover()
    broker.send_message(make(30))
    assert numbers(receiver.receive(5, SOON)) == [30]


def test_a_restarted_consumer_respects_a_delay(server: RedisServer, stream: str) -> None:
    first, second = (
        RedisStreamsMessageBroker(server.url, stream=stream, group="g", consumer="me").receiver() for _ in range(2)
    )
    broker = RedisStreamsMessageBroker(server.url, stream=stream, group="g")
    broker.send_message(make(1))
    [delivery], begin = take(first, 1), monotonic()
    first.settle(delivery, Retry(0.5))
    assert numbers(take(second, 1)) == [1]
    assert monotonic() - begin > 0.5 - CLOCKS
    broker.close()


def test_a_verdict_in_time_but_late_still_counts_if_nobody_has_taken_over(broker: Any, redis: Any) -> None:
    broker.send_message(make(1))
    receiver = broker.receiver(visibility_timeout=0.05)
    [delivery] = take(receiver, 1)
    sleep(0.1)
    assert receiver.begin(delivery)
    sleep(0.1)
    receiver.settle(delivery, Ack())
    assert not receiver.receive(1, 0.2)


@pytest.mark.parametrize("verdict", [Ack(), Retry(), DeadLetter("too late")])
def test_who_has_lost_a_message_to_another_receiver_cannot_do_anything_about_it(
    broker: Any, redis: Any, stream: str, verdict: Any
) -> None:
    broker.send_message(make(1))
    stalled, other = (broker.receiver(visibility_timeout=VISIBILITY) for _ in range(2))
    [late] = take(stalled, 1)
    [current] = take(other, 1)
    assert not other.extend([current])
    assert stalled.extend([late]) == [late]
    [late] = [replace(late, handle=stalled._ledger.add(late.handle, Entry(late.handle.id, b"", {}), 1).handle)]
    stalled.settle(late, verdict)  # as if it had not yet heard of it
    [late] = [replace(late, handle=stalled._ledger.add(late.handle, Entry(late.handle.id, b"", {}), 1).handle)]
    assert not stalled.begin(late)
    assert [row["consumer"] for row in redis.xpending_range(stream, "g", "-", "+", 9)] == [
        other._claims._consumer.encode()
    ]
    assert redis.xlen(f"{stream}:dead") == 0
    assert other.begin(current)
    other.settle(current, Ack())
    assert not other.receive(1, VISIBILITY * 1.5)


# -- dead letters


def test_what_one_group_puts_aside_is_sent_again_to_that_group_only(
    broker: Any, server: RedisServer, redis: Any, stream: str
) -> None:
    broker.send_message(make(1))
    receiver = broker.receiver()
    other_broker = RedisStreamsMessageBroker(server.url, stream=stream, group="h")
    other = other_broker.receiver()
    [delivery], [others] = take(receiver, 1), take(other, 1)
    receiver.settle(delivery, DeadLetter("broken"))
    other.settle(others, Ack())
    assert other_broker.dead_letters.retry_all() == 1
    [again] = take(receiver, 1)
    assert (again.body, again.headers) == (delivery.body, delivery.headers)
    receiver.settle(again, Ack())
    assert not other.receive(1, NEVER)
    assert not other.receive(1, NEVER)
    for group in ("g", "h"):
        assert not redis.xpending(stream, group)["pending"]
    other_broker.close()


def bury(broker: Any, receiver: Any, count: int) -> None:
    broker.send_messages([make(number) for number in range(count)])
    for delivery in take(receiver, count):
        receiver.settle(delivery, DeadLetter("broken"))


def test_dead_letters_that_are_put_aside_again_are_sent_again_once(server: RedisServer, stream: str) -> None:
    broker = RedisStreamsMessageBroker(server.url, stream=stream, group="g", max_batch=5)
    receiver = broker.receiver()
    bury(broker, receiver, 20)
    has_ended: list[int] = []
    buried = 0

    def retry() -> None:
        has_ended.append(broker.dead_letters.retry_all())

    def bury_again() -> None:
        nonlocal buried
        while (not has_ended or buried < 20) and buried < 200:
            for delivery in receiver.receive(20, 0.1):
                receiver.settle(delivery, DeadLetter("broken again"))
                buried += 1

    together(retry, bury_again)
    assert (has_ended, buried) == ([20], 20)
    assert len(broker.dead_letters.list()) == 20
    broker.close()


def test_a_dead_letter_that_several_send_again_at_once_comes_once(server: RedisServer, redis: Any, stream: str) -> None:
    brokers = [RedisStreamsMessageBroker(server.url, stream=stream, group="g") for _ in range(2)]
    receiver = brokers[0].receiver()
    bury(brokers[0], receiver, 20)
    ids = [dead.dead_id for dead in brokers[0].dead_letters.list()]
    counts = together(
        brokers[0].dead_letters.retry_all,
        brokers[1].dead_letters.retry_all,
        lambda: brokers[1].dead_letters.retry(*ids),
    )
    assert sum(counts) == 20
    assert sorted(numbers(take(receiver, 20))) == list(range(20))
    assert redis.xlen(stream) == 40
    for broker in brokers:
        broker.close()


def test_a_message_is_put_aside_once_however_often_that_is_tried(broker: Any, redis: Any, stream: str) -> None:
    broker.send_message(make(1))
    receiver = broker.receiver()
    [delivery] = take(receiver, 1)
    held = receiver._ledger.find(delivery)
    together(*[lambda: receiver._settling._bury(held, delivery, "broken") for _ in range(3)])
    assert len(broker.dead_letters.list()) == 1
    assert not redis.xpending(stream, "g")["pending"]
    receiver.settle(delivery, Ack())


def test_a_message_for_a_group_that_does_not_exist_is_for_all(
    broker: Any, server: RedisServer, redis: Any, stream: str
) -> None:
    other_broker = RedisStreamsMessageBroker(server.url, stream=stream, group="h")
    receiver, other = broker.receiver(), other_broker.receiver()
    for one in (receiver, other):
        assert not one.receive(1, 0)
    for group in ("nobody", "\udcff", "h"):
        redis.xadd(
            stream,
            {"body": group.encode(errors="surrogateescape"), "diator:group": group.encode(errors="surrogateescape")},
        )
    redis.xadd(stream, {"body": "last"})
    for one, bodies in ((receiver, [b"\xff", b"last", b"nobody"]), (other, [b"\xff", b"h", b"last", b"nobody"])):
        deliveries = take(one, len(bodies))
        assert sorted(delivery.body for delivery in deliveries) == sorted(bodies)
        for delivery in deliveries:
            one.settle(delivery, Ack())
        assert not one.receive(1, NEVER)
    for group in ("g", "h"):
        assert not redis.xpending(stream, group)["pending"]
    other_broker.close()


def test_a_dead_letter_says_when_and_where_it_died(broker: Any, redis: Any, stream: str) -> None:
    broker.send_message(make(1))
    receiver = broker.receiver()
    receiver.settle((take(receiver, 1))[0], DeadLetter("x" * 5000))
    [dead] = broker.dead_letters.list()
    [(_, fields)] = redis.xrange(f"{stream}:dead")
    assert (len(dead.reason), fields[b"diator:source"], fields[b"diator:group"]) == (1024, stream.encode(), b"g")
    assert dead.dead_at is not None
    assert abs(redis.time()[0] - dead.dead_at.timestamp()) < 60
    for nonsense in ("", "1", "a-b", "-"):
        assert broker.dead_letters.retry(nonsense) == broker.dead_letters.delete(nonsense) == 0


# -- retention


def test_what_any_group_still_needs_is_never_removed(server: RedisServer, redis: Any, stream: str) -> None:
    broker, slow = (
        RedisStreamsMessageBroker(server.url, stream=stream, group=group, retention=0) for group in ("g", "slow")
    )
    receiver, slow_receiver = broker.receiver(), slow.receiver()
    assert not slow_receiver.receive(1, 0)
    broker.send_messages([make(number) for number in range(1000)])
    for delivery in take(receiver, 1000):
        receiver.settle(delivery, Ack())
    for name in ("g", "slow"):
        redis.delete(f"{stream}:{name}:upkeep")
    receiver._upkeep._next_at = 0
    assert not receiver.receive(1, 0)
    assert redis.xlen(stream) == 1000
    for delivery in take(slow_receiver, 600):
        slow_receiver.settle(delivery, Ack())
    redis.delete(f"{stream}:g:upkeep")
    receiver._upkeep._next_at = 0
    assert not receiver.receive(1, 0)
    assert 400 <= redis.xlen(stream) <= 600  # whole nodes of 100
    assert numbers(take(slow_receiver, 1)) == [600]
    broker.close()
    slow.close()


def test_handled_messages_stay_for_the_retention_time(broker: Any, redis: Any, stream: str) -> None:
    broker.send_messages([make(number) for number in range(500)])
    receiver = broker.receiver()
    for delivery in take(receiver, 500):
        receiver.settle(delivery, Ack())
    receiver._upkeep._next_at = 0
    redis.delete(f"{stream}:g:upkeep")
    assert not receiver.receive(1, 0)
    assert redis.xlen(stream) == 500


def test_notes_about_messages_that_are_gone_are_dropped(broker: Any, redis: Any, stream: str) -> None:
    broker.send_message(make(1))
    receiver = broker.receiver()
    [delivery] = take(receiver, 1)
    receiver.settle(delivery, Retry(100))
    for number in range(3000):  # more than the server shows at a time
        redis.hset(f"{stream}:g:notes", f"1-{number}", "0:[]")
    receiver._upkeep._next_at = 0
    redis.delete(f"{stream}:g:upkeep")
    assert not receiver.receive(1, 0)
    assert len(redis.hkeys(f"{stream}:g:notes")) == 1


def test_consumers_that_do_nothing_are_forgotten_but_not_what_they_have(
    broker: Any, redis: Any, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_IDLE", -1)
    receiver = broker.receiver()
    assert not receiver.receive(1, 0)
    broker.send_message(make(1))
    redis.xreadgroup("g", "busy", {stream: ">"})
    redis.xgroup_createconsumer(stream, "g", "idle")
    redis.delete(f"{stream}:g:upkeep")
    receiver._upkeep._next_at = 0
    assert not receiver.receive(1, 0)
    names = {consumer["name"].decode() for consumer in redis.xinfo_consumers(stream, "g")}
    assert "busy" in names
    assert "idle" not in names
    broker._client.exchange(("EVAL", FORGET, 1, stream, "g", "busy"))
    assert redis.xpending(stream, "g")["pending"] == 1


# -- what the server keeps


def test_a_server_that_keeps_nothing_is_said_so_once(
    broker: Any, caplog: pytest.LogCaptureFixture, stream: str
) -> None:
    with caplog.at_level(logging.WARNING, "diator.redis"):
        broker.send_message(make(1))
        broker.send_message(make(2))
        assert len(take(broker.receiver(), 2)) == 2
    [record] = caplog.records
    assert "Set `appendonly yes`" in record.getMessage()


def test_a_server_that_keeps_nothing_is_refused_if_that_is_required(server: RedisServer, stream: str) -> None:
    broker = RedisStreamsMessageBroker(server.url, stream=stream, group="g", require_aof=True)
    with pytest.raises(BrokerError, match="`require_aof` is set"):
        broker.send_message(make(1))
    with pytest.raises(BrokerError, match="`require_aof` is set"):
        broker.receiver().receive(1, 0)


def test_a_server_that_keeps_everything_is_not_complained_about(caplog: pytest.LogCaptureFixture) -> None:
    with running_redis("system", "--appendonly", "yes") as durable, caplog.at_level(logging.WARNING, "diator.redis"):
        broker = RedisStreamsMessageBroker(durable.url, stream="s", group="g", require_aof=True)
        broker.send_message(make(1))
        with durable.client() as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.config_set("maxmemory", "1gb")
        broker.close()
        assert not caplog.records
        broker = RedisStreamsMessageBroker(durable.url, stream="s", group="g")
        broker.send_message(make(2))
        assert "`maxmemory-policy allkeys-lru` may delete the whole stream" in caplog.text
        broker.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"partitions": 0},
        {"retention": -1},
        {"retention": float("nan")},
        {"max_batch": 0},
        {"timeout": 0},
        {"retry_timeout": -1},
    ],
)
def test_refuses_settings_that_make_no_sense(wrong: Any) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        RedisStreamsMessageBroker("redis://", stream="s", group="g", **wrong)


def test_a_server_that_is_not_there_is_an_error_after_the_retries(tmp_path: Any) -> None:
    broker = RedisStreamsMessageBroker(f"unix://{tmp_path}/none", stream="s", group="g", retry_timeout=0.2)
    with pytest.raises(BrokerUnavailable, match="Redis cannot be reached") as caught:
        broker.send_message(make(1))
    assert isinstance(caught.value, ConnectionError)
    assert caught.value.__cause__ is not None
    with pytest.raises(BrokerUnavailable):
        broker.receiver().receive(1, 0)
    broker.close()
