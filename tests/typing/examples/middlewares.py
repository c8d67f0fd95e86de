"""Middlewares of all forms."""

from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any, TypeVar

from meetings import JoinMeeting, Meetings, MeetingView, ReadMeeting, UserJoined

import diator.aio
import diator.sync
from diator import Command, MiddlewareChain, Request
from diator.middlewares import LoggingMiddleware, Middleware
from diator.middlewares.base import Handle, HandleType

R = TypeVar("R")
chain = MiddlewareChain()


async def coroutine(request: Request, handle: Handle) -> Any:
    return await handle(request)


async def precise(request: Request[R], handle: Callable[[Request[R]], Awaitable[R]]) -> R:
    return await handle(request)


async def for_one(command: JoinMeeting, handle: Callable[[JoinMeeting], Awaitable[None]]) -> None:
    await handle(command)


def blocking(request: Request[Any], handle: Callable[[Any], R]) -> R:
    return handle(request)


def generator(request: Request[Any]) -> Generator[Any, Any, Any]:
    response = yield request
    return response


def precise_generator(query: ReadMeeting) -> Generator[ReadMeeting, MeetingView, MeetingView]:
    view = yield query
    return MeetingView(title=view.title.upper())


class Protocolled(Middleware):
    """As in diator 0.1.2."""

    async def __call__(self, request: Request, handle: HandleType) -> Any:
        return await handle(request)


class Structural:
    def __init__(self, meetings: Meetings) -> None: ...

    async def __call__(self, request: Command[Any], handle: Handle) -> Any:
        return await handle(request)


class GeneratorObject:
    def __call__(self, request: Request[Any]) -> Generator[Any, Any, Any]:
        return (yield request)


chain.add(coroutine)
chain.add(precise)
chain.add(for_one, requests=[JoinMeeting])
chain.add(blocking, requests=(Command, ReadMeeting))
chain.add(generator)
chain.add(precise_generator, requests=(ReadMeeting,))
chain.add(Protocolled())
chain.add(Structural(Meetings()))
chain.add(GeneratorObject())
chain.add(LoggingMiddleware())
chain.add(diator.aio.LoggingMiddleware())
chain.add(diator.sync.LoggingMiddleware())
chain.add(lambda request, handle: handle(request))
chain.set([coroutine, blocking, generator, Protocolled(), Structural(Meetings())])
middlewares: list[Middleware] = [coroutine, blocking, generator, Protocolled(), GeneratorObject()]
chain.set(middlewares)
chain.add(middlewares[0])


def no_arguments() -> None: ...


def no_handle(request: Request[Any]) -> None: ...


def three(request: Request[Any], handle: Handle, meetings: Meetings) -> None: ...


def iterator(request: Request[Any]) -> Iterator[Any]:
    yield request


chain.add(no_arguments)  # error: mypy, pyright
chain.add(no_handle)  # error: mypy, pyright
chain.add(three)  # error: mypy, pyright
chain.add(iterator)  # error: mypy, pyright
chain.add(GeneratorObject)  # error: mypy, pyright
chain.add(1)  # error: mypy, pyright
chain.add(coroutine, requests=JoinMeeting)  # error: mypy, pyright
chain.add(coroutine, requests=[JoinMeeting(meeting_id=1, user_id=1)])  # error: mypy, pyright
chain.set([no_arguments])  # error: mypy, pyright
not_a_middleware: Middleware = no_arguments  # error: mypy, pyright
chain.add(coroutine, requests=[UserJoined])  # error: mypy, pyright
