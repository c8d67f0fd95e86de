"""How tasks reach Redis: which clients, what a cancelled task leaves behind, and what nobody may see."""

import logging
import os
import random
from collections import Counter
from typing import Any
from uuid import uuid4

import anyio
import pytest
import redis
import redis.asyncio

from diator._core.delivery import Ack
from diator._core.serializers import JSONSerializer
from diator._core.wire import Message
from diator._runtime import daemon_threads, redis_silence
from diator._runtime.aio.redis import connect
from diator.aio.message_brokers.redis import RedisMessageBroker, RedisStreamsMessageBroker
from diator.errors import BrokerError, BrokerUnavailable
from tests.servers.proxy import running_proxy
from tests.servers.redis import RedisServer, running_redis, shared_redis
from tests.servers.seeds import SEEDS
from tests.threads import NobodyIdle

CANCELS = 1500 if os.environ.get("DIATOR_LONG") else 300


def make(number: int) -> Message:
    return Message(message_type="t", message_name="n", payload={"number": number})


@pytest.fixture
def server() -> RedisServer:
    return shared_redis()


@pytest.fixture(params=["url", "client", "asyncio client"])
def source(request: pytest.FixtureRequest, server: RedisServer, anyio_backend_name: str) -> Any:
    if request.param == "url":
        return server.url
    if request.param == "client":
        return redis.Redis(unix_socket_path=server.socket, decode_responses=True)
    if anyio_backend_name == "trio":
        return redis.Redis(unix_socket_path=server.socket, protocol=3)
    return redis.asyncio.Redis(unix_socket_path=server.socket, decode_responses=True)


async def test_sends_and_receives_with_any_client(source: Any) -> None:
    broker = RedisStreamsMessageBroker(source, stream=f"test-{uuid4()}", group="g")
    receiver = broker.receiver(visibility_timeout=1)
    with anyio.fail_after(30):
        await broker.send_messages([make(number) for number in range(3)])
        deliveries = []
        while len(deliveries) < 3:
            deliveries += await receiver.receive(3, 5)
        for delivery in deliveries:
            assert await receiver.begin(delivery)
            await receiver.settle(delivery, Ack())
        assert not await receiver.receive(1, 0.2)
        await receiver.aclose()
        await broker.aclose()


async def test_subscribes_with_any_client(source: Any) -> None:
    broker = RedisMessageBroker(source, channel_prefix=f"test-{uuid4()}")
    receiver = broker.receiver()
    with anyio.fail_after(30):
        assert not await receiver.receive(1, 0)
        await broker.send_messages([make(number) for number in range(20)])
        bodies = []
        while len(bodies) < 20:
            bodies += [delivery.body for delivery in await receiver.receive(20, 5)]
        assert [b'"number":%d' % number in body for number, body in enumerate(bodies)] == [True] * 20
        await broker.aclose()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_client_that_is_passed_is_neither_used_nor_changed_nor_closed(server: RedisServer) -> None:
    client = redis.asyncio.Redis(unix_socket_path=server.socket, client_name="lent", decode_responses=True)
    before = dict(client.connection_pool.connection_kwargs)
    assert await client.ping()
    broker = RedisStreamsMessageBroker(client, stream=f"test-{uuid4()}", group="g")
    await broker.send_message(make(1))
    names = [row["name"] for row in await client.client_list()]
    assert names.count("lent") >= 2  # ours goes by the same name
    await broker.aclose()
    assert client.connection_pool.connection_kwargs == before
    assert len(client.connection_pool._available_connections) == 1
    assert await client.ping()
    await client.aclose()


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_client_of_asyncio_is_refused_on_trio(server: RedisServer) -> None:
    with pytest.raises(TypeError, match="does not run on trio: pass a URL"):
        RedisMessageBroker(redis.asyncio.Redis(unix_socket_path=server.socket))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
def test_a_client_of_asyncio_is_refused_on_trio_at_its_first_use(server: RedisServer, anyio_backend: str) -> None:
    broker = RedisMessageBroker(redis.asyncio.Redis(unix_socket_path=server.socket))
    with pytest.raises(TypeError, match="does not run on trio: pass a URL"):
        anyio.run(broker.send_message, make(1), backend="trio")


