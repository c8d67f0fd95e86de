"""A worker on Azure Service Bus: while connections are cut, with slow handlers, and when it ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

import pytest

from diator import EventMap, NotificationEvent, RequestMap
from diator.aio import Mediator, Worker
from diator.delivery import RetryPolicy
from diator.errors import DiatorError
from tests.aio.azure_parts import azure
from tests.aio.conftest import sleep, together

EVENTS, PUBLISHERS = 400, 4
#: Seconds for what takes 7 s on a machine that is not busy; with ten times more work than cores it took 65.
PATIENCE = 120
#: Seconds in which a worker that has nothing to do ends.
AT_ONCE = 3


@dataclass(frozen=True, kw_only=True)
class Counted(NotificationEvent):
    number: int

    @property
    def partition_key(self) -> str:
        return str(self.number % PUBLISHERS)


async def handle_while_connections_are_cut(
    count: int, seconds: float, handler: Any, is_done: Any, server: Any, broker: Any
) -> None:
    """Publish events within some seconds, and cut connections every 1.5 s, until all are done or it takes too long."""
    events = EventMap()
    events.bind(Counted, handler)
    mediator = Mediator(RequestMap(), event_map=events, message_broker=broker)
    worker = Worker(mediator, broker, concurrency=4, retry=RetryPolicy(first_delay=0.1), max_deliveries=50)
    until = monotonic() + PATIENCE

    async def publish_some(first: int) -> None:
        for number in range(first, count, PUBLISHERS):
            await persistently_publish(mediator, Counted(number=number))
            await sleep(PUBLISHERS * seconds / count)

    async def cut() -> None:
        while not worker.ended:
            await sleep(1.5)
            server.faults.drop_connections()

    async def watch() -> None:
        while monotonic() < until and not (is_done() and not server.messages("q")):
            await sleep(0.1)
        worker.stop()

    publishers = [partial(publish_some, first) for first in range(PUBLISHERS)]
    await together(worker.run, *publishers, cut, watch)


async def persistently_publish(mediator: Any, event: Counted) -> None:
    while True:
        try:
            await mediator.publish(event)
            break
        except* DiatorError:
            await sleep(0.1)


async def test_nothing_is_missing_though_connections_are_cut() -> None:
    """Every message is handled; the effects of one that is handled twice are told by its id, as an inbox does."""
    handled: list[int] = []
    effects: dict[Any, int] = {}

    async def count(event: Counted) -> None:
        await sleep(0.01)
        handled.append(event.number)
        effects.setdefault(event.event_id, event.number)
        if event.number == 0 and handled.count(0) == 1:
            raise ValueError("the first time")

    def is_done() -> bool:
        return len(set(handled)) == EVENTS

    async with azure(entity={"lock_duration": 3, "max_delivery_count": 100}) as (server, broker):
        await handle_while_connections_are_cut(EVENTS, 5, count, is_done, server, broker)
        assert server.messages("q") == []
        assert server.messages("q/$DeadLetterQueue") == []
    assert sorted(effects.values()) == list(range(EVENTS))
    assert handled.count(0) >= 2


async def test_keys_stay_in_order_though_connections_are_cut() -> None:
    handled: dict[str, list[int]] = {str(key): [] for key in range(PUBLISHERS)}

    async def note(event: Counted) -> None:
        await sleep(0.01)
        handled[event.partition_key].append(event.number)

    def is_done() -> bool:
        return sum(len(set(numbers)) for numbers in handled.values()) == 60

    entity = {"lock_duration": 3, "max_delivery_count": 100, "requires_session": True}
    async with azure(entity=entity, sessions=True) as (server, broker):
        await handle_while_connections_are_cut(60, 3, note, is_done, server, broker)
        assert server.messages("q") == []
    for key, numbers in handled.items():
        assert numbers == sorted(numbers)
        assert sorted(set(numbers)) == list(range(int(key), 60, PUBLISHERS))


@asynccontextmanager
async def working(handler: Any, **entity: Any) -> AsyncIterator[tuple[Any, Any, Any]]:
    events = EventMap()
    events.bind(Counted, handler)
    async with azure(entity=entity) as (server, broker):
        mediator = Mediator(RequestMap(), event_map=events, message_broker=broker)
        async with Worker(mediator, broker, concurrency=3, visibility_timeout=2) as worker:
            yield server, mediator, worker


async def test_a_handler_may_take_longer_than_the_lock() -> None:
    handled: list[int] = []

    async def work(event: Counted) -> None:
        await sleep(3.5)
        handled.append(event.number)

    async with working(work, lock_duration=2, max_delivery_count=2) as (server, mediator, _):
        await together(lambda: mediator.publish(Counted(number=1)), lambda: mediator.publish(Counted(number=2)))
        until = monotonic() + PATIENCE
        while server.messages("q") and monotonic() < until:
            await sleep(0.05)
        assert server.messages("q") == []
    assert sorted(handled) == [1, 2]


@pytest.mark.parametrize("reachable", [True, False])
async def test_a_worker_ends_at_once_when_it_has_nothing_to_do(reachable: bool) -> None:
    handled: list[int] = []

    async def work(event: Counted) -> None:
        handled.append(event.number)

    async with working(work) as (server, mediator, worker):
        await mediator.publish(Counted(number=1))
        until = monotonic() + PATIENCE
        while not handled and monotonic() < until:
            await sleep(0.02)
        if not reachable:
            server.faults.stop_listening()
        begin = monotonic()
        worker.stop()
        while not worker.ended:
            await sleep(0.01)
        assert monotonic() - begin < AT_ONCE
    assert handled == [1]


async def test_a_handler_that_runs_at_the_deadline_leaves_its_message_to_others() -> None:
    runs: list[int] = []

    async def work(event: Counted) -> None:
        runs.append(event.number)
        await sleep(2 if len(runs) == 1 else 0)

    events = EventMap()
    events.bind(Counted, work)
    async with azure() as (server, broker):
        mediator = Mediator(RequestMap(), event_map=events, message_broker=broker)
        await mediator.publish(Counted(number=1))
        until = monotonic() + PATIENCE
        async with Worker(mediator, broker, drain_timeout=0.1) as worker:
            while not runs and monotonic() < until:
                await sleep(0.02)
            worker.stop()
            while not worker.ended:
                await sleep(0.02)
        assert [message.delivery_count for message in server.messages("q")] == [1]
        async with Worker(mediator, broker):
            while server.messages("q") and monotonic() < until:
                await sleep(0.02)
        assert server.messages("q") == []
    assert runs == [1, 1]
