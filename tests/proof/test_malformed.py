"""Malformed messages, one after another: no worker ends, each is put aside with a reason, and no log quotes them."""

import gc
import json
import logging
import os
import random
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

import diator.aio
import diator.sync
from diator import EventMap, NotificationEvent, RequestMap
from diator.aio.message_brokers.redis import RedisStreamsMessageBroker as AioBroker
from diator.message_brokers import JSONSerializer, Message, to_message
from diator.sync.message_brokers.redis import RedisStreamsMessageBroker as SyncBroker
from tests.servers.redis import running_redis

from .settings import SEED

#: Messages for each side.
COUNT = int(os.environ.get("DIATOR_MALFORMED_MESSAGES", "1000"))
#: The share of them that goes through Redis, too.
REDIS_COUNT = max(60, COUNT // 20)
#: How many of them are in the broker at the same time.
BATCH = 200
#: What the memory may have grown by at any moment of any batch, beside its messages (bytes); the dead letters are
#: deleted after each batch. An unpacked bomb is larger.
GROWTH = 32 * 1024 * 1024
CANARY = "canary-7f3a"
BOMB = zlib.compress(bytes(2 * GROWTH))


@dataclass(frozen=True, kw_only=True)
class Ordered(NotificationEvent):
    number: int
    name: str
    tags: list[str]


#: A body, and the headers beside it.
Sent = tuple[bytes, dict[str, str]]


class Bare(Message):
    """A message with nothing but the headers that a stranger has chosen."""

    def headers(self) -> dict[str, str]:
        headers: dict[str, str] = self.payload["headers"]
        return headers


def bare(sent: Sent) -> Message:
    body, headers = sent
    return Bare(message_type="raw", message_name="Raw", payload={"body": body, "headers": headers})


class Raw:
    """Sends what is in the payload as the body; a stranger would need no serializer."""

    content_type = "application/json"

    def encode(self, message: Message, *, headers_inside: bool = False) -> bytes:
        body: bytes = message.payload["body"]
        return body

    def decode(self, body: bytes, headers: Any = None) -> Message:
        return JSONSerializer().decode(body, headers or {})


def good() -> dict[str, Any]:
    event = Ordered(number=1, name=CANARY, tags=[CANARY])
    tree: dict[str, Any] = json.loads(JSONSerializer().encode(to_message(event), headers_inside=True))
    return tree


def dump(tree: Any) -> bytes:
    return json.dumps(tree).encode()


def truncated(chance: random.Random) -> bytes:
    body = dump(good())
    return body[: chance.randrange(len(body) - 1)]


def flipped(chance: random.Random) -> bytes:
    body = bytearray(dump({"x": CANARY, **good()}))
    body[0] = chance.choice([0, 0x5B, 0x7D, 0xFF])
    for _ in range(chance.randrange(3)):
        body[chance.randrange(1, len(body))] = chance.randrange(256)
    return bytes(body)


def wrong_type(chance: random.Random) -> bytes:
    tree, wrong = good(), chance.choice([None, 1.5, [], {CANARY: 1}, True, -(2**70), CANARY])
    place = chance.choice(["message_type", "message_name", "message_id", "payload", "headers"])
    tree[place] = [wrong]
    return dump(tree)


def wrong_field(chance: random.Random) -> bytes:
    tree, field = good(), chance.choice(["number", "name", "tags", "event_id", "event_timestamp"])
    tree["payload"][field] = chance.choice([None, 1.5, {CANARY: 1}, True, "1\ud800", [[CANARY]], [None]])
    return dump(tree)


def missing(chance: random.Random) -> bytes:
    tree = good()
    place = chance.choice([tree, tree["payload"]])
    del place[chance.choice([key for key in place if key != "headers"])]
    return dump(tree)


def deep(chance: random.Random) -> bytes:
    depth = chance.choice([65, 1000, 100_000])
    return chance.choice([b"[" * depth + b"]" * depth, b'{"a":' * depth, b"[" * depth])


def huge(chance: random.Random) -> bytes:
    return b'"' + CANARY.encode() * (300_000 // len(CANARY)) + b'"'


def with_nul(chance: random.Random) -> bytes:
    tree = good()
    tree["message_name"] = f"{CANARY}\0"
    return chance.choice([dump(tree), b"\0" * 100, dump(good()) + b"\0"])


def repeated_key(chance: random.Random) -> bytes:
    body = dump(good())
    return chance.choice(
        [b'{"message_type": "' + CANARY.encode() + b'",' + body[1:], body.replace(b'"number"', b'"name"')]
    )


def unknown(chance: random.Random) -> bytes:
    tree = good()
    tree["message_name"] = chance.choice([CANARY, "os.system", "", "Ordered ", "__class__", "ordered"])
    if chance.random() < 0.3:
        tree["message_type"] = chance.choice(["command", "query", CANARY])
    return dump(tree)


def newer(chance: random.Random) -> bytes:
    tree = good()
    tree["headers"]["schema_version"] = chance.choice(["2", "999999999", "0", "-1", "1.0", CANARY, "1" * 5000])
    return dump(tree)


def bomb(chance: random.Random) -> bytes:
    return chance.choice([BOMB, b"\x1f\x8b" + BOMB, b"BZh" + BOMB, b"\x28\xb5\x2f\xfd" + BOMB])


def noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(1, 300))


def not_a_number(chance: random.Random) -> bytes:
    return dump(good()).replace(b'"number": 1', b'"number": ' + chance.choice([b"NaN", b"Infinity", b"1e999", b"01"]))


def other_ids(chance: random.Random) -> bytes:
    tree = good()
    tree["message_id"] = chance.choice(["", CANARY, "00000000-0000-0000-0000-000000000000", "1" * 10_000])
    return dump(tree)


def bad_header(chance: random.Random) -> Sent:
    """A good body, and headers beside it that are none."""
    name, values = chance.choice(
        [
            ("schema_version", ["2", "0", "-1", "1.0", "", CANARY, "9" * 5000, "1\0", "\u0661"]),
            ("occurred_at", [CANARY, "", "yesterday", "9999-99-99", "x" * 5000]),
            ("content_type", ["application/x-python-pickle", CANARY, "application/json; charset=utf-16", ""]),
            ("content_encoding", ["gzip", "deflate", "br", CANARY]),
            ("partition_key", [CANARY * 1000, "\udc80"]),
            ("correlation_id", ["\udcff" + CANARY, CANARY * 1000]),
            (f"{CANARY}\udc80", ["x"]),
            ("traceparent", [CANARY * 1000]),
        ]
    )
    body = dump({key: value for key, value in good().items() if key != "headers"})
    return body, {name: chance.choice(values)}


KINDS: list[Callable[[random.Random], bytes | Sent]] = [
    *(truncated, flipped, wrong_type, wrong_field, missing, deep, huge, with_nul, repeated_key, unknown, newer, bomb),
    *(noise, not_a_number, other_ids, bad_header, bad_header),
]


CHANCE = random.Random(SEED or 1)


def sizes() -> list[int]:
    """How many messages there are in each batch."""
    return [min(BATCH, COUNT - first) for first in range(0, COUNT, BATCH)]


def make(size: int) -> list[Sent]:
    made = [KINDS[number % len(KINDS)](CHANCE) for number in range(size)]
    return [one if isinstance(one, tuple) else (one, {}) for one in made]


class Logs(logging.Handler):
    """Keeps what anybody logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(logging.Formatter("%(name)s %(message)s").format(record))


def check(dead: Any, size: int, handled: list[int], logs: Logs) -> None:
    assert handled == []
    assert len(dead) == size
    assert all(one.reason for one in dead)
    assert not any(CANARY in one.reason or len(one.reason) > 500 for one in dead)
    assert sum(text.startswith("diator.worker ") for text in logs.said) >= size
    assert not any(CANARY in text for text in logs.said)
    logs.said.clear()


def event_map(handled: list[int]) -> EventMap:
    events = EventMap()

    @events.handler
    def handle(event: Ordered) -> None:
        handled.append(event.number)

    return events


@contextmanager
def listening() -> Iterator[Logs]:
    """Hear what the root logger hears, in place of all others: pytest would keep everything, too."""
    root, logs = logging.getLogger(), Logs()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [logs]
    root.setLevel(logging.DEBUG)
    try:
        yield logs
    finally:
        root.handlers[:] = before
        root.setLevel(level)


class Memory:
    """Watches the peak of the memory, from the moment when a batch has been made to its end."""

    def __init__(self) -> None:
        self._lowest: int | None = None

    def begin(self) -> None:
        gc.collect()
        tracemalloc.reset_peak()
        self._made = tracemalloc.get_traced_memory()[0]

    def end(self) -> None:
        gc.collect()
        now, peak = tracemalloc.get_traced_memory()
        self._lowest = now if self._lowest is None else min(now, self._lowest)
        assert peak - self._made < GROWTH, "something needed much memory for a moment"
        assert now - self._lowest < GROWTH, "something is kept"


@pytest.fixture
def memory() -> Iterator[Memory]:
    tracemalloc.start()
    yield Memory()
    tracemalloc.stop()


def test_an_unpacked_bomb_would_be_seen(memory: Memory) -> None:
    memory.begin()
    zlib.decompress(BOMB)
    with pytest.raises(AssertionError, match="for a moment"):
        memory.end()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_malformed_messages_end_no_async_worker(backend: str, memory: Memory) -> None:
    async def main() -> None:
        handled: list[int] = []
        broker = diator.aio.InMemoryMessageBroker(Raw())
        mediator = diator.aio.Mediator(RequestMap(), event_map=event_map(handled))

        async def work_off(messages: list[Message]) -> None:
            memory.begin()
            await broker.send_messages(messages)
            while len(broker) and not worker.ended:
                await anyio.sleep(0.01)
            dead = await broker.dead_letters.list(BATCH)
            check(dead, len(messages), handled, logs)
            await broker.dead_letters.delete(*[one.dead_id for one in dead])
            memory.end()

        async with diator.aio.Worker(mediator, broker) as worker:
            for size in sizes():
                await work_off([bare(sent) for sent in make(size)])
            assert not worker.ended

    with listening() as logs:
        anyio.run(main, backend=backend)


def test_malformed_messages_end_no_blocking_worker(memory: Memory) -> None:
    handled: list[int] = []
    broker = diator.sync.InMemoryMessageBroker(Raw())
    mediator = diator.sync.Mediator(RequestMap(), event_map=event_map(handled))

    def work_off(messages: list[Message]) -> None:
        memory.begin()
        broker.send_messages(messages)
        while len(broker) and not worker.ended:
            time.sleep(0.01)
        dead = broker.dead_letters.list(BATCH)
        check(dead, len(messages), handled, logs)
        broker.dead_letters.delete(*[one.dead_id for one in dead])
        memory.end()

    with listening() as logs, diator.sync.Worker(mediator, broker) as worker:
        for size in sizes():
            work_off([bare(sent) for sent in make(size)])
        assert not worker.ended


def put(client: Any, sent: list[Sent]) -> None:
    """Add what a stranger might to a stream."""
    for body, headers in sent:
        fields = {name.encode(errors="surrogateescape"): value for name, value in headers.items()}
        fields = {name: value.encode(errors="surrogateescape") for name, value in fields.items()}
        client.xadd("s", {b"body": body, **fields})


@pytest.mark.parametrize("side", ["asyncio", "trio", "sync"])
def test_malformed_messages_in_a_stream_end_no_worker(side: str, memory: Memory) -> None:
    handled: list[int] = []

    def is_done(client: Any) -> bool:
        return bool(client.exists("s:dead")) and client.xlen("s:dead") == REDIS_COUNT

    async def work(url: str, client: Any) -> None:
        broker = AioBroker(url, stream="s", group="g")
        mediator = diator.aio.Mediator(RequestMap(), event_map=event_map(handled))
        async with diator.aio.Worker(mediator, broker) as worker:
            while not is_done(client) and not worker.ended:
                await anyio.sleep(0.02)
        await broker.aclose()

    def work_blocking(broker: SyncBroker, client: Any) -> None:
        mediator = diator.sync.Mediator(RequestMap(), event_map=event_map(handled))
        with diator.sync.Worker(mediator, broker) as worker:
            while not is_done(client) and not worker.ended:
                time.sleep(0.02)

    with running_redis() as server, server.client() as client, listening() as logs:
        put(client, make(REDIS_COUNT))
        broker = SyncBroker(server.url, stream="s", group="g")
        memory.begin()
        if side == "sync":
            work_blocking(broker, client)
        else:
            anyio.run(work, server.url, client, backend=side)
        memory.end()
        check(broker.dead_letters.list(REDIS_COUNT + 1), REDIS_COUNT, handled, logs)
        assert client.xpending("s", "g")["pending"] == 0
        broker.close()


def test_the_good_message_is_good() -> None:
    """Or all of this would be refused for nothing."""
    handled: list[int] = []
    broker = diator.sync.InMemoryMessageBroker(Raw())
    broker.send_message(bare((dump(good()), {})))
    mediator = diator.sync.Mediator(RequestMap(), event_map=event_map(handled))
    with diator.sync.Worker(mediator, broker):
        while len(broker):
            time.sleep(0.01)
    assert handled == [1]
