"""python-cqrs, without the logging middleware that its bootstrap adds; handlers come from dependency-injector or di."""

from collections.abc import Iterator
from typing import Any

import cqrs
import di
from cases import Case
from cqrs.container.dependency_injector import DependencyInjectorCQRSContainer
from cqrs.container.di import DIContainer
from cqrs.events import EventEmitter, EventMap
from cqrs.mapping.requests import RequestMap
from cqrs.message_brokers.devnull import DevnullMessageBroker
from cqrs.middlewares.base import MiddlewareChain
from dependency_injector import containers, providers
from parts import pass_on_async as pass_on

BACKENDS = ("asyncio",)
DISTRIBUTION = "python-cqrs"


class Join(cqrs.DCRequest):
    user_id: int


class Joined(cqrs.DCDomainEvent):
    user_id: int


JOIN, JOINED = Join(user_id=7), Joined(user_id=7)


class Handler(cqrs.RequestHandler[Join, Any]):
    @property
    def events(self) -> list[Any]:
        return []

    async def handle(self, request: Join) -> Any:
        return request.user_id


class Recording(cqrs.RequestHandler[Join, Any]):
    count = 1

    def __init__(self) -> None:
        self._events: list[Any] = []

    @property
    def events(self) -> list[Any]:
        return self._events

    async def handle(self, request: Join) -> Any:
        for _ in range(self.count):
            self._events.append(JOINED)
        return request.user_id


class RecordingTen(Recording):
    count = 10


class OnJoined(cqrs.EventHandler[Joined]):
    async def handle(self, event: Joined) -> None:
        pass


def from_dependency_injector() -> Any:
    container = containers.DynamicContainer()
    container.set_providers(
        **{each.__name__: providers.Factory(each) for each in (Handler, Recording, RecordingTen, OnJoined)}
    )
    adapter = DependencyInjectorCQRSContainer()
    adapter.attach_external_container(container)
    return adapter


def from_di() -> Any:
    adapter = DIContainer()
    adapter.attach_external_container(di.Container())
    return adapter


def sending(handler: Any, container: Any, middlewares: int = 0) -> dict[str, Any]:
    requests, events, chain = RequestMap(), EventMap(), MiddlewareChain()
    requests.bind(Join, handler)
    events.bind(Joined, OnJoined)
    for _ in range(middlewares):
        chain.add(pass_on)
    emitter = EventEmitter(event_map=events, container=container, message_broker=DevnullMessageBroker())
    mediator = cqrs.RequestMediator(
        request_map=requests, container=container, event_emitter=emitter, middleware_chain=chain, event_map=events
    )
    return {"mediator": mediator, "command": JOIN}


def cases() -> Iterator[Case]:
    send, container = "await mediator.send(command)", from_dependency_injector()
    yield Case("new", send, sending(Handler, container))
    yield Case("new_di", send, sending(Handler, from_di()))
    yield Case("event", send, sending(Recording, container))
    yield Case("events", send, sending(RecordingTen, container))
    yield Case("middlewares", send, sending(Handler, container, 3))
    yield Case("dataclass", "await mediator.send(Join(user_id=7))", {**sending(Handler, container), "Join": Join})
