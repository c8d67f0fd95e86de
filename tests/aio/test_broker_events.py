"""Notification and ECST events go to the message broker, in their place among the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from diator import Command, DomainEvent, ECSTEvent, Event, EventMap, Events, NotificationEvent, RequestMap
from diator.aio import EventEmitter, Mediator
from diator.errors import EventHandlingError, EventRouteDoesNotExist


@dataclass(frozen=True, kw_only=True)
class Emit(Command[str]):
    events: tuple[Event, ...]


@dataclass(frozen=True, kw_only=True)
class Local(DomainEvent):
    name: str


@dataclass(frozen=True, kw_only=True)
class Notified(NotificationEvent):
    name: str


@dataclass(frozen=True, kw_only=True)
class Transferred(ECSTEvent):
    name: str


class Broker:
    """Logs the messages, one by one."""

    def __init__(self, log: list[Any], failures: Sequence[str] = ()) -> None:
        self.log, self.failures, self.messages = log, failures, list[Any]()

    async def send_message(self, message: Any) -> None:
        self.messages.append(message)
        self.log.append(f"sent {message.payload['name']}")
        if message.payload["name"] in self.failures:
            raise ConnectionError(message.payload["name"])


class BatchBroker(Broker):
    """Logs the messages, batch by batch."""

    async def send_messages(self, messages: Sequence[Any]) -> None:
        names = [message.payload["name"] for message in messages]
        self.log.append(names)
        if set(names) & set(self.failures):
            raise ConnectionError(",".join(names))


@pytest.fixture
def log() -> list[Any]:
    return []


def handlers(log: list[Any]) -> EventMap:
    events = EventMap()

    @events.handler
    async def note(event: Local | Notified | Transferred, events: Events) -> None:
        log.append(f"handled {event.name}")
        if event.name == "cause":
            events.extend([Notified(name="caused"), Local(name="caused too")])
        if event.name == "fail":
            raise KeyError(event.name)

    return events


async def emit(command: Emit, events: Events) -> str:
    events.extend(command.events)
    return "response"


def mediator_of(event_map: EventMap | None, broker: Any, **options: Any) -> Mediator:
    requests = RequestMap()
    requests.bind(Emit, emit)
    return Mediator(requests, event_map=event_map, message_broker=broker, **options)


@pytest.mark.parametrize("kind", [Notified, Transferred])
async def test_with_a_broker_the_event_is_only_sent(log: list[Any], kind: type[Any]) -> None:
    broker = Broker(log)
    event = kind(name="a")
    assert await mediator_of(handlers(log), broker).send(Emit(events=(event,))) == "response"
    assert log == ["sent a"]
    (message,) = broker.messages
    assert message.message_id == event.event_id
    assert message.message_name == kind.__name__
    assert message.message_type == {Notified: "notification_event", Transferred: "ecst_event"}[kind]


@pytest.mark.parametrize("kind", [Notified, Transferred])
async def test_with_a_broker_no_handler_is_needed(log: list[Any], kind: type[Any]) -> None:
    await mediator_of(None, Broker(log)).send(Emit(events=(kind(name="a"),)))
    assert log == ["sent a"]


@pytest.mark.parametrize("kind", [Notified, Transferred])
async def test_without_a_broker_the_handlers_run_here(log: list[Any], kind: type[Any]) -> None:
    await mediator_of(handlers(log), None).send(Emit(events=(kind(name="a"),)))
    assert log == ["handled a"]


@pytest.mark.parametrize("kind", [Notified, Transferred])
async def test_without_broker_and_handler_the_event_is_refused(log: list[Any], kind: type[Any]) -> None:
    with pytest.raises(EventRouteDoesNotExist):
        await mediator_of(None, None).send(Emit(events=(Local(name="a"), kind(name="a"))))


async def test_a_domain_event_never_goes_to_the_broker(log: list[Any]) -> None:
    await mediator_of(handlers(log), Broker(log)).send(Emit(events=(Local(name="a"),)))
    assert log == ["handled a"]


MIXED = (
    Notified(name="1"),
    Transferred(name="2"),
    Local(name="3"),
    Notified(name="4"),
    Local(name="cause"),
    Local(name="6"),
    Transferred(name="7"),
    Notified(name="8"),
)


@pytest.mark.parametrize("concurrency", [1, 5])
async def test_events_keep_their_order_across_kinds(log: list[Any], concurrency: int) -> None:
    await mediator_of(handlers(log), Broker(log), concurrency=concurrency).send(Emit(events=MIXED))
    if concurrency > 1:
        log[4:6] = sorted(log[4:6], reverse=True)
    assert log == [
        *("sent 1", "sent 2", "handled 3", "sent 4", "handled cause", "handled 6", "sent 7", "sent 8"),
        *("sent caused", "handled caused too"),
    ]


@pytest.mark.parametrize("concurrency", [1, 5])
async def test_only_adjacent_messages_are_batched(log: list[Any], concurrency: int) -> None:
    await mediator_of(handlers(log), BatchBroker(log), concurrency=concurrency).send(Emit(events=MIXED))
    batches = [entry for entry in log if isinstance(entry, list)]
    assert batches == [["1", "2"], ["4"], ["7", "8"], ["caused"]]
    assert log.index("handled 3") < log.index(["4"]) < log.index("handled cause") < log.index(["7", "8"])


@pytest.mark.parametrize("concurrency", [1, 5])
@pytest.mark.parametrize("kind", [Broker, BatchBroker])
async def test_a_failing_broker_leaves_the_handlers_to_run(
    log: list[Any], kind: type[Broker], concurrency: int
) -> None:
    mediator = mediator_of(handlers(log), kind(log, failures=["1"]), concurrency=concurrency)
    with pytest.raises(EventHandlingError) as caught:
        await mediator.send(Emit(events=(Notified(name="1"), Local(name="2"), Notified(name="3"), Local(name="fail"))))
    assert caught.value.response == "response"
    assert [type(error) for error in caught.value.exceptions] == [ConnectionError, KeyError]
    assert "handled 2" in log
    assert log[-2] in ("sent 3", ["3"])


@pytest.mark.parametrize("concurrency", [1, 5])
async def test_a_failing_broker_stops_everything_if_fail_fast(log: list[Any], concurrency: int) -> None:
    mediator = mediator_of(
        handlers(log), Broker(log, failures=["1"]), fail_fast=True, concurrency=concurrency, max_cascade=1
    )
    with pytest.raises(EventHandlingError, match="1 error"):
        await mediator.send(Emit(events=(Notified(name="1"), Local(name="2"), Notified(name="3"))))
    assert log == ["sent 1"]


@pytest.mark.parametrize("concurrency", [1, 5])
async def test_a_failing_handler_keeps_later_messages_back_if_fail_fast(log: list[Any], concurrency: int) -> None:
    mediator = mediator_of(handlers(log), Broker(log), fail_fast=True, concurrency=concurrency)
    with pytest.raises(EventHandlingError, match="1 error"):
        await mediator.send(Emit(events=(Local(name="fail"), Notified(name="kept back"))))
    assert log == ["handled fail"]


async def test_publish_sends_to_the_broker(log: list[Any]) -> None:
    await mediator_of(handlers(log), Broker(log)).publish(Notified(name="a"))
    await EventEmitter(message_broker=Broker(log)).emit(Transferred(name="b"))
    assert log == ["sent a", "sent b"]


async def test_the_error_of_the_broker_reaches_who_publishes(log: list[Any]) -> None:
    with pytest.raises(EventHandlingError) as caught:
        await mediator_of(None, Broker(log, failures=["a"])).publish(Notified(name="a"))
    assert [type(error) for error in caught.value.exceptions] == [ConnectionError]


@pytest.mark.parametrize("kind", [Notified, Transferred, Local])
async def test_a_received_event_is_handled_and_never_sent_again(log: list[Any], kind: type[Any]) -> None:
    await mediator_of(handlers(log), Broker(log)).receive(kind(name="a"))
    assert log == ["handled a"]


async def test_what_a_received_event_causes_is_sent(log: list[Any]) -> None:
    await mediator_of(handlers(log), Broker(log)).receive(Notified(name="cause"))
    assert log == ["handled cause", "sent caused", "handled caused too"]


async def test_a_received_event_without_handler_is_an_error(log: list[Any]) -> None:
    with pytest.raises(EventRouteDoesNotExist, match="Notified has nowhere to go"):
        await mediator_of(None, Broker(log)).receive(Notified(name="a"))


async def test_handlers_bound_later_take_received_events(log: list[Any]) -> None:
    events = EventMap()
    mediator = mediator_of(events, Broker(log))
    with pytest.raises(EventRouteDoesNotExist):
        await mediator.receive(Notified(name="a"))
    events.bind(Notified, lambda event: log.append("late"))
    await mediator.receive(Notified(name="a"))
    assert log == ["late"]


async def test_a_message_holds_what_the_event_was_when_it_was_recorded(log: list[Any]) -> None:
    async def change(command: Emit, events: Events) -> str:
        event = Notified(name="recorded")
        events.append(event)
        object.__setattr__(event, "name", "changed")
        return "response"

    requests = RequestMap()
    requests.bind(Emit, change)
    await Mediator(requests, message_broker=Broker(log)).send(Emit(events=()))
    assert log == ["sent recorded"]
