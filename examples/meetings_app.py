"""A small application: people join meetings.

Nothing here knows where it will run. `meetings.py` uses it from asyncio, from trio and from blocking code, and
`trio_app.py` serves it over HTTP.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

import anyio

from diator import Command, CommandHandler, DomainEvent, EventMap, Events, NotificationEvent, Query, RequestMap

T = TypeVar("T")
R = TypeVar("R")

request_map, event_map = RequestMap(), EventMap()


# -- messages


@dataclass(frozen=True, kw_only=True)
class JoinMeeting(Command[None]):
    meeting_id: int
    user_id: int


@dataclass(frozen=True, kw_only=True)
class LeaveMeeting(Command[None]):
    meeting_id: int
    user_id: int


@dataclass(frozen=True, kw_only=True)
class MeetingView:
    users: list[int]
    free_seats: int


@dataclass(frozen=True, kw_only=True)
class ReadMeeting(Query[MeetingView]):
    meeting_id: int


@dataclass(frozen=True, kw_only=True)
class UserJoined(DomainEvent):
    meeting_id: int
    user_id: int
    free_seats: int


@dataclass(frozen=True, kw_only=True)
class MeetingFilled(DomainEvent):
    meeting_id: int


@dataclass(frozen=True, kw_only=True)
class SeatChanged(NotificationEvent):  # for other processes: it goes to the message broker
    meeting_id: int
    user_id: int


# -- what the handlers depend on


class MeetingError(Exception):
    """What the users of a meeting may get to see."""


class MeetingDoesNotExist(MeetingError):
    pass


class MeetingIsFull(MeetingError):
    pass


class Meetings:
    """All meetings, in memory.

    Args:
        seats: How many seats each meeting has, by the id of the meeting.
    """

    def __init__(self, seats: dict[int, int]) -> None:
        self._seats = seats
        self._users: dict[int, set[int]] = {meeting_id: set() for meeting_id in seats}

    def users(self, meeting_id: int) -> set[int]:
        if meeting_id not in self._users:
            raise MeetingDoesNotExist(f"no meeting {meeting_id}")
        return self._users[meeting_id]

    def free_seats(self, meeting_id: int) -> int:
        users = self.users(meeting_id)
        return self._seats[meeting_id] - len(users)

    def join(self, meeting_id: int, user_id: int) -> int:
        """Take a seat, and return how many are left."""
        if not self.free_seats(meeting_id):
            raise MeetingIsFull(f"meeting {meeting_id} is full")
        self.users(meeting_id).add(user_id)
        return self.free_seats(meeting_id)

    def leave(self, meeting_id: int, user_id: int) -> None:
        self.users(meeting_id).discard(user_id)


@dataclass
class Journal:
    """Where everything that happens is written down."""

    write: Callable[[str], object]


class Container:
    """A container is any object with `resolve`: this one gives what it holds, and builds the rest."""

    def __init__(self, *instances: object) -> None:
        self._instances: dict[type[Any], Any] = {type(instance): instance for instance in instances}

    def resolve(self, type_: type[T], /) -> T:
        if type_ in self._instances:
            instance: T = self._instances[type_]
            return instance
        needs = get_type_hints(type_.__init__)
        needs.pop("return", None)
        return type_(**{name: self.resolve(need) for name, need in needs.items()})


# -- handlers: classes or functions, `async def` or `def`


@request_map.handler
@dataclass
class JoinMeetingHandler(CommandHandler[JoinMeeting, None]):
    meetings: Meetings
    journal: Journal

    async def handle(self, command: JoinMeeting, events: Events) -> None:
        await anyio.sleep(0)  # ask the calendar of the user, say
        free = self.meetings.join(command.meeting_id, command.user_id)
        self.journal.write(f"user {command.user_id} joins")
        events.append(UserJoined(meeting_id=command.meeting_id, user_id=command.user_id, free_seats=free))
        events.append(SeatChanged(meeting_id=command.meeting_id, user_id=command.user_id))


@request_map.handler
def leave_meeting(command: LeaveMeeting, events: Events, meetings: Meetings, journal: Journal) -> None:
    meetings.leave(command.meeting_id, command.user_id)
    journal.write(f"user {command.user_id} leaves")
    events.append(SeatChanged(meeting_id=command.meeting_id, user_id=command.user_id))


@request_map.handler
def read_meeting(query: ReadMeeting, meetings: Meetings) -> MeetingView:
    users = sorted(meetings.users(query.meeting_id))
    return MeetingView(users=users, free_seats=meetings.free_seats(query.meeting_id))


@event_map.handler
async def greet(event: UserJoined, journal: Journal) -> None:
    await anyio.sleep(0)  # send a mail
    journal.write(f"greet user {event.user_id}")


@event_map.handler
def count_seats(event: UserJoined, events: Events, journal: Journal) -> None:
    journal.write(f"free seats: {event.free_seats}")
    if not event.free_seats:
        events.append(MeetingFilled(meeting_id=event.meeting_id))


@event_map.handler
def close_door(event: MeetingFilled, journal: Journal) -> None:
    journal.write("close the door")


@event_map.handler
async def update_screen(event: SeatChanged, journal: Journal) -> None:
    journal.write(f"redraw user {event.user_id}")


# -- a middleware: what comes before the `yield` runs before the handler, what comes after it, after


@dataclass
class Transaction:
    journal: Journal

    def __call__(self, command: Command[R]) -> Generator[Command[R], R, R]:
        name = type(command).__name__
        self.journal.write(f"begin {name}")
        try:
            result = yield command
        except BaseException:
            self.journal.write(f"rollback {name}")
            raise
        self.journal.write(f"commit {name}")
        return result
