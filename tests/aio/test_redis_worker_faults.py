"""A worker loses nothing while its server hangs, is full, forgets everything, or the network between them fails."""

import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

import pytest

from diator import EventMap, NotificationEvent, RequestMap
from diator.aio import Mediator, Worker
from diator.aio.message_brokers.redis import RedisStreamsMessageBroker
from diator.delivery import RetryPolicy
from diator.errors import BrokerError
from diator.message_brokers import to_message
from tests.aio.conftest import sleep, together
from tests.servers.proxy import running_proxy
from tests.servers.redis import RedisServer, running_redis
from tests.servers.seeds import SEEDS

TOTAL = 300 if os.environ.get("DIATOR_LONG") else 60
#: Seconds until something that should have happened makes a test fail.
PATIENCE = 60
VISIBILITY = 1.0


@dataclass(frozen=True, kw_only=True)
class Counted(NotificationEvent):
    number: int

    @property
    def partition_key(self) -> str | None:
        return str(self.number % 7) if self.number % 2 else None


class Site:
    """A worker at work, and those who send to it.

    Args:
        server: Where the messages are.
        url: How the worker reaches it.
        seed: Which handlers fail.

    Attributes:
        handled: How often each event was handled with success.
    """

    def __init__(self, server: RedisServer, url: str | None = None, seed: int = 0) -> None:
        self.server = server
        self.dice = random.Random(seed)
        self.handled: Counter[int] = Counter()
        options: dict[str, Any] = {"stream": "s", "group": "g", "timeout": 1, "retry_timeout": 20}
        self.sender = RedisStreamsMessageBroker(server.url, **options)
        self.broker = RedisStreamsMessageBroker(url or server.url, **options)
        events = EventMap()
        events.bind(Counted, self.handle)
        self.worker = Worker(
            Mediator(RequestMap(), event_map=events),
            self.broker,
            visibility_timeout=VISIBILITY,
            retry=RetryPolicy(first_delay=0.05, max_delay=0.2),
            max_deliveries=20,
        )

    async def handle(self, event: Counted) -> None:
        await sleep(0.002)
        if self.dice.random() < 0.05:
            raise KeyError
        self.handled[event.number] += 1

    async def send(self, first: int = 0, count: int = TOTAL) -> None:
        for number in range(first, first + count):
            await self.sender.send_message(to_message(Counted(number=number)))
            await sleep(0.01)

    async def until(self, condition: Callable[[], object]) -> None:
        end = monotonic() + PATIENCE
        while not condition():
            assert monotonic() < end, f"handled: {len(self.handled)}, ended: {self.worker.ended}"
            await sleep(0.02)

    def pending(self) -> int:
        with self.server.client() as client:
            pending: int = client.xpending("s", "g")["pending"]
            return pending

    async def work_through(self, fault: Callable[[], Awaitable[object]]) -> None:
        """Send and handle everything while something happens; nothing is lost, put aside or left."""
        async with self.worker:
            await together(self.send, fault)
            await self.until(lambda: len(self.handled) == TOTAL and not self.pending())
            assert not self.worker.ended
        assert await self.sender.dead_letters.list() == []
        await self.close()

    async def close(self) -> None:
        await self.sender.aclose()
        await self.broker.aclose()


async def repeat(times: int, pause: float, act: Callable[[], object]) -> None:
    for _ in range(times):
        await sleep(pause)
        act()


async def test_a_worker_outlives_a_server_that_hangs() -> None:
    with running_redis() as server:

        async def hang() -> None:
            await sleep(0.3)
            server.pause()
            await sleep(1.5)  # longer than a call may take, and than the visibility timeout
            server.resume()

        await Site(server).work_through(hang)


async def test_a_worker_outlives_the_death_of_its_connections() -> None:
    with running_redis() as server, server.client() as client:
        kill = partial(client.client_kill_filter, _type="normal", skipme=True)
        await Site(server).work_through(lambda: repeat(10, 0.07, kill))


async def test_a_worker_outlives_a_server_that_pauses_its_clients() -> None:
    with running_redis() as server, server.client() as client:
        await Site(server).work_through(lambda: repeat(2, 0.4, partial(client.client_pause, 600)))


async def test_a_worker_goes_on_after_a_server_has_forgotten_everything() -> None:
    with running_redis() as server, server.client() as client:
        site = Site(server)
        async with site.worker:
            await site.send(0, 20)
            await site.until(lambda: len(site.handled) >= 10)
            client.flushall()
            await site.send(20, 20)
            await site.until(lambda: set(range(20, 40)) <= set(site.handled) and not site.pending())
        await site.close()


async def test_a_worker_empties_a_server_that_is_full() -> None:
    with running_redis() as server, server.client() as client:
        site = Site(server)
        await site.sender.send_messages([to_message(Counted(number=number)) for number in range(TOTAL)])
        client.config_set("maxmemory", "1")
        with pytest.raises(BrokerError, match=r"\(OOM\)"):
            await site.send(TOTAL, 1)
        async with site.worker:
            await site.until(lambda: len(site.handled) == TOTAL and not site.pending())
            client.config_set("maxmemory", "0")
            await site.send(TOTAL, 1)
            await site.until(lambda: TOTAL in site.handled)
        await site.close()


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_worker_outlives_a_network_that_delays_cuts_and_loses_replies(seed: int) -> None:
    with running_redis() as server, running_proxy(server.port, seed) as proxy:
        proxy.delay, proxy.losses = 0.005, 0.02
        site = Site(server, f"redis://127.0.0.1:{proxy.port}", seed)
        await site.work_through(lambda: repeat(6, 0.15, proxy.cut))
        again = site.handled.total() - TOTAL
        assert again <= 10 * (proxy.lost + 6), f"{again} were handled again"
