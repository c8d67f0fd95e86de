# Generated from tests/aio/test_regressions.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What diator 0.1.2 got wrong stays right, with handlers written as it wanted them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from diator.errors import EventRouteDoesNotExist, HandlerAlreadyBound, HandlerBuildError, InvalidHandler
from diator.events import DomainEvent, ECSTEvent, Event, EventHandler, EventMap, NotificationEvent
from diator.requests import Request, RequestHandler, RequestMap
from diator.response import Response
from diator.sync import EventEmitter, Mediator


@dataclass(frozen=True, kw_only=True)
class JoinMeetingCommand(Request):
    meeting_id: int = field()
    fails: bool = field(default=False)


@dataclass(frozen=True, kw_only=True)
class ReadMeetingQuery(Request):
    meeting_id: int = field()


@dataclass(frozen=True, kw_only=True)
class ReadMeetingQueryResult(Response):
    meeting_id: int = field()
    link: str = field()


@dataclass(frozen=True, kw_only=True)
class UserJoined(DomainEvent):
    user_id: int = field()


@dataclass(frozen=True, kw_only=True)
class UserNotified(NotificationEvent):
    user_id: int = field(default=1)


@dataclass(frozen=True, kw_only=True)
class UserChanged(ECSTEvent):
    user_id: int = field(default=1)


@dataclass(frozen=True, kw_only=True)
class Plain(Event):
    pass


class MeetingAPI:
    def __init__(self) -> None:
        self.joined: list[int] = []

    def join(self, meeting_id: int) -> None:
        self.joined.append(meeting_id)


class JoinMeetingCommandHandler(RequestHandler[JoinMeetingCommand, None]):
    def __init__(self, meeting_api: MeetingAPI) -> None:
        self._meeting_api = meeting_api
        self._events: list[Event] = []

    @property
    def events(self) -> list[Event]:
        return self._events

    def handle(self, request: JoinMeetingCommand) -> None:
        self._meeting_api.join(request.meeting_id)
        self._events.extend(UserJoined(user_id=user_id) for user_id in (1, 2, 3))
        if request.fails:
            raise ConnectionError


class ReadMeetingQueryHandler(RequestHandler[ReadMeetingQuery, ReadMeetingQueryResult]):
    def __init__(self, meeting_api: MeetingAPI) -> None:
        self._meeting_api = meeting_api
        self.events: list[Event] = []

    def handle(self, request: ReadMeetingQuery) -> ReadMeetingQueryResult:
        return ReadMeetingQueryResult(meeting_id=request.meeting_id, link="link")


class Container:
    """Builds everything with one meeting API, and singletons of the classes it is told."""

    def __init__(self, *singletons: type) -> None:
        self.api = MeetingAPI()
        self.objects = {type_: type_(self.api) for type_ in singletons}

    def resolve(self, type_: Any) -> Any:
        return self.objects[type_] if type_ in self.objects else type_(self.api)


@pytest.fixture
def seen() -> list[int]:
    return []


@pytest.fixture
def events(seen: list[int]) -> EventMap:
    class UserJoinedHandler(EventHandler[UserJoined]):
        def __init__(self, meeting_api: MeetingAPI) -> None:
            self._meeting_api = meeting_api

        def handle(self, event: UserJoined) -> None:
            seen.append(event.user_id)

    events = EventMap()
    events.bind(UserJoined, UserJoinedHandler)
    return events


def mediator_of(events: EventMap, container: Any) -> Mediator:
    requests = RequestMap()
    requests.bind(JoinMeetingCommand, JoinMeetingCommandHandler)
    requests.bind(ReadMeetingQuery, ReadMeetingQueryHandler)
    return Mediator(requests, container, EventEmitter(events, container))


def test_an_application_of_old_works(events: EventMap) -> None:
    container = Container()
    mediator = mediator_of(events, container)
    assert mediator.send(JoinMeetingCommand(meeting_id=7)) is None
    result = mediator.send(ReadMeetingQuery(meeting_id=7))
    assert result == ReadMeetingQueryResult(meeting_id=7, link="link")
    assert container.api.joined == [7]


def test_events_do_not_come_out_last_first(events: EventMap, seen: list[int]) -> None:
    mediator_of(events, Container()).send(JoinMeetingCommand(meeting_id=1))
    assert seen == [1, 2, 3]


