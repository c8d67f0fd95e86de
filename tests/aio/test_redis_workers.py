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
from diator.errors import BrokerError
from tests.aio.conftest import sleep
from tests.servers.redis import RedisServer, running_redis

#: Seconds until something that should have happened makes a test fail.
PATIENCE = 20


@dataclass(frozen=True, kw_only=True)
class Counted(NotificationEvent):
    number: int


def worker_on(broker: RedisStreamsMessageBroker, **options: Any) -> Worker:
    events = EventMap()
    events.bind(Counted, lambda event: None)
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
        client.set("s:partitions", 3)
    host = server.url.removeprefix("unix://")
    await expect_refusal(server.url, "require_aof", require_aof=True)
    await expect_refusal(f"unix://few:hunter3@{host}", "does not accept this user and password")
    await expect_refusal(f"unix://few:hunter2@{host}", "has no right to this command")
    await expect_refusal(server.url, "has 3 partitions, not 2", partitions=2)
    assert "hunter" not in caplog.text