def test_a_broker_serves_one_event_loop_after_another(server: RedisServer, anyio_backend_name: str) -> None:
    for source in (server.url, redis.asyncio.Redis(unix_socket_path=server.socket)):
        if source is not server.url and anyio_backend_name == "trio":
            continue
        broker = RedisStreamsMessageBroker(source, stream=f"test-{uuid4()}", group="g")
        for number in range(3):
            anyio.run(broker.send_message, make(number), backend=anyio_backend_name)
        with server.client() as client:
            assert client.xlen(broker._place.stream) == 3


# -- cancellation


def connections_of(server: RedisServer) -> set[str]:
    with server.client() as client:
        return {row["id"] for row in client.client_list() if row["cmd"] != "client|list"}


async def test_cancelled_sends_leak_nothing_and_mix_nothing_up(source: Any, server: RedisServer) -> None:
    """Each command asks for something else, so that a reply to the wrong caller shows."""
    dice = random.Random(SEEDS[0])
    before = connections_of(server)
    broker = RedisStreamsMessageBroker(source, stream=f"test-{uuid4()}", group="g")
    outcomes: Counter[str] = Counter()

    async def ask(number: int, delay: float, patience: float) -> None:
        await anyio.sleep(delay)
        with anyio.move_on_after(patience) as scope:
            if number % 3:
                [reply] = await broker._client.submit([("ECHO", str(number))])
            else:
                [reply] = await broker._client.exchange(("ECHO", str(number)))
            outcomes["own" if reply == str(number).encode() else "another's"] += 1
        outcomes["cancelled"] += scope.cancelled_caught

    with anyio.fail_after(120):
        async with anyio.create_task_group() as group:
            patient = 0
            for number in range(CANCELS):
                patience = dice.choice([0, 0.0002, 0.001, 0.003, 1000])
                patient += patience == 1000
                group.start_soon(ask, number, dice.random() * CANCELS / 3000, patience)
        assert outcomes["another's"] == 0
        assert outcomes.total() == CANCELS
        assert outcomes["own"] >= patient
        for number in range(20):  # and all goes on
            assert await broker._client.submit([("ECHO", str(number))]) == [str(number).encode()]
        await broker.aclose()
        while connections_of(server) - before:
            await anyio.sleep(0.01)


async def test_cancelled_publishes_leak_nothing_lose_nothing_and_answer_nobody_else(
    source: Any, server: RedisServer
) -> None:
    """Random cancels until there were enough; some publishes are refused, so that a wrong answer shows."""
    dice = random.Random(SEEDS[0])
    before = connections_of(server)
    stream = f"test-{uuid4()}"
    broker = RedisStreamsMessageBroker(source, stream=stream, group="g")
    returned, tried, outcomes = set[int](), 0, Counter[str]()

    async def publish(number: int, delay: float, patience: float) -> None:
        await anyio.sleep(delay)
        with anyio.move_on_after(patience) as scope:
            match number % 4:
                case 0:  # refused, unlike all the others
                    with pytest.raises(BrokerError, match="WRONGTYPE"):
                        await broker._client.submit([("XADD", f"{stream}:text", "*", "a", "b")])
                case 1:  # the reply names the entry
                    [entry_id] = await broker._client.submit([broker._command(make(number))])
                    ids[entry_id] = number
                    returned.add(number)
                case _:
                    await broker.send_message(make(number))
                    returned.add(number)
            outcomes["answered"] += 1
        outcomes["cancelled"] += scope.cancelled_caught

    ids: dict[bytes, int] = {}
    with server.client() as client, anyio.fail_after(120):
        client.set(f"{stream}:text", "no stream")
        while outcomes["cancelled"] < CANCELS:
            async with anyio.create_task_group() as group:
                for number in range(tried, tried + 300):
                    patience = dice.choice([0, 0.0002, 0.001, 0.003, 1000])
                    group.start_soon(publish, number, dice.random() * 0.1, patience)
            tried += 300
        await broker.send_message(make(-1))  # and all goes on
        await broker.aclose()
        stored = {key: JSONSerializer().decode(fields[b"body"]) for key, fields in client.xrange(stream)}
    with anyio.fail_after(20):
        while connections_of(server) - before:
            await anyio.sleep(0.01)
    numbers = Counter(message.payload["number"] for message in stored.values())
    assert outcomes.total() == tried
    assert set(numbers) - {-1} >= returned
    assert set(numbers) - {-1} <= {number for number in range(tried) if number % 4}
    assert set(numbers.values()) == {1}
    assert {key: stored[key].payload["number"] for key in ids} == ids