def test_a_singleton_handler_does_not_emit_old_events_again(events: EventMap, seen: list[int]) -> None:
    mediator = mediator_of(events, Container(JoinMeetingCommandHandler))
    mediator.send(JoinMeetingCommand(meeting_id=1))
    mediator.send(JoinMeetingCommand(meeting_id=1))
    assert seen == [1, 2, 3, 1, 2, 3]


def test_the_events_of_a_failed_command_do_not_go_out_with_the_next_one(events: EventMap, seen: list[int]) -> None:
    mediator = mediator_of(events, Container(JoinMeetingCommandHandler))
    with pytest.raises(ConnectionError):
        mediator.send(JoinMeetingCommand(meeting_id=1, fails=True))
    assert seen == []
    mediator.send(JoinMeetingCommand(meeting_id=1))
    assert seen == [1, 2, 3]


def test_the_scope_stays_open_while_the_handler_runs(events: EventMap) -> None:
    log: list[str] = []

    class Scoped(Container):
        @contextmanager
        def scope(self) -> Iterator[Any]:
            log.append("open")
            yield self
            log.append("close")

    class Handler(RequestHandler[JoinMeetingCommand, None]):
        def __init__(self, api: MeetingAPI) -> None: ...

        def handle(self, request: JoinMeetingCommand) -> None:
            log.append("handle")

    requests = RequestMap()
    requests.bind(JoinMeetingCommand, Handler)
    Mediator(requests, Scoped()).send(JoinMeetingCommand(meeting_id=1))
    assert log == ["open", "handle", "close"]


def test_binding_twice_does_not_replace_silently() -> None:
    requests = RequestMap()
    requests.bind(JoinMeetingCommand, JoinMeetingCommandHandler)
    with pytest.raises(HandlerAlreadyBound):
        requests.bind(JoinMeetingCommand, JoinMeetingCommandHandler)


@pytest.mark.parametrize("event", [Plain(), UserNotified(), UserChanged()])
def test_an_event_that_goes_nowhere_does_not_vanish(event: Event) -> None:
    class Handler(RequestHandler[JoinMeetingCommand, None]):
        def __init__(self) -> None:
            self.events: list[Event] = []

        def handle(self, request: JoinMeetingCommand) -> None:
            self.events.append(event)

    requests = RequestMap()
    requests.bind(JoinMeetingCommand, Handler)
    with pytest.raises(EventRouteDoesNotExist):  # with and without an emitter
        Mediator(requests).send(JoinMeetingCommand(meeting_id=1))
    with pytest.raises(EventRouteDoesNotExist):
        Mediator(requests, None, EventEmitter(EventMap())).send(JoinMeetingCommand(meeting_id=1))


def test_a_recorded_plain_event_reaches_its_handler() -> None:
    events, seen = EventMap(), []
    events.bind(Plain, lambda event: seen.append(event))
    EventEmitter(events).emit(Plain())
    assert seen == [Plain()]


@pytest.mark.parametrize("event", [Plain(), UserNotified(), UserChanged(), UserJoined(user_id=1)])
def test_timestamps_are_not_naive(event: Event) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # datetime.utcnow is deprecated
        assert event.event_timestamp.utcoffset() == timedelta(0)


def test_the_message_carries_the_id_of_the_event() -> None:
    messages: list[Any] = []

    class Broker:
        def send_message(self, message: Any) -> None:
            messages.append(message)

    event = UserNotified()
    EventEmitter(EventMap(), Container(), Broker()).emit(event)
    assert [message.message_id for message in messages] == [event.event_id]


def test_a_parameter_without_annotation_is_not_found_out_by_the_first_send() -> None:
    class Unannotated(RequestHandler[JoinMeetingCommand, None]):
        def __init__(self, meeting_api) -> None:  # type: ignore[no-untyped-def]
            self._meeting_api = meeting_api

        def handle(self, request: JoinMeetingCommand) -> None: ...

    requests = RequestMap()
    requests.bind(JoinMeetingCommand, Unannotated)
    with pytest.raises(HandlerBuildError, match="meeting_api"):
        Mediator(requests).send(JoinMeetingCommand(meeting_id=1))


def test_a_handler_of_another_request_cannot_be_bound() -> None:
    with pytest.raises(InvalidHandler):
        RequestMap().bind(ReadMeetingQuery, JoinMeetingCommandHandler)


def test_the_documented_imports_work() -> None:
    from diator.middlewares import LoggingMiddleware
    from diator.requests import EventMap as DocumentedEventMap

    assert DocumentedEventMap is EventMap
    assert callable(LoggingMiddleware)
