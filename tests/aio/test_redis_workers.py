"""What a worker on Redis Streams tells whoever runs it, and what it makes of a server in trouble."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import pytest

from diator import EventMap, NotificationEvent, RequestMap
from diator.aio import Mediator, Worker
from diator.aio.message_brokers.redis import RedisStreamsMessageBroker
from diator.delivery import RetryPolicy
from diator.errors import BrokerError
from diator.message_brokers import to_message
from tests.aio.conftest import sleep
from tests.servers.redis import RedisServer, running_redis

#: Seconds until something that should have happened makes a test fail.
PATIENCE = 20


@dataclass(frozen=True, kw_only=True)
class Counted(NotificationEvent):
    number: int
    key: str | None = None

    @property
    def partition_key(self) -> str | None:
        return self.key


def worker_on(broker: RedisStreamsMessageBroker, *handlers: Any, **options: Any) -> Worker:
    events = EventMap()
    for handler in handlers or [lambda event: None]:
        events.bind(Counted, handler)
    return Worker(Mediator(RequestMap(), event_map=events), broker, **options)


async def until(condition: Callable[[], object]) -> None:
    end = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < end, "it did not happen in time"
        await sleep(0.01)


@pytest.fixture
def server() -> Any:
    with running_redis() as server:
        yield server


async def expect_refusal(url: str, match: str, **options: Any) -> None:
    broker = RedisStreamsMessageBroker(url, stream="s", group="g", **options)
    with pytest.raises(BrokerError, match=match):
        async with worker_on(broker) as worker:
            await until(lambda: worker.ended)
    await broker.aclose()


async def test_a_server_that_a_worker_cannot_work_with_ends_it_with_the_reason(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with server.client() as client:
        client.acl_setuser("few", enabled=True, passwords=["+hunter2"], keys=["s*"], commands=["+@connection", "+info"])
    host = server.url.removeprefix("unix://")
    await expect_refusal(server.url, "require_aof", require_aof=True)
    await expect_refusal(f"unix://few:hunter3@{host}", "does not accept this user and password")
    await expect_refusal(f"unix://few:hunter2@{host}", "has no right to this command")
    with server.client() as client:
        client.set("s:partitions", 3)
    await expect_refusal(server.url, "has 3 partitions, not 2", partitions=2)
    assert "hunter" not in caplog.text


async def test_a_stop_between_two_attempts_forgets_no_handler_that_has_succeeded(server: RedisServer) -> None:
    ran: list[str] = []

    def bad(event: Counted) -> None:
        ran.append("bad")
        if ran.count("bad") < 2:
            raise KeyError

    for partitions in (1, 2):
        ran.clear()
        broker = RedisStreamsMessageBroker(server.url, stream=f"s{partitions}", group="g", partitions=partitions)
        await broker.send_message(to_message(Counted(number=1, key="k")))
        handlers = [lambda event: ran.append("good"), bad]
        slow = RetryPolicy(first_delay=1000, max_delay=1000)
        async with worker_on(broker, *handlers, visibility_timeout=2, retry=slow):
            await until(lambda: ran == ["good", "bad"])
            await sleep(0.1)
        async with worker_on(broker, *handlers, visibility_timeout=2):
            await until(lambda: ran.count("bad") == 2)
        assert ran == ["good", "bad", "bad"]
        await broker.aclose()
