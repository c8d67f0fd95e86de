# Generated from tests/aio/test_azure_worker.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""A worker on Azure Service Bus, while connections are cut."""

from dataclasses import dataclass
from typing import Any

from diator import EventMap, NotificationEvent, RequestMap
from diator.delivery import RetryPolicy
from diator.errors import DiatorError
from diator.sync import Mediator, Worker
from tests.sync.azure_parts import azure
from tests.sync.conftest import sleep, together

EVENTS = 100


@dataclass(frozen=True, kw_only=True)
class Counted(NotificationEvent):
    number: int


def test_nothing_is_missing_though_connections_are_cut() -> None:
    """Every message is handled; the effects of one that is handled twice are told by its id, as an inbox does."""
    handled: list[int] = []
    effects: dict[Any, int] = {}
    events = EventMap()
    busy = True

    @events.handler
    def count(event: Counted) -> None:
        sleep(0.01)
        handled.append(event.number)
        effects.setdefault(event.event_id, event.number)
        if event.number == 0 and handled.count(0) == 1:
            raise ValueError("the first time")

    def publish() -> None:
        for number in range(EVENTS):
            event = Counted(number=number)
            while True:
                try:
                    sending.publish(event)
                    break
                except* DiatorError:
                    sleep(0.1)
            sleep(0.03)

    def cut() -> None:
        while busy:
            sleep(1.5)
            server.faults.drop_connections()

    def watch() -> None:
        nonlocal busy
        while len(set(effects.values())) < EVENTS or server.messages("q"):
            sleep(0.1)
        busy = False
        worker.stop()

    with azure(entity={"lock_duration": 2, "max_delivery_count": 100}) as (server, broker):
        sending = Mediator(RequestMap(), event_map=events, message_broker=broker)
        worker = Worker(sending, broker, concurrency=4, retry=RetryPolicy(first_delay=0.1), max_deliveries=50)
        together(worker.run, publish, cut, watch)
        assert server.messages("q/$DeadLetterQueue") == []
    assert sorted(effects.values()) == list(range(EVENTS))
    assert handled.count(0) >= 2
