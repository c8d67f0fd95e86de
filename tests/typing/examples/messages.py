"""Messages of every kind of class."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, assert_type
from uuid import UUID, uuid4

import attrs
import msgspec
from meetings import JoinMeeting, MeetingView, ReadMeeting, UserJoined
from pydantic import BaseModel

from diator import Command, DomainEvent, ECSTEvent, Event, NotificationEvent, Query, Request

# Dataclasses take the ids and the timestamp as keyword arguments.
assert_type(JoinMeeting(meeting_id=1, user_id=2).request_id, UUID)
JoinMeeting(meeting_id=1, user_id=2, request_id=uuid4())
UserJoined(user_id=1, event_id=uuid4(), event_timestamp=datetime.now(UTC))
assert_type(UserJoined(user_id=1).event_id, UUID)
assert_type(UserJoined(user_id=1).event_timestamp, datetime)
assert_type(UserJoined.schema_version, int)
JoinMeeting(meeting_id=1, user_id=2, request_id="1")  # error: mypy, pyright
UserJoined(user_id=1, event_id=1)  # error: mypy, pyright
UserJoined(user_id=1, event_timestamp=0.5)  # error: mypy, pyright
JoinMeeting(meeting_id=1)  # error: mypy, pyright
JoinMeeting(meeting_id=1, user_id=2, room=3)  # error: mypy, pyright
JoinMeeting(meeting_id=1, user_id=2).user_id = 3  # error: mypy, pyright


@dataclass(frozen=True)
class Positional(Command[int]):
    number: int


Positional(1)
Positional(1, request_id=uuid4())
Positional(1, uuid4())  # error: mypy, pyright


# A command may leave out its result, or have anything for one.
class Bare(Command):
    pass


class BareQuery(Query):
    pass


def handle_any(request: Request) -> None: ...


handle_any(Bare())
handle_any(JoinMeeting(meeting_id=1, user_id=2))
numbers: Command[list[int]] = Command()
text: Request[str] = Query[str]()

# A request is invariant in its result: who sends it gets exactly that.
command: Command[None] = JoinMeeting(meeting_id=1, user_id=2)
query: Request[MeetingView] = ReadMeeting(meeting_id=1)
anything: Request[Any] = ReadMeeting(meeting_id=1)
wider: Request[MeetingView | None] = ReadMeeting(meeting_id=1)  # error: mypy, pyright
other: Query[str] = ReadMeeting(meeting_id=1)  # error: mypy, pyright
not_a_query: Query[None] = JoinMeeting(meeting_id=1, user_id=2)  # error: mypy, pyright
events: list[Event] = [UserJoined(user_id=1), NotificationEvent(), ECSTEvent()]


# Other kinds of class declare the ids if they want to pass them.
class Plain(Command[str]):
    def __init__(self, number: int) -> None:
        self.number = number


class PlainEvent(DomainEvent):
    def __init__(self, number: int) -> None:
        self.number = number


assert_type(Plain(1).request_id, UUID)
assert_type(PlainEvent(1).event_timestamp, datetime)
Plain("1")  # error: mypy, pyright


@attrs.frozen
class Attrs(Command[int]):
    number: int


@attrs.frozen(kw_only=True)
class AttrsEvent(DomainEvent):
    number: int
    event_id: UUID = attrs.field(factory=uuid4)


assert_type(Attrs(1).number, int)
assert_type(Attrs(1).request_id, UUID)
AttrsEvent(number=1, event_id=uuid4())
Attrs("1")  # error: mypy, pyright


class Struct(msgspec.Struct, Command[int], frozen=True):
    number: int


class StructEvent(msgspec.Struct, DomainEvent, frozen=True, kw_only=True):
    number: int


assert_type(Struct(1).request_id, UUID)
StructEvent(number=1)
Struct("1")  # error: mypy, pyright


class Model(BaseModel, Command[int], frozen=True):
    number: int


class ModelEvent(BaseModel, DomainEvent, frozen=True):
    number: int


assert_type(Model(number=1).request_id, UUID)
assert_type(ModelEvent(number=1).event_id, UUID)
Model(number="1")  # error: mypy, pyright
Model(name=1)  # error: mypy, pyright


class MutableModel(BaseModel, Command[int]):  # error: mypy
    number: int
