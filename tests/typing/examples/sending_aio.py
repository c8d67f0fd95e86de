"""The mediator for event loops."""

from collections.abc import Callable, Coroutine
from typing import Any, assert_type

from meetings import FindMeeting, JoinMeeting, LeaveMeeting, MeetingView, ReadMeeting, UserJoined

from diator import EventHandlingError, EventMap, MiddlewareChain, Query, Request, RequestMap
from diator.aio import DefaultDispatcher, DispatchResult, EventEmitter, InMemoryMessageBroker, Mediator, Runner


class Dispatcher:
    """As in diator 0.1.2."""

    def __init__(self, request_map: RequestMap, container: Any, middleware_chain: MiddlewareChain | None) -> None: ...

    async def dispatch(self, request: Request) -> DispatchResult:
        return DispatchResult(response=None, events=[UserJoined(user_id=1)])


Mediator(RequestMap())
Mediator(RequestMap(), None, EventEmitter(EventMap()), MiddlewareChain())
Mediator(request_map=RequestMap(), event_emitter=EventEmitter(event_map=EventMap(), container=None))
Mediator(RequestMap(), dispatcher_type=DefaultDispatcher)
Mediator(RequestMap(), dispatcher_type=Dispatcher)
Mediator(RequestMap(), sync="thread", runner=Runner(), strict_events=True, fail_fast=True)
Mediator(EventMap())  # error: mypy, pyright
Mediator(RequestMap(), EventMap())  # error: mypy, pyright
Mediator(RequestMap(), dispatcher_type=RequestMap)  # error: mypy, pyright
Mediator(RequestMap(), sync="process")  # error: mypy, pyright

mediator = Mediator(RequestMap(), event_map=EventMap(), message_broker=InMemoryMessageBroker())


async def main() -> None:
    assert_type(await mediator.send(ReadMeeting(meeting_id=1)), MeetingView)
    assert_type(await mediator.send(FindMeeting(title="")), MeetingView | None)
    assert_type(await mediator.send(LeaveMeeting(meeting_id=1)), Any)
    await assert_type(mediator.send(ReadMeeting(meeting_id=1)), Coroutine[Any, Any, MeetingView])
    await mediator.send(JoinMeeting(meeting_id=1, user_id=2))
    abs(await mediator.send(JoinMeeting(meeting_id=1, user_id=2)))  # error: mypy, pyright
    ord(await mediator.send(ReadMeeting(meeting_id=1)))  # error: mypy, pyright
    await mediator.send(UserJoined(user_id=1))  # error: mypy, pyright
    await mediator.send(ReadMeeting)  # error: mypy, pyright
    print(mediator.send(ReadMeeting(meeting_id=1)).title)  # error: mypy, pyright

    send = mediator.sender(ReadMeeting)
    assert_type(send, Callable[[ReadMeeting], Coroutine[Any, Any, MeetingView]])
    assert_type(await send(ReadMeeting(meeting_id=1)), MeetingView)
    await send(JoinMeeting(meeting_id=1, user_id=2))  # error: mypy, pyright
    await send(FindMeeting(title=""))  # error: mypy, pyright
    mediator.sender(UserJoined)  # error: mypy, pyright

    await mediator.publish(UserJoined(user_id=1))
    await mediator.receive(UserJoined(user_id=1))
    await mediator.publish(JoinMeeting(meeting_id=1, user_id=2))  # error: mypy, pyright

    async with mediator as entered:
        assert_type(entered, Mediator)
    with mediator:  # error: mypy, pyright
        pass
    assert_type(mediator.check(), None)
    await mediator.aclose()
    try:
        await mediator.send(ReadMeeting(meeting_id=1))
    except EventHandlingError as error:
        assert_type(error.exceptions[0], Exception | ExceptionGroup[Exception])


async def send_any(mediator: Mediator, request: Request[Any], query: Query[str]) -> None:
    assert_type(await mediator.send(request), Any)
    assert_type(await mediator.send(query), str)


class OwnMediator(Mediator):
    pass


async def keep_subclass() -> None:
    async with OwnMediator(RequestMap()) as entered:
        assert_type(entered, OwnMediator)
