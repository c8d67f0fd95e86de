"""diator.sync"""

from collections.abc import Iterator
from typing import Any

import rodi
from cases import Case
from contenders.diator_messages import JOIN, JOINED, ORDERED, Join, Joined, JoinModel, JoinStruct, Ordered
from parts import (
    AsyncHandler,
    BuiltEventHandler,
    BuiltHandler,
    Container,
    EventHandler,
    Handler,
    Mailer,
    ScopedContainer,
    Session,
    pass_on,
)

from diator import EventMap, Events, MiddlewareChain, RequestMap
from diator._core.envelope import to_message
from diator.message_brokers import EventTypes, JSONSerializer
from diator.sync import Mediator
from diator.sync.container.rodi import RodiContainer

BACKENDS = ("blocking",)


class Recording:
    count = 1

    def handle(self, command: Any, events: Events) -> Any:
        for _ in range(self.count):
            events.append(JOINED)
        return command.user_id


class RecordingTen(Recording):
    count = 10


class RecordingNew:
    def handle(self, command: Any, events: Events) -> Any:
        events.append(Joined(user_id=command.user_id))
        return command.user_id


class BuiltRecording(Recording, BuiltHandler):
    pass


def handle(command: Any, mailer: Mailer, session: Session) -> Any:
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
    send = "mediator.send(command)"
    yield Case("singleton", send, sending(Handler()))
    yield Case("new", send, sending(Handler))
    yield Case("dependencies", send, sending(BuiltHandler, Container()))
    yield Case("function", send, sending(handle, Container()))
    yield Case("scope", send, sending(BuiltHandler, ScopedContainer()))
    for key, recording in (("event", Recording), ("events", RecordingTen), ("new_event", RecordingNew)):
        yield Case(key, send, sending(recording, None, EventHandler))
    registry = rodi.Container()
    registry.add_transient(Handler)
    yield Case("rodi", send, sending(Handler, RodiContainer(registry)))
    yield Case("middlewares", send, sending(Handler(), middlewares=3))
    yield Case("everything", send, sending(BuiltRecording, ScopedContainer(), BuiltEventHandler, 3))
    for key, message in (("dataclass", Join), ("struct", JoinStruct), ("model", JoinModel)):
        yield Case(key, "mediator.send(Join(user_id=7))", {**sending(Handler()), "Join": message})
    yield Case("async_def", send, sending(AsyncHandler()), threads=True)
    serializer, types = JSONSerializer(), EventTypes([Ordered])
    body, headers = serializer.encode(to_message(ORDERED)), to_message(ORDERED).headers()
    names = {"serializer": serializer, "to_message": to_message, "event": ORDERED}
    yield Case("encode", "serializer.encode(to_message(event))", names)
    names = {"serializer": serializer, "types": types, "body": body, "headers": headers}
    yield Case("decode", "types.event(serializer.decode(body, headers))", names)
