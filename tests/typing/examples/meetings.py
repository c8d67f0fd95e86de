"""The messages that the other examples send."""

from dataclasses import dataclass

from diator import Command, DomainEvent, NotificationEvent, Query, Response


@dataclass(frozen=True, kw_only=True)
class JoinMeeting(Command[None]):
    meeting_id: int
    user_id: int


@dataclass(frozen=True, kw_only=True)
class MeetingView(Response):
    title: str


@dataclass(frozen=True, kw_only=True)
class ReadMeeting(Query[MeetingView]):
    meeting_id: int


@dataclass(frozen=True, kw_only=True)
class FindMeeting(Query[MeetingView | None]):
    title: str


@dataclass(frozen=True, kw_only=True)
class LeaveMeeting(Command):
    """As in diator 0.1.2, without saying what it returns."""

    meeting_id: int


@dataclass(frozen=True, kw_only=True)
class UserJoined(DomainEvent):
    user_id: int


@dataclass(frozen=True, kw_only=True)
class MeetingChanged(NotificationEvent):
    meeting_id: int


class Meetings:
    """A dependency of handlers."""

    def title(self, meeting_id: int) -> str:
        return f"Meeting {meeting_id}"
