"""Binding handlers to messages."""

from functools import partial
from typing import Any, assert_type

from handlers import Async, Bare, Blocking, BlockingRecording, OnAnything, OnJoined, OwnEvents, OwnEventsAttribute
from handlers import Recording as RecordingHandler
from handlers import WrongRequest as TakesOther
from meetings import (
    FindMeeting,
    JoinMeeting,
    LeaveMeeting,
    MeetingChanged,
    Meetings,
    MeetingView,
    ReadMeeting,
    UserJoined,
)

from diator import Command, DomainEvent, Event, EventMap, Events, Request, RequestMap

requests = RequestMap()

# Classes and objects
requests.bind(JoinMeeting, Async)
requests.bind(JoinMeeting, Blocking, sync="thread")
requests.bind(JoinMeeting, RecordingHandler)
requests.bind(JoinMeeting, OwnEvents)
requests.bind(JoinMeeting, Async())
requests.bind(ReadMeeting, BlockingRecording)
requests.bind(ReadMeeting, BlockingRecording(Meetings()), sync="inline")
requests.bind(ReadMeeting, Bare)
requests.bind(LeaveMeeting, OwnEventsAttribute)
requests.bind(JoinMeeting, BlockingRecording)  # error: mypy, pyright
requests.bind(JoinMeeting, BlockingRecording(Meetings()))  # error: mypy, pyright
requests.bind(ReadMeeting, Async)  # error: mypy, pyright
requests.bind(FindMeeting, BlockingRecording)  # error: mypy, pyright
requests.bind(ReadMeeting, OnJoined)  # error: mypy, pyright
requests.bind(JoinMeeting, Blocking, sync="process")  # error: mypy, pyright
requests.bind(UserJoined, OnJoined)  # error: mypy, pyright


# Handlers without our base class
class Structural:
    def __init__(self, meetings: Meetings) -> None: ...

    async def handle(self, query: ReadMeeting, events: Events) -> MeetingView:
        return MeetingView(title="")


class Subclass(MeetingView):
    pass


class NarrowerResult:
    def handle(self, query: ReadMeeting) -> Subclass:
        return Subclass(title="")


class WiderRequest:
    async def handle(self, command: Command[Any]) -> None: ...


class WrongResult:
    async def handle(self, query: ReadMeeting) -> MeetingView | None: ...


class NoHandle:
    pass


requests.bind(ReadMeeting, Structural)
requests.bind(ReadMeeting, Structural(Meetings()))
requests.bind(ReadMeeting, NarrowerResult)
requests.bind(JoinMeeting, WiderRequest())
requests.bind(JoinMeeting, Structural)  # error: mypy, pyright
requests.bind(ReadMeeting, WrongResult)  # error: mypy, pyright
requests.bind(ReadMeeting, WrongResult())  # error: mypy, pyright
requests.bind(ReadMeeting, WiderRequest)  # error: mypy, pyright
requests.bind(ReadMeeting, TakesOther)  # error: mypy, pyright
requests.bind(JoinMeeting, NoHandle)  # error: mypy, pyright


# Functions
def read(query: ReadMeeting, meetings: Meetings) -> MeetingView:
    return MeetingView(title=meetings.title(query.meeting_id))


async def read_async(query: ReadMeeting, events: Events, *, meetings: Meetings) -> MeetingView:
    return MeetingView(title="")


async def find(query: FindMeeting) -> MeetingView | None: ...


async def find_certainly(query: FindMeeting) -> MeetingView:
    return MeetingView(title="")


def join(command: JoinMeeting) -> None: ...


def wrong_result(query: ReadMeeting) -> str:
    return ""


async def wrong_async_result(query: ReadMeeting, meetings: Meetings) -> str:
    return ""


def no_message() -> None: ...


class Service:
    async def read(self, query: ReadMeeting, meetings: Meetings) -> MeetingView:
        return MeetingView(title="")


