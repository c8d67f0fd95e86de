"""`Mediator.check` reports at once whatever would fail later."""

from dataclasses import dataclass
from typing import Any

import pytest

from diator import Command, DomainEvent, EventMap, NotificationEvent, RequestMap
from diator.aio import EventEmitter, Mediator
from diator.errors import ConfigurationError, EventRouteDoesNotExist, HandlerBuildError


@dataclass(frozen=True, kw_only=True)
class First(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Second(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Happened(DomainEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class Notified(NotificationEvent):
    pass


class NeedsMailer:
    def __init__(self, mailer: Any) -> None: ...

    async def handle(self, request: Any) -> None: ...


class Simple:
    async def handle(self, request: Any) -> None: ...


class Container:
    async def resolve(self, type_: Any) -> Any:
        raise AssertionError("checking builds nothing")


class Broker:
    async def send_message(self, message: Any) -> None:
        raise AssertionError("checking sends nothing")


def maps() -> tuple[RequestMap, EventMap]:
    requests, events = RequestMap(), EventMap()
    requests.bind(First, NeedsMailer)
    requests.bind(Second, NeedsMailer)
    events.bind(Happened, NeedsMailer)
    events.declare(Notified)
    return requests, events


async def test_everything_is_reported_at_once() -> None:
    requests, events = maps()
    with pytest.raises(ConfigurationError, match="the mediator cannot work as it is configured") as caught:
        Mediator(requests, event_map=events).check()
    problems = caught.value.exceptions
    assert [type(problem) for problem in problems] == [HandlerBuildError] * 3 + [EventRouteDoesNotExist]
    assert "Notified has nowhere to go: bind a handler to it, or pass a message broker" in str(problems[3])


async def test_the_handlers_of_events_that_go_to_a_broker_are_checked_too() -> None:
    events = EventMap()
    events.bind(Notified, NeedsMailer)
    with pytest.raises(ConfigurationError) as caught:
        Mediator(RequestMap(), event_map=events, message_broker=Broker()).check()
    assert [type(problem) for problem in caught.value.exceptions] == [HandlerBuildError]


async def test_a_declared_event_without_handler_is_reported_if_strict() -> None:
    events = EventMap()
    events.declare(Happened)
    Mediator(RequestMap(), event_map=events).check()
    with pytest.raises(ConfigurationError):
        Mediator(RequestMap(), event_map=events, strict_events=True).check()


async def test_a_container_and_a_broker_are_the_remedies_and_nothing_is_built() -> None:
    requests, events = maps()
    mediator = Mediator(requests, Container(), event_map=events, message_broker=Broker())
    mediator.check()
    async with mediator:
        pass


async def test_entering_the_mediator_checks() -> None:
    requests, events = maps()
    entered = False
    with pytest.raises(ConfigurationError):
        async with Mediator(requests, event_map=events):
            entered = True
    assert not entered


async def test_what_was_checked_is_checked_again_after_a_binding() -> None:
    requests, events = RequestMap(), EventMap()
    mediator = Mediator(requests, event_map=events)
    mediator.check()
    requests.bind(First, Simple)
    events.bind(Happened, Simple)
    mediator.check()
    requests.bind(Second, NeedsMailer)
    with pytest.raises(ConfigurationError) as caught:
        mediator.check()
    assert len(caught.value.exceptions) == 1


async def test_a_dispatcher_of_ones_own_leaves_only_the_events_to_check() -> None:
    class OwnDispatcher:
        def __init__(self, **options: Any) -> None: ...

        async def dispatch(self, request: Any) -> Any: ...

    requests, events = maps()
    with pytest.raises(ConfigurationError) as caught:
        Mediator(requests, event_map=events, dispatcher_type=OwnDispatcher).check()
    assert len(caught.value.exceptions) == 2


async def test_an_emitter_lists_its_problems_by_itself() -> None:
    _, events = maps()
    assert [type(problem) for problem in EventEmitter(events).check()] == [HandlerBuildError, EventRouteDoesNotExist]
    assert EventEmitter(events, Container(), Broker()).check() == []
