"""What the application can be asked to do, and what it has to tell."""

from dataclasses import dataclass

from diator import Command, DomainEvent, Query, Response


@dataclass(frozen=True, kw_only=True)
class ScheduleMeeting(Command[int]):
    title: str
    seats: int


@dataclass(frozen=True, kw_only=True)
class JoinMeeting(Command[None]):
    meeting_id: int
    name: str


@dataclass(frozen=True, kw_only=True)
class MeetingView(Response):
    title: str
    participants: list[str]
    notices: list[str]


@dataclass(frozen=True, kw_only=True)
class ReadMeeting(Query[MeetingView]):
    meeting_id: int


@dataclass(frozen=True, kw_only=True)
class ParticipantJoined(DomainEvent):
    meeting_id: int
    name: str
    seats_left: int


class MeetingIsFull(Exception):
    """Everybody else has to stay outside."""