requests.bind(ReadMeeting, read, sync="thread")
requests.bind(ReadMeeting, read_async)
requests.bind(ReadMeeting, Service().read)
requests.bind(ReadMeeting, partial(read, meetings=Meetings()))
requests.bind(FindMeeting, find)
requests.bind(FindMeeting, find_certainly)
requests.bind(JoinMeeting, join)
requests.bind(JoinMeeting, read)  # error: mypy, pyright
requests.bind(FindMeeting, read_async)  # error: mypy, pyright
requests.bind(ReadMeeting, find)  # error: mypy, pyright
requests.bind(ReadMeeting, wrong_result)  # error: mypy, pyright
requests.bind(ReadMeeting, wrong_async_result)  # error: mypy, pyright
requests.bind(JoinMeeting, no_message)  # error: mypy, pyright
requests.bind(ReadMeeting, 1)  # error: mypy, pyright
requests.bind(int, join)  # error: mypy, pyright

# The decorator keeps what it decorates.
decorated = RequestMap()


@decorated.handler
class Decorated:
    def __init__(self, meetings: Meetings) -> None: ...

    def handle(self, query: ReadMeeting) -> MeetingView:
        return MeetingView(title="")


@decorated.handler(sync="thread")
class InThread:
    def handle(self, query: ReadMeeting) -> MeetingView:
        return MeetingView(title="")


@decorated.handler
async def decorated_join(command: JoinMeeting, meetings: Meetings) -> None: ...


@decorated.handler(sync="thread")
def decorated_read(query: ReadMeeting, meetings: Meetings) -> MeetingView:
    return MeetingView(title="")


@decorated.handler(sync="process")  # error: mypy, pyright
def never(query: ReadMeeting) -> MeetingView:
    return MeetingView(title="")


assert_type(Decorated(Meetings()), Decorated)
assert_type(InThread().handle(ReadMeeting(meeting_id=1)), MeetingView)
assert_type(decorated_read(ReadMeeting(meeting_id=1), Meetings()), MeetingView)
Decorated()  # error: mypy, pyright
decorated_join(JoinMeeting(meeting_id=1, user_id=2), 3)  # error: mypy, pyright

# Events
events = EventMap()


async def on_joined(event: UserJoined, meetings: Meetings) -> None: ...


def on_domain_event(event: DomainEvent, recorded: Events) -> None: ...


def on_changed(event: MeetingChanged) -> None: ...


async def event_result(event: UserJoined) -> int:
    return 1


class StructuralOnJoined:
    def handle(self, event: UserJoined) -> None: ...


events.bind(UserJoined, OnJoined)
events.bind(UserJoined, OnJoined())
events.bind(UserJoined, OnAnything)
events.bind(Event, OnAnything, sync="thread")
events.bind(UserJoined, StructuralOnJoined)
events.bind(UserJoined, StructuralOnJoined())
events.bind(UserJoined, on_joined)
events.bind(UserJoined, on_domain_event)
events.bind(MeetingChanged, OnJoined)  # error: mypy, pyright
events.bind(Event, OnJoined())  # error: mypy, pyright
events.bind(MeetingChanged, StructuralOnJoined)  # error: mypy, pyright
events.bind(UserJoined, on_changed)  # error: mypy, pyright
events.bind(DomainEvent, on_joined)  # error: mypy, pyright
events.bind(UserJoined, event_result)  # error: mypy, pyright
events.bind(UserJoined, Async)  # error: mypy, pyright
events.bind(JoinMeeting, join)  # error: mypy, pyright


@events.handler
class DecoratedOnJoined:
    def handle(self, event: UserJoined) -> None: ...


@events.handler(sync="thread")
def decorated_on_joined(event: UserJoined, meetings: Meetings) -> None: ...


assert_type(DecoratedOnJoined(), DecoratedOnJoined)
decorated_on_joined(UserJoined(user_id=1), Meetings())
decorated_on_joined(UserJoined(user_id=1))  # error: mypy, pyright

# Looking up, joining maps
assert_type(requests.get(JoinMeeting), Any)
assert_type(events.get(UserJoined), list[Any])
assert_type(events.get_events(), list[type[Any]])
request_types: list[type[Request]] = list(requests)
events.declare(MeetingChanged, UserJoined)
events.declare(JoinMeeting)  # error: mypy, pyright
requests.include(decorated)
events.include(EventMap())
requests.include(events)  # error: mypy, pyright
