"""diator.aio"""

from collections.abc import Iterator
from typing import Any

import di
import rodi
from cases import Case
from contenders.diator_messages import JOIN, JOINED, Join, Joined, JoinModel, JoinStruct
from parts import (
    AsyncEventHandler,
    AsyncHandler,
    AsyncScopedContainer,
    BuiltAsyncEventHandler,
    BuiltAsyncHandler,
    Container,
    Mailer,
    Session,
)
from parts import pass_on_async as pass_on

from diator import EventMap, Events, MiddlewareChain, RequestMap
from diator.aio import Mediator
from diator.aio.container.di import DIContainer
from diator.aio.container.rodi import RodiContainer

BACKENDS = ("asyncio", "trio")


class Recording:
    count = 1

    async def handle(self, command: Any, events: Events) -> Any:
        for _ in range(self.count):
            events.append(JOINED)
        return command.user_id


class RecordingTen(Recording):
    count = 10


class RecordingNew:
    async def handle(self, command: Any, events: Events) -> Any:
        events.append(Joined(user_id=command.user_id))
        return command.user_id


class BuiltRecording(Recording, BuiltAsyncHandler):
    pass


async def handle(command: Any, mailer: Mailer, session: Session) -> Any:
    return command.user_id


def sending(handler: Any, container: Any = None, event_handler: Any = None, middlewares: int = 0) -> dict[str, Any]:
    requests, events = RequestMap(), EventMap()
    for request_type in (Join, JoinStruct, JoinModel):
        requests.bind(request_type, handler)
    if event_handler is not None:
        events.bind(Joined, event_handler)
    chain = MiddlewareChain(*[pass_on] * middlewares)
    return {"mediator": Mediator(requests, container, event_map=events, middleware_chain=chain), "command": JOIN}


def cases() -> Iterator[Case]:
    send = "await mediator.send(command)"
    yield Case("singleton", send, sending(AsyncHandler()))
    yield Case("new", send, sending(AsyncHandler))
    yield Case("dependencies", send, sending(BuiltAsyncHandler, Container()))
    yield Case("function", send, sending(handle, Container()))
    yield Case("scope", send, sending(BuiltAsyncHandler, AsyncScopedContainer()))
    for key, recording in (("event", Recording), ("events", RecordingTen), ("new_event", RecordingNew)):
        yield Case(key, send, sending(recording, None, AsyncEventHandler))
    registry = rodi.Container()
    registry.add_transient(AsyncHandler)
    yield Case("rodi", send, sending(AsyncHandler, RodiContainer(registry)))
    yield Case("new_di", send, sending(AsyncHandler, DIContainer(di.Container())))
    yield Case("middlewares", send, sending(AsyncHandler(), middlewares=3))
    yield Case("everything", send, sending(BuiltRecording, AsyncScopedContainer(), BuiltAsyncEventHandler, 3))
    for key, message in (("dataclass", Join), ("struct", JoinStruct), ("model", JoinModel)):
        yield Case(key, "await mediator.send(Join(user_id=7))", {**sending(AsyncHandler()), "Join": message})
