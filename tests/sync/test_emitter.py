# Generated from tests/aio/test_emitter.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The emitter alone, within a mediator, and what may stand in its place; likewise the dispatcher."""

from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Any

import pytest

from diator import Command, DomainEvent, Event, EventMap, Events, MiddlewareChain, NotificationEvent, RequestMap
from diator.errors import EventHandlingError, EventRouteDoesNotExist, EventsClosed, RequestHandlerDoesNotExist
from diator.sync import DefaultDispatcher, DispatchResult, EventEmitter, Mediator


@dataclass(frozen=True, kw_only=True)
class Join(Command[str]):
    names: tuple[str, ...] = ("ann", "bob")


@dataclass(frozen=True, kw_only=True)
class Joined(DomainEvent):
    name: str


@dataclass(frozen=True, kw_only=True)
class Notified(NotificationEvent):
    name: str


def join(command: Join, events: Events) -> str:
    events.extend(Joined(name=name) for name in command.names)
    return "response"


def request_map(handler: Any = join) -> RequestMap:
    requests = RequestMap()
    requests.bind(Join, handler)
    return requests


@pytest.fixture
def seen() -> list[Any]:
    return []


@pytest.fixture
def events(seen: list[Any]) -> EventMap:
    events = EventMap()

    @events.handler
    def note(event: Joined, events: Events) -> None:
        seen.append(event.name)
        if not event.name.endswith("!"):
            events.append(Joined(name=event.name + "!"))

    return events


def test_an_emitter_works_alone(events: EventMap, seen: list[Any]) -> None:
    emitter = EventEmitter(events)
    emitter.emit(Joined(name="ann"))
    assert seen == ["ann", "ann!"]
    events.bind(DomainEvent, lambda event: seen.append("later"))
    emitter.emit(Joined(name="bob!"))
    assert seen[2:] == ["bob!", "later"]


def test_an_emitter_without_anything_takes_domain_events_only() -> None:
    EventEmitter().emit(Joined(name="ann"))
    with pytest.raises(EventRouteDoesNotExist):
        EventEmitter().emit(Notified(name="ann"))


def test_an_emitter_within_a_mediator(events: EventMap, seen: list[Any]) -> None:
    emitter = EventEmitter(events, fail_fast=True, max_cascade=2)
    mediator = Mediator(request_map(), event_emitter=emitter)
    assert mediator.send(Join()) == "response"
    assert seen == ["ann", "bob", "ann!", "bob!"]
    mediator.publish(Joined(name="pub!"))
    mediator.receive(Joined(name="rec!"))
    events.bind(Joined, lambda event: seen.append("later"))
    mediator.send(Join(names=("eve!",)))
    assert seen[4:] == ["pub!", "rec!", "eve!", "later"]


def test_the_options_of_an_emitter_hold_within_a_mediator(seen: list[Any]) -> None:
    class Strict(EventEmitter):
        """A subclass that changes nothing about emitting."""

    mediator = Mediator(request_map(), event_emitter=Strict(strict_events=True))
    with pytest.raises(EventRouteDoesNotExist):
        mediator.send(Join())


def test_somebodys_own_emitter_gets_the_events_one_by_one(seen: list[Any]) -> None:
    class OwnEmitter:
        def emit(self, event: Event) -> None:
            seen.append(event)

    mediator = Mediator(request_map(), event_emitter=OwnEmitter())  # type: ignore[arg-type]
    assert mediator.send(Join()) == "response"
    mediator.publish(Notified(name="eve"))
    assert seen == [Joined(name="ann"), Joined(name="bob"), Notified(name="eve")]


def test_an_own_emitter_may_be_annotated_with_one_kind_of_event(seen: list[Any]) -> None:
    class OwnEmitter:
        def emit(self, event: DomainEvent) -> None:
            seen.append(event)

    mediator = Mediator(request_map(), event_emitter=OwnEmitter())  # type: ignore[arg-type]
    mediator.send(Join())
    assert seen == [Joined(name="ann"), Joined(name="bob")]


