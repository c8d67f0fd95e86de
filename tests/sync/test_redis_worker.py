# Generated from tests/aio/test_redis_worker.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""A worker on Redis Streams goes on after whatever the server did to it."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import pytest

from diator import EventMap, NotificationEvent, RequestMap
from diator.message_brokers import to_message
from diator.sync import Mediator, Worker, link
from diator.sync.message_brokers import _redis_claims, _redis_client, _redis_reading
from diator.sync.message_brokers.redis import RedisStreamsMessageBroker
from tests.servers.redis import running_redis
from tests.sync.conftest import sleep, together

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
    def handle(event: Counted) -> None:
        handled.append(event.number)
        sleep(delay)

    return Worker(Mediator(RequestMap(), event_map=events), broker, **options)


def until_handled(handled: list[int], number: int) -> None:
    deadline = monotonic() + PATIENCE
    while number not in handled:
        assert monotonic() < deadline, f"only {handled} were handled"
        sleep(0.02)


@pytest.mark.parametrize("partitions", [1, 2])
def test_a_worker_goes_on_after_a_server_that_hung_for_as_long_as_a_call_may_take(source: Any, partitions: int) -> None:
    """Which calls get no answer, and which are on their way when the server goes on, depends on how long it hung."""

    def hang(start: float, seconds: float) -> None:
        handled: list[int] = []
        with running_redis() as server:
            options: Any = {"stream": "s", "group": "g", "timeout": TIMEOUT, "partitions": partitions}
            broker = RedisStreamsMessageBroker(source(server.url), **options)
            with worker(broker, handled, visibility_timeout=TIMEOUT * 6):
                broker.send_message(to_message(Counted(number=1)))
                until_handled(handled, 1)
                sleep(start)
                server.pause()
                sleep(seconds)
                server.resume()
                broker.send_message(to_message(Counted(number=2)))
                until_handled(handled, 2)
            broker.close()

    longest = TIMEOUT + _redis_client.BLOCK
    hangs = [(start, longest + offset) for start in (0.1, 0.4, 0.7) for offset in (-0.3, -0.1, 0, 0.1, 0.3)]
    together(*[lambda hang_=hang_: hang(*hang_) for hang_ in hangs])


@pytest.mark.parametrize("partitions", [1, 2])
def test_a_worker_goes_on_after_a_server_that_forgot_everything(source: Any, partitions: int) -> None:
    """It happens while a message runs alone, as it may have ended a process, and another one waits to run alone."""
    handled: list[int] = []
    with running_redis() as server, server.client() as client:
        options: Any = {"stream": "s", "group": "g", "timeout": TIMEOUT, "partitions": partitions}
        broker = RedisStreamsMessageBroker(source(server.url), **options)
        broker.send_messages([to_message(Counted(number=number, partition_key="k")) for number in (1, 2)])
        for _ in range(2):
            dying = broker.receiver(visibility_timeout=0.2)
            taken: list[Any] = []
            while len(taken) < 2:
                taken += dying.receive(2, PATIENCE)
            for delivery in taken:
                assert dying.begin(delivery)
            sleep(0.3)
        with worker(broker, handled, delay=1.0, visibility_timeout=0.6):
            until_handled(handled, 1)
            client.flushall()
            broker.send_message(to_message(Counted(number=3, partition_key="k")))
            until_handled(handled, 3)
        broker.close()
