"""The mediator for blocking code."""

from collections.abc import Callable
from typing import Any, assert_type

from meetings import FindMeeting, JoinMeeting, LeaveMeeting, MeetingView, ReadMeeting, UserJoined

from diator import EventMap, MiddlewareChain, Query, Request, RequestMap
from diator.sync import DefaultDispatcher, DispatchResult, EventEmitter, InMemoryMessageBroker, Mediator, Runner


class Dispatcher:
    def __init__(self, request_map: RequestMap, container: Any, middleware_chain: MiddlewareChain | None) -> None: ...

    def dispatch(self, request: Request) -> DispatchResult:
        return DispatchResult(response=None, events=[UserJoined(user_id=1)])


Mediator(RequestMap())
Mediator(RequestMap(), None, EventEmitter(EventMap()), MiddlewareChain())
Mediator(RequestMap(), dispatcher_type=DefaultDispatcher)
Mediator(RequestMap(), dispatcher_type=Dispatcher)
Mediator(RequestMap(), runner=Runner("trio"))
Mediator(RequestMap(), runner=Runner("curio"))  # error: mypy, pyright
Mediator(RequestMap(), dispatcher_type=RequestMap)  # error: mypy, pyright

mediator = Mediator(RequestMap(), event_map=EventMap(), message_broker=InMemoryMessageBroker())

assert_type(mediator.send(ReadMeeting(meeting_id=1)), MeetingView)
assert_type(mediator.send(FindMeeting(title="")), MeetingView | None)
assert_type(mediator.send(LeaveMeeting(meeting_id=1)), Any)
mediator.send(JoinMeeting(meeting_id=1, user_id=2))
abs(mediator.send(JoinMeeting(meeting_id=1, user_id=2)))  # error: mypy, pyright
ord(mediator.send(ReadMeeting(meeting_id=1)))  # error: mypy, pyright
mediator.send(UserJoined(user_id=1))  # error: mypy, pyright

send = mediator.sender(ReadMeeting)
assert_type(send, Callable[[ReadMeeting], MeetingView])
assert_type(send(ReadMeeting(meeting_id=1)), MeetingView)
send(JoinMeeting(meeting_id=1, user_id=2))  # error: mypy, pyright

assert_type(mediator.publish(UserJoined(user_id=1)), None)
assert_type(mediator.receive(UserJoined(user_id=1)), None)
mediator.publish(JoinMeeting(meeting_id=1, user_id=2))  # error: mypy, pyright
assert_type(mediator.close(), None)

with mediator as entered:
    assert_type(entered, Mediator)


def send_any(mediator: Mediator, request: Request[Any], query: Query[str]) -> None:
    assert_type(mediator.send(request), Any)
    assert_type(mediator.send(query), str)


async def main() -> None:
    await mediator.send(ReadMeeting(meeting_id=1))  # error: mypy, pyright
    async with mediator:  # error: mypy, pyright
        pass