async def test_cancelled_receives_lose_nothing(source: Any) -> None:
    dice = random.Random(7)
    broker = RedisStreamsMessageBroker(source, stream=f"test-{uuid4()}", group="g")
    receiver = broker.receiver(visibility_timeout=2)
    seen: Counter[bytes] = Counter()
    total = 200

    async def send() -> None:
        for number in range(total):
            await broker.send_message(make(number))
            await anyio.sleep(dice.random() * 0.005)

    with anyio.fail_after(120):
        async with anyio.create_task_group() as group:
            group.start_soon(send)
            while len(seen) < total:
                with anyio.move_on_after(dice.choice([0.0005, 0.002, 0.01, 5])):
                    for delivery in await receiver.receive(5, 5):
                        seen[delivery.body] += 1
                        with anyio.CancelScope(shield=True):
                            await receiver.settle(delivery, Ack())
        assert max(seen.values()) == 1
        await broker.aclose()


async def test_a_cancelled_send_does_not_wait_for_a_server_that_hangs() -> None:
    with running_redis() as server:
        broker = RedisStreamsMessageBroker(server.url, stream="s", group="g", timeout=30)
        await broker.send_message(make(1))
        server.pause()
        before = anyio.current_time()
        with anyio.move_on_after(0.1):
            await broker.send_message(make(2))
        receiver = broker.receiver()
        with anyio.move_on_after(0.1):
            await receiver.receive(1, 5)
        assert anyio.current_time() - before < 10
        server.resume()
        await broker.send_message(make(3))
        await broker.aclose()


