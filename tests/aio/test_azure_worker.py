"""A worker on Azure Service Bus, while connections are cut."""

from dataclasses import dataclass
from typing import Any

from diator import EventMap, NotificationEvent, RequestMap
from diator.aio import Mediator, Worker
from diator.delivery import RetryPolicy
from diator.errors import DiatorError
from tests.aio.azure_parts import azure
from tests.aio.conftest import sleep, together

EVENTS = 100


@dataclass(frozen=True, kw_only=True)
class Counted(NotificationEvent):
    number: int


async def test_nothing_is_missing_though_connections_are_cut() -> None:
    """Every message is handled; the effects of one that is handled twice are told by its id, as an inbox does."""
    handled: list[int] = []
    effects: dict[Any, int] = {}
    events = EventMap()
    busy = True

    @events.handler
    async def count(event: Counted) -> None:
        await sleep(0.01)
        handled.append(event.number)
        effects.setdefault(event.event_id, event.number)
        if event.number == 0 and handled.count(0) == 1:
            raise ValueError("the first time")

    async def publish() -> None:
        for number in range(EVENTS):
            event = Counted(number=number)
            while True:
                try:
                    await sending.publish(event)
                    break
                except* DiatorError:
                    await sleep(0.1)
            await sleep(0.03)

    async def cut() -> None:
        while busy:
            await sleep(1.5)
            server.faults.drop_connections()

    async def watch() -> None:
        nonlocal busy
        while len(set(effects.values())) < EVENTS or server.messages("q"):
            await sleep(0.1)
        busy = False
        worker.stop()

    async with azure(entity={"lock_duration": 2, "max_delivery_count": 100}) as (server, broker):
        sending = Mediator(RequestMap(), event_map=events, message_broker=broker)
        worker = Worker(sending, broker, concurrency=4, retry=RetryPolicy(first_delay=0.1), max_deliveries=50)
        await together(worker.run, publish, cut, watch)
        assert server.messages("q/$DeadLetterQueue") == []
    assert sorted(effects.values()) == list(range(EVENTS))
    assert handled.count(0) >= 2
