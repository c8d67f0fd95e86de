"""Handlers: what ``handle`` may look like, and what it may not."""

from collections.abc import Awaitable

from meetings import JoinMeeting, LeaveMeeting, Meetings, MeetingView, ReadMeeting, UserJoined

from diator import CommandHandler, Event, EventHandler, Events, Query, QueryHandler, RequestHandler


class Async(CommandHandler[JoinMeeting, None]):
    async def handle(self, command: JoinMeeting) -> None: ...


class Blocking(CommandHandler[JoinMeeting, None]):
    def handle(self, command: JoinMeeting) -> None: ...


class Recording(CommandHandler[JoinMeeting, None]):
    async def handle(self, command: JoinMeeting, events: Events) -> None:
        events.append(UserJoined(user_id=command.user_id))
        events.extend([UserJoined(user_id=1)])
        events.append(command)  # error: mypy, pyright


class BlockingRecording(QueryHandler[ReadMeeting, MeetingView]):
    def __init__(self, meetings: Meetings) -> None:
        self._meetings = meetings

    def handle(self, query: ReadMeeting, /, events: Events) -> MeetingView:
        return MeetingView(title=self._meetings.title(query.meeting_id))


class KeywordOnlyEvents(QueryHandler[ReadMeeting, MeetingView]):
    async def handle(self, query: ReadMeeting, *, events: Events) -> MeetingView:
        return MeetingView(title="")


class ReturnsAwaitable(CommandHandler[JoinMeeting, None]):
    def handle(self, command: JoinMeeting) -> Awaitable[None]:
        return Async().handle(command)


class OwnEvents(RequestHandler[JoinMeeting, None]):
    """As in diator 0.1.2."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    @property
    def events(self) -> list[Event]:
        return self._events

    async def handle(self, request: JoinMeeting) -> None:
        self._events.append(UserJoined(user_id=request.user_id))


class OwnEventsAttribute(RequestHandler[LeaveMeeting, None]):
    def __init__(self) -> None:
        self.events: list[Event] = []

    async def handle(self, request: LeaveMeeting) -> None: ...


class Bare(RequestHandler):
    async def handle(self, request: ReadMeeting) -> MeetingView:
        return MeetingView(title="")


class OnlyRequest(QueryHandler[ReadMeeting]):
    def handle(self, request: ReadMeeting) -> str:
        return ""


class WiderRequest(QueryHandler[ReadMeeting, MeetingView]):
    async def handle(self, query: Query[MeetingView]) -> MeetingView:
        return MeetingView(title="")


class WrongResult(QueryHandler[ReadMeeting, MeetingView]):
    async def handle(self, query: ReadMeeting) -> str:  # error: mypy, pyright
        return ""


class WrongBlockingResult(QueryHandler[ReadMeeting, MeetingView]):
    def handle(self, query: ReadMeeting, events: Events) -> str:  # error: mypy, pyright
        return ""


class OptionalResult(QueryHandler[ReadMeeting, MeetingView]):
    async def handle(self, query: ReadMeeting) -> MeetingView | None: ...  # error: mypy, pyright


# pyright compares no parameters with a base that takes any; it reports these where they are bound.
class WrongRequest(QueryHandler[ReadMeeting, MeetingView]):
    async def handle(self, query: JoinMeeting) -> MeetingView:  # error: mypy
        return MeetingView(title="")


class NoRequest(CommandHandler[JoinMeeting, None]):
    async def handle(self) -> None: ...  # error: mypy


class NotARequest(CommandHandler[UserJoined, None]):  # error: mypy, pyright
    pass


class OnJoined(EventHandler[UserJoined]):
    async def handle(self, event: UserJoined, events: Events) -> None: ...


class OnAnything(EventHandler[Event]):
    def handle(self, event: Event) -> None: ...


class BareOnJoined(EventHandler):
    def handle(self, event: UserJoined) -> None: ...


class WrongEvent(EventHandler[Event]):
    async def handle(self, event: UserJoined) -> None: ...  # error: mypy


class EventResult(EventHandler[UserJoined]):
    async def handle(self, event: UserJoined) -> int:  # error: mypy, pyright
        return 1


class NotAnEvent(EventHandler[JoinMeeting]):  # error: mypy, pyright
    pass


# A handler is tested by calling it.
events = Events()
BlockingRecording(Meetings()).handle(ReadMeeting(meeting_id=1), events)
recorded: list[Event] = list(events)
