"""A worker on Redis Streams goes on after whatever the server did to it."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import pytest

from diator import EventMap, NotificationEvent, RequestMap
from diator.aio import Mediator, Worker, link
from diator.aio.message_brokers import _redis_claims, _redis_client, _redis_reading
from diator.aio.message_brokers.redis import RedisStreamsMessageBroker
from diator.message_brokers import to_message
from tests.aio.conftest import sleep, together
from tests.servers.redis import running_redis

#: Seconds until something that should have happened makes a test fail.
PATIENCE = 20
#: Seconds that a call may take: everything here is five times as fast as by default.
TIMEOUT = 1.0


@dataclass(frozen=True, kw_only=True)
class Counted(NotificationEvent):
    number: int
    partition_key: str | None = None


@pytest.fixture(autouse=True)
def faster(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((_redis_client, "BLOCK"), (_redis_reading, "BLOCK"), (link, "POLL")):
        monkeypatch.setattr(module, name, getattr(module, name) / 5)
    monkeypatch.setattr(_redis_claims, "_INTERVAL", 0.2)


@pytest.fixture
def source() -> Callable[[str], Any]:
    """Makes what a broker is given to reach a server; the same tests also run with another one."""
    return str


def worker(broker: Any, handled: list[int], delay: float = 0.0, **options: Any) -> Worker:
    events = EventMap()

    @events.handler
    async def handle(event: Counted) -> None:
        handled.append(event.number)
        await sleep(delay)

    return Worker(Mediator(RequestMap(), event_map=events), broker, **options)


async def until_handled(handled: list[int], number: int) -> None:
    deadline = monotonic() + PATIENCE
    while number not in handled:
        assert monotonic() < deadline, f"only {handled} were handled"
        await sleep(0.02)


@pytest.mark.parametrize("partitions", [1, 2])
async def test_a_worker_goes_on_after_a_server_that_hung_for_as_long_as_a_call_may_take(
    source: Any, partitions: int
) -> None:
    """Which calls get no answer, and which are on their way when the server goes on, depends on how long it hung."""

    async def hang(start: float, seconds: float) -> None:
        handled: list[int] = []
        with running_redis() as server:
            options: Any = {"stream": "s", "group": "g", "timeout": TIMEOUT, "partitions": partitions}
            broker = RedisStreamsMessageBroker(source(server.url), **options)
            async with worker(broker, handled, visibility_timeout=TIMEOUT * 6):
                await broker.send_message(to_message(Counted(number=1)))
                await until_handled(handled, 1)
                await sleep(start)
                server.pause()
                await sleep(seconds)
                server.resume()
                await broker.send_message(to_message(Counted(number=2)))
                await until_handled(handled, 2)
            await broker.aclose()

    longest = TIMEOUT + _redis_client.BLOCK
    hangs = [(start, longest + offset) for start in (0.1, 0.4, 0.7) for offset in (-0.3, -0.1, 0, 0.1, 0.3)]
    await together(*[lambda hang_=hang_: hang(*hang_) for hang_ in hangs])


@pytest.mark.parametrize("partitions", [1, 2])
async def test_a_worker_goes_on_after_a_server_that_forgot_everything(source: Any, partitions: int) -> None:
    """It happens while a message runs alone, as it may have ended a process, and another one waits to run alone."""
    handled: list[int] = []
    with running_redis() as server, server.client() as client:
        options: Any = {"stream": "s", "group": "g", "timeout": TIMEOUT, "partitions": partitions}
        broker = RedisStreamsMessageBroker(source(server.url), **options)
        await broker.send_messages([to_message(Counted(number=number, partition_key="k")) for number in (1, 2)])
        for _ in range(2):
            dying = broker.receiver(visibility_timeout=0.2)
            taken: list[Any] = []
            while len(taken) < 2:
                taken += await dying.receive(2, PATIENCE)
            for delivery in taken:
                assert await dying.begin(delivery)
            await sleep(0.3)
        async with worker(broker, handled, delay=1.0, visibility_timeout=0.6):
            await until_handled(handled, 1)
            client.flushall()
            await broker.send_message(to_message(Counted(number=3, partition_key="k")))
            await until_handled(handled, 3)
        await broker.aclose()