async def test_publishing_goes_on_when_threads_can_be_started_again(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = RedisStreamsMessageBroker(server.url, stream=f"test-{uuid4()}", group="g")
    impatient = RedisStreamsMessageBroker(server.url, stream=broker._place.stream, group="g", retry_timeout=0)
    for one in (broker, impatient):
        await one.send_message(make(1))
    monkeypatch.setattr(daemon_threads, "_idle", NobodyIdle())
    start, failures = daemon_threads._Thread.start, [3]

    def fail(thread: Any) -> None:
        if failures[0] <= 0:
            start(thread)
        else:
            failures[0] -= 1
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(daemon_threads._Thread, "start", fail)
    with anyio.fail_after(20):
        with pytest.raises(BrokerUnavailable, match="no thread could be started") as caught:
            await impatient.send_message(make(2))
        assert not caught.value.maybe_done
        await broker.send_message(make(3))  # it is tried again
        await impatient.send_message(make(4))
    with server.client() as client:
        assert client.xlen(broker._place.stream) == 4
    await broker.aclose()
    await impatient.aclose()


async def test_a_receiver_that_is_closed_in_a_hurry_leaves_no_connection_behind(anyio_backend_name: str) -> None:
    with running_redis() as server:
        sources: list[Any] = [server.url]
        if anyio_backend_name == "asyncio":
            sources.append(redis.asyncio.Redis(unix_socket_path=server.socket))
        for source in sources:
            broker = RedisStreamsMessageBroker(source, stream="s", group="g", timeout=1, retry_timeout=1)
            receiver = broker.receiver()
            assert not await receiver.receive(1, 0)
            with anyio.move_on_after(0.2):
                await receiver.receive(1, 5)
            server.pause()
            with anyio.move_on_after(0.2) as scope:
                await receiver.aclose()
            assert scope.cancelled_caught
            await broker.aclose()
            server.resume()
            with anyio.fail_after(5):
                while connections_of(server):
                    await anyio.sleep(0.01)


# -- silence


async def test_a_subscriber_notices_a_cable_that_was_cut(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, anyio_backend_name: str
) -> None:
    monkeypatch.setattr(redis_silence, "_LONGEST", 0.8)
    with running_proxy(server.port) as proxy:
        sources: list[Any] = [f"redis://127.0.0.1:{proxy.port}"]
        if anyio_backend_name == "asyncio":
            sources.append(redis.asyncio.Redis(port=proxy.port))
        for source in sources:
            prefix = f"test-{uuid4()}"
            broker = RedisMessageBroker(source, channel_prefix=prefix)
            sender = RedisMessageBroker(server.url, channel_prefix=prefix)
            receiver = broker.receiver()
            for _ in range(20):  # pings are answered, and nobody sees that
                assert not await receiver.receive(1, 0.1)
            proxy.silence()
            with anyio.fail_after(20):
                with pytest.raises(BrokerUnavailable):
                    while True:
                        assert not await receiver.receive(1, 0.1)
                assert not await receiver.receive(1, 0)
                await sender.send_message(make(1))
                assert len(await receiver.receive(1, 5)) == 1
            await broker.aclose()
            await sender.aclose()


# -- secrets


CANARY = "s3cr3t-canary"


@pytest.mark.parametrize(
    "url",
    [
        f"redis://user:{CANARY}@127.0.0.1:1/0",
        f"redis://user:a/{CANARY}@127.0.0.1:1/0",
        f"http://user:{CANARY}@127.0.0.1",
        f"redis://user:x#{CANARY}@127.0.0.1",
    ],
)
async def test_no_secret_is_shown(url: str, caplog: pytest.LogCaptureFixture) -> None:
    texts = []
    with caplog.at_level(logging.DEBUG):
        try:
            broker = RedisStreamsMessageBroker(url, stream="s", group="g", retry_timeout=0)
            texts.append(repr(broker))
            await broker.send_message(make(1))
        except (BrokerUnavailable, ValueError) as error:
            cause: BaseException | None = error
            while cause is not None:
                texts += [repr(cause), str(cause)]
                cause = cause.__cause__ or cause.__context__
    assert texts
    assert CANARY not in "".join(texts) + caplog.text


async def test_no_payload_is_in_an_error_of_a_server(server: RedisServer) -> None:
    with server.client() as client:
        client.set("test-wrong", "not a stream")
    broker = RedisStreamsMessageBroker(server.url, stream="test-wrong", group="g")
    message = Message(message_type="t", message_name="n", payload={"secret": CANARY})
    for send in (broker.send_message, lambda message: broker.send_messages([message, message])):
        with pytest.raises(Exception, match=r"Redis refused \w+") as caught:
            await send(message)
        assert CANARY not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    [refusal] = await broker._client.transport.exchange([("XNOTHING", CANARY)])
    assert str(refusal) == "Redis does not know XNOTHING: version 6.2 or newer is needed"
    await broker.aclose()


async def test_a_proxy_that_loses_replies_makes_duplicates_and_no_losses(server: RedisServer) -> None:
    with running_proxy(server.port, seed=3) as proxy:
        proxy.losses = 0.2
        broker = RedisStreamsMessageBroker(f"redis://127.0.0.1:{proxy.port}", stream=f"test-{uuid4()}", group="g")
        for number in range(60):
            await broker.send_message(make(number))
        with server.client() as client:
            bodies = [fields[b"body"] for _, fields in client.xrange(broker._place.stream)]
        assert len(set(bodies)) == 60
        assert proxy.lost > 0
        assert len(bodies) <= 60 + proxy.lost
        await broker.aclose()


async def test_connect_refuses_what_is_no_client() -> None:
    for nonsense in (None, 7, object(), redis.ConnectionPool()):
        with pytest.raises(TypeError, match=r"pass the URL of a Redis server, a redis\.Redis or"):
            connect(nonsense, 1, 1)