def test_an_own_emitter_may_dispatch_on_the_type_of_the_event(seen: list[Any]) -> None:
    class OwnEmitter:
        @singledispatchmethod
        def emit(self, event: Event) -> None:
            seen.append("other")

        @emit.register
        def _(self, event: DomainEvent) -> None:
            seen.append("domain event")

    mediator = Mediator(request_map(), event_emitter=OwnEmitter())  # type: ignore[arg-type]
    mediator.send(Join())
    assert seen == ["domain event", "domain event"]


def test_the_errors_of_an_own_emitter_come_after_the_commit(seen: list[Any]) -> None:
    class OwnEmitter:
        def emit(self, event: Any) -> None:
            seen.append(event.name)
            raise KeyError(event.name)

    mediator = Mediator(request_map(), event_emitter=OwnEmitter())  # type: ignore[arg-type]
    with pytest.raises(EventHandlingError) as caught:
        mediator.send(Join())
    assert caught.value.response == "response"
    assert len(caught.value.exceptions) == 2
    assert seen == ["ann", "bob"]


def test_a_subclass_may_replace_emit(events: EventMap, seen: list[Any]) -> None:
    class Noting(EventEmitter):
        def emit(self, event: Event) -> None:
            seen.append("emit")
            super().emit(event)

    Mediator(request_map(), event_emitter=Noting(events)).send(Join(names=("ann!", "bob!")))
    assert seen == ["emit", "ann!", "emit", "bob!"]


# -- the dispatcher


def test_a_dispatcher_alone_returns_the_response_and_the_events(seen: list[Any]) -> None:
    chain = MiddlewareChain()

    def middleware(request: Any) -> Any:
        seen.append("middleware")
        return (yield request)

    chain.add(middleware)
    result = DefaultDispatcher(request_map(), None, chain).dispatch(Join())
    assert result == DispatchResult(response="response", events=[Joined(name="ann"), Joined(name="bob")])
    assert seen == ["middleware"]


def test_a_dispatcher_alone_needs_a_handler_and_follows_bindings() -> None:
    requests = RequestMap()
    dispatcher = DefaultDispatcher(requests)
    with pytest.raises(RequestHandlerDoesNotExist):
        dispatcher.dispatch(Join())
    requests.bind(Join, lambda command: "plain")
    assert dispatcher.dispatch(Join()) == DispatchResult(response="plain", events=[])


def test_a_dispatcher_alone_closes_the_buffer_also_when_the_handler_raises() -> None:
    kept: list[Events] = []

    def fail(command: Join, events: Events) -> str:
        kept.append(events)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        DefaultDispatcher(request_map(fail)).dispatch(Join())
    with pytest.raises(EventsClosed):
        kept[0].append(Joined(name="late"))


def test_a_dispatcher_of_ones_own_gets_three_keywords_and_its_events_are_emitted(
    events: EventMap, seen: list[Any]
) -> None:
    given: dict[str, Any] = {}

    class OwnDispatcher:
        def __init__(self, **options: Any) -> None:
            given.update(options)

        def dispatch(self, request: Any) -> DispatchResult:
            return DispatchResult(response="own", events=[Joined(name=name) for name in request.names])

    requests, chain = request_map(), MiddlewareChain()
    mediator = Mediator(
        requests, middleware_chain=chain, event_map=events, dispatcher_type=OwnDispatcher, sync="thread"
    )
    assert given == {"request_map": requests, "container": None, "middleware_chain": chain}
    assert mediator.send(Join()) == "own"
    assert seen == ["ann", "bob", "ann!", "bob!"]


def test_an_event_without_a_route_from_an_own_dispatcher_is_too_late_to_refuse(
    events: EventMap, seen: list[Any]
) -> None:
    class OwnDispatcher(DefaultDispatcher):
        def dispatch(self, request: Any) -> DispatchResult:
            result = super().dispatch(request)
            result.events.insert(1, Notified(name="lost"))
            return result

    mediator = Mediator(request_map(), event_map=events, dispatcher_type=OwnDispatcher)
    with pytest.raises(EventHandlingError) as caught:
        mediator.send(Join(names=("ann!", "bob!")))
    assert caught.value.response == "response"
    assert [type(error) for error in caught.value.exceptions] == [EventRouteDoesNotExist]
    assert seen == ["ann!", "bob!"]
