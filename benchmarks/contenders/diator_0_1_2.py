"""diator 0.1.2, measured in an environment of its own, as it has the same import name. It needs a container: rodi."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import rodi
from cases import Case
from parts import AsyncEventHandler, AsyncHandler
from parts import pass_on_async as pass_on

from diator.container.rodi import RodiContainer
from diator.events import DomainEvent, EventEmitter, EventMap
from diator.mediator import Mediator
from diator.middlewares import MiddlewareChain
from diator.requests import Request, RequestMap

BACKENDS = ("asyncio",)
DISTRIBUTION = "diator"


@dataclass(frozen=True, kw_only=True)
class Join(Request):
    user_id: int


@dataclass(frozen=True, kw_only=True)
class Joined(DomainEvent):
    user_id: int


JOIN, JOINED = Join(user_id=7), Joined(user_id=7)


class Handler(AsyncHandler):
    events = ()


class Recording:
    count = 1

    def __init__(self) -> None:
        self.events: list[Any] = []

    async def handle(self, command: Any) -> Any:
        for _ in range(self.count):
            self.events.append(JOINED)
        return command.user_id


class RecordingTen(Recording):
    count = 10


def sending(handler: Any, middlewares: int = 0) -> dict[str, Any]:
    requests, events, registry, chain = RequestMap(), EventMap(), rodi.Container(), MiddlewareChain()
    requests.bind(Join, handler)
    events.bind(Joined, AsyncEventHandler)
    registry.add_transient(handler)
    registry.add_transient(AsyncEventHandler)
    for _ in range(middlewares):
        chain.add(pass_on)
    container = RodiContainer()
    container.attach_external_container(registry)
    mediator = Mediator(requests, container, event_emitter=EventEmitter(events, container), middleware_chain=chain)
    return {"mediator": mediator, "command": JOIN}


def cases() -> Iterator[Case]:
    send = "await mediator.send(command)"
    yield Case("new", send, sending(Handler))
    yield Case("rodi", send, sending(Handler))
    yield Case("event", send, sending(Recording))
    yield Case("events", send, sending(RecordingTen))
    yield Case("middlewares", send, sending(Handler, 3))
    yield Case("dataclass", "await mediator.send(Join(user_id=7))", {**sending(Handler), "Join": Join})
