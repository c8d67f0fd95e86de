"""The buffer records in order; made by hand it serves the tests of handlers, closed it refuses."""

import threading
from dataclasses import dataclass
from typing import Any

import pytest

from diator import Command, DomainEvent, Event, Events, NotificationEvent
from diator._core.events import CLOSED, Buffer, EventRoute, OwnEvents, RouteTable, failed
from diator.errors import EventRouteDoesNotExist, EventsClosed, EventsShared


@dataclass(frozen=True, kw_only=True)
class Join(Command[None]):
    secret: str = "canary"


@dataclass(frozen=True, kw_only=True)
class Joined(DomainEvent):
    number: int = 0


@dataclass(frozen=True, kw_only=True)
class Notified(NotificationEvent):
    pass


def test_a_buffer_made_by_hand_takes_any_event_in_order() -> None:
    events = Events()
    assert list(events) == []
    events.append(Joined(number=1))
    events.extend([Notified(), Joined(number=2)])
    events.extend(Joined(number=number) for number in (3, 4))
    assert list(events) == [Joined(number=1), Notified(), *(Joined(number=n) for n in (2, 3, 4))]
    assert len(events) == 5
    assert repr(events) == "<Events: 5 recorded, open>"


def test_handlers_can_be_tested_with_a_buffer_alone() -> None:
    def handle(command: Join, events: Events) -> None:
        events.append(Joined(number=7))

    events = Events()
    handle(Join(), events)
    assert list(events) == [Joined(number=7)]


@pytest.mark.parametrize("thing", [Join(), "event", None, Joined])
def test_only_events_are_recorded(thing: Any) -> None:
    events = Events()
    with pytest.raises(EventRouteDoesNotExist, match=r"is not an event: derive it from DomainEvent"):
        events.append(thing)
    assert len(events) == 0


def test_buffers_share_nothing() -> None:
    first, second = Events(), Events()
    first.append(Joined())
    assert len(second) == 0


def test_a_closed_buffer_refuses_and_keeps_what_it_has() -> None:
    events = Buffer()
    events.items = []
    events.routes = Events().routes
    events.append(Joined())
    events.routes = CLOSED
    with pytest.raises(EventsClosed, match=r"Joined was recorded after its dispatch had ended.*Record it before"):
        events.append(Joined())
    with pytest.raises(EventsClosed):
        events.extend([Joined()])
    events.extend([])
    assert list(events) == [Joined()]
    assert repr(events) == "<Events: 1 recorded, closed>"
    assert not CLOSED.known


def test_a_route_admits_what_is_queued() -> None:
    route = EventRoute(outgoing=True, admit=lambda event: ("message of", event))
    events = Events()
    events.routes = RouteTable(lambda event_type: route)
    events.append(Notified())
    assert list(events) == [("message of", Notified())]
    assert events.items[0][0] is route


def test_an_event_that_is_not_admitted_is_not_recorded() -> None:
    def refuse(event: Event) -> Event:
        raise ValueError("too large")

    events = Events()
    events.routes = RouteTable(lambda event_type: EventRoute(admit=refuse))
    with pytest.raises(ValueError, match="too large"):
        events.append(Joined())
    assert len(events) == 0


def test_a_route_is_made_once_and_a_failure_is_not_kept() -> None:
    made: list[type] = []

    def make(message_type: type) -> str:
        made.append(message_type)
        if len(made) == 1:
            raise KeyError("not yet")
        return "route"

    table = RouteTable(make)
    with pytest.raises(KeyError):
        table[Join]
    assert (table[Join], table[Join]) == ("route", "route")
    assert made == [Join, Join]


@pytest.mark.parametrize("reason", [None, OSError("the reason")])
def test_an_error_of_making_a_route_shows_its_reason_and_not_the_lookup_before(reason: OSError | None) -> None:
    def make(message_type: type) -> str:
        error = ValueError("no handler")
        error.__cause__ = reason
        error.__suppress_context__ = False
        raise error

    table = RouteTable(make)
    with pytest.raises(ValueError, match="no handler") as caught:
        try:
            table.known[Join]
        except KeyError:
            table[Join]
    assert caught.value.__cause__ is reason
    assert caught.value.__suppress_context__


def test_a_binding_made_while_a_route_is_compiled_is_not_lost() -> None:
    compiling, bound = threading.Event(), threading.Event()
    versions = [1]

    def make(message_type: type) -> int:
        version = versions[-1]
        if version == 1:
            compiling.set()
            bound.wait(5)
        return version

    def bind() -> None:
        compiling.wait(5)
        versions.append(2)
        bound.set()
        table.invalidate()

    table = RouteTable(make)
    binder = threading.Thread(target=bind)
    binder.start()
    assert table[Join] == 1
    binder.join()
    assert table[Join] == 2


@pytest.mark.parametrize(("count", "text"), [(1, "1 error after Join"), (2, "2 errors after Join")])
def test_the_error_counts_and_never_shows_the_message(count: int, text: str) -> None:
    error = failed(Join(), [KeyError()] * count, "response")
    assert text in str(error)
    assert "canary" not in str(error)
    assert error.response == "response"


# -- handlers with a list of their own


class Own:
    def __init__(self) -> None:
        self.events: Any = []


def test_only_what_was_added_meanwhile_counts() -> None:
    handler = Own()
    handler.events.append(Joined(number=0))
    with OwnEvents(handler) as own:
        assert handler.events == []
        handler.events.append(Joined(number=1))
        assert own.take() == [Joined(number=1)]
    assert handler.events == []


def test_a_list_that_cannot_be_emptied_is_read_from_where_it_was() -> None:
    handler = Own()
    handler.events = (Joined(number=0),)
    with OwnEvents(handler) as own:
        handler.events = (*handler.events, Joined(number=1))
        assert own.take() == [Joined(number=1)]


@pytest.mark.parametrize("events", ["text", 3, None, {"a": 1}])
def test_what_is_no_list_holds_no_events(events: Any) -> None:
    handler = Own()
    handler.events = events
    with OwnEvents(handler) as own:
        assert own.take() == []
    assert handler.events == events


def test_a_handler_without_events_has_none() -> None:
    with OwnEvents(object()) as own:
        assert own.take() == []


def test_one_handler_serves_one_dispatch_at_a_time() -> None:
    handler = Own()
    with OwnEvents(handler):
        with OwnEvents(Own()):
            pass
        with pytest.raises(EventsShared, match="Own keeps its events in a list of its own"), OwnEvents(handler):
            pass
    with OwnEvents(handler), pytest.raises(EventsShared):
        OwnEvents(handler).__enter__()
    with OwnEvents(handler):
        pass


def test_a_handler_whose_events_cannot_be_read_can_be_used_again() -> None:
    class Moody:
        broken = True

        @property
        def events(self) -> list[Any]:
            if self.broken:
                raise ConnectionError
            return []

    handler = Moody()
    with pytest.raises(ConnectionError), OwnEvents(handler):
        pass
    handler.broken = False
    with OwnEvents(handler):
        pass
