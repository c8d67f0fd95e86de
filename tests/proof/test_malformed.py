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
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

import diator.aio
import diator.sync
from diator import EventMap, NotificationEvent, RequestMap
from diator.message_brokers import JSONSerializer, Message, to_message

from .settings import SEED

#: Messages for each side.
COUNT = int(os.environ.get("DIATOR_MALFORMED_MESSAGES", "1000"))
#: How many of them are in the broker at the same time.
BATCH = 500
#: What the memory may grow by from one batch to any later one (bytes); the dead letters are deleted after each batch.
GROWTH = 32 * 1024 * 1024
CANARY = "canary-7f3a"
BOMB = zlib.compress(bytes(10_000_000))


@dataclass(frozen=True, kw_only=True)
class Ordered(NotificationEvent):
    number: int
    name: str
    tags: list[str]


class Bare(Message):
    """A message without headers beside the body."""

    def headers(self) -> dict[str, str]:
        return {}


def bare(body: bytes) -> Message:
    return Bare(message_type="raw", message_name="Raw", payload={"body": body})


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


KINDS: list[Callable[[random.Random], bytes]] = [
    *(truncated, flipped, wrong_type, wrong_field, missing, deep, huge, with_nul, repeated_key, unknown, newer, bomb),
    *(noise, not_a_number, other_ids),
]


CHANCE = random.Random(SEED or 1)


def sizes() -> list[int]:
    """How many messages there are in each batch."""
    return [min(BATCH, COUNT - first) for first in range(0, COUNT, BATCH)]


def make(size: int) -> list[Message]:
    return [bare(KINDS[number % len(KINDS)](CHANCE)) for number in range(size)]


class Logs(logging.Filter):
    """Keeps what the worker logs, and lets nothing through: pytest would keep it, too."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        self.said.append(logging.Formatter().format(record))
        return False


def check(dead: Any, size: int, handled: list[int], logs: Logs) -> None:
    assert handled == []
    assert len(dead) == size
    assert all(one.reason for one in dead)
    assert not any(CANARY in one.reason or len(one.reason) > 500 for one in dead)
    assert len(logs.said) >= size
    assert not any(CANARY in text for text in logs.said)
    logs.said.clear()


def event_map(handled: list[int]) -> EventMap:
    events = EventMap()

    @events.handler
    def handle(event: Ordered) -> None:
        handled.append(event.number)

    return events


@pytest.fixture
def logs() -> Iterator[Logs]:
    logger, logs = logging.getLogger("diator.worker"), Logs()
    level = logger.level
    logger.addFilter(logs)
    logger.setLevel(logging.DEBUG)
    yield logs
    logger.removeFilter(logs)
    logger.setLevel(level)


@pytest.fixture
def memory() -> Iterator[Callable[[], None]]:
    """Checks that the memory has not grown since the first call."""
    tracemalloc.start()
    before: list[int] = []

    def grown() -> None:
        gc.collect()
        now = tracemalloc.get_traced_memory()[0]
        before.append(now)
        assert now - before[0] < GROWTH

    yield grown
    tracemalloc.stop()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_malformed_messages_end_no_async_worker(backend: str, memory: Callable[[], None], logs: Logs) -> None:
    async def main() -> None:
        handled: list[int] = []
        broker = diator.aio.InMemoryMessageBroker(Raw())
        mediator = diator.aio.Mediator(RequestMap(), event_map=event_map(handled))

        async def work_off(messages: list[Message]) -> None:
            await broker.send_messages(messages)
            while len(broker) and not worker.ended:
                await anyio.sleep(0.01)
            dead = await broker.dead_letters.list(BATCH)
            check(dead, len(messages), handled, logs)
            await broker.dead_letters.delete(*[one.dead_id for one in dead])

        async with diator.aio.Worker(mediator, broker) as worker:
            for size in sizes():
                await work_off(make(size))
                memory()
            assert not worker.ended

    anyio.run(main, backend=backend)


def test_malformed_messages_end_no_blocking_worker(memory: Callable[[], None], logs: Logs) -> None:
    handled: list[int] = []
    broker = diator.sync.InMemoryMessageBroker(Raw())
    mediator = diator.sync.Mediator(RequestMap(), event_map=event_map(handled))

    def work_off(messages: list[Message]) -> None:
        broker.send_messages(messages)
        while len(broker) and not worker.ended:
            time.sleep(0.01)
        dead = broker.dead_letters.list(BATCH)
        check(dead, len(messages), handled, logs)
        broker.dead_letters.delete(*[one.dead_id for one in dead])

    with diator.sync.Worker(mediator, broker) as worker:
        for size in sizes():
            work_off(make(size))
            memory()
        assert not worker.ended


def test_the_good_message_is_good() -> None:
    """Or all of this would be refused for nothing."""
    handled: list[int] = []
    broker = diator.sync.InMemoryMessageBroker(Raw())
    broker.send_message(bare(dump(good())))
    mediator = diator.sync.Mediator(RequestMap(), event_map=event_map(handled))
    with diator.sync.Worker(mediator, broker):
        while len(broker):
            time.sleep(0.01)
    assert handled == [1]
