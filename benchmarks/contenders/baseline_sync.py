"""By hand, in blocking code."""

from collections.abc import Iterator
from typing import Any

from cases import Case
from contenders.baseline_aio import JOIN, JOINED, Join, Joined
from parts import (
    AsyncHandler,
    BuiltEventHandler,
    BuiltHandler,
    Container,
    EventHandler,
    Handler,
    Mailer,
    Scope,
    Session,
    pass_on,
)

BACKENDS = ("blocking",)


class Recording:
    count = 1

    def handle(self, command: Any, events: Any) -> Any:
        for _ in range(self.count):
            events.append(JOINED)
        return command.user_id


class RecordingTen(Recording):
    count = 10


class RecordingNew:
    def handle(self, command: Any, events: Any) -> Any:
        events.append(Joined(user_id=command.user_id))
        return command.user_id


class BuiltRecording(Recording, BuiltHandler):
    pass


HANDLERS = {Joined: [EventHandler]}
BUILT_HANDLERS = {Joined: [BuiltEventHandler]}


def with_events(recording: Any, command: Any) -> Any:
    events: list[Any] = []
    response = recording().handle(command, events)
    for event in events:
        for handler in HANDLERS[type(event)]:
            handler().handle(event)
    return response


def in_scope(command: Any) -> Any:
    with Scope() as scope:
        return scope.resolve(BuiltHandler).handle(command)


def everything(command: Any) -> Any:
    with Scope() as scope:
        events: list[Any] = []
        response = pass_on(
            command,
            lambda c: pass_on(c, lambda c: pass_on(c, lambda c: scope.resolve(BuiltRecording).handle(c, events))),
        )
        for event in events:
            for handler in BUILT_HANDLERS[type(event)]:
                scope.resolve(handler).handle(event)
        return response


def handle(command: Any, mailer: Mailer, session: Session) -> Any:
    return command.user_id


def around(handle: Any) -> Any:
    return lambda command: pass_on(command, handle)


def cases() -> Iterator[Case]:
    handler, command = Handler(), JOIN
    chain: Any = handler.handle
    for _ in range(3):
        chain = around(chain)
    yield Case("singleton", "handler.handle(command)", {"handler": handler, "command": command})
    yield Case("new", "Handler().handle(command)", {"Handler": Handler, "command": command})
    yield Case(
        "dependencies",
        "container.resolve(Handler).handle(command)",
        {"container": Container(), "Handler": BuiltHandler, "command": command},
    )
    names = {"handle": handle, "resolve": Container().resolve, "Mailer": Mailer, "Session": Session, "command": command}
    yield Case("function", "handle(command, resolve(Mailer), resolve(Session))", names)
    yield Case("scope", "in_scope(command)", {"in_scope": in_scope, "command": command})
    for key, recording in (("event", Recording), ("events", RecordingTen), ("new_event", RecordingNew)):
        names = {"with_events": with_events, "recording": recording, "command": command}
        yield Case(key, "with_events(recording, command)", names)
    yield Case("middlewares", "chain(command)", {"chain": chain, "command": command})
    yield Case("everything", "everything(command)", {"everything": everything, "command": command})
    yield Case("dataclass", "handler.handle(Join(user_id=7))", {"handler": handler, "Join": Join})
    yield from rodi_cases()
    yield from message_cases()


def rodi_cases() -> Iterator[Case]:
    import rodi

    registry = rodi.Container()
    registry.add_transient(Handler)
    names = {"services": registry.build_provider(), "Handler": Handler, "command": JOIN}
    yield Case("rodi", "services.get(Handler).handle(command)", names)


def message_cases() -> Iterator[Case]:
    from contenders import baseline_messages as messages

    handler = Handler()
    for key, message in (("struct", messages.JoinStruct), ("model", messages.JoinModel)):
        yield Case(key, "handler.handle(Join(user_id=7))", {"handler": handler, "Join": message})
    names = {"call": messages.portal().call, "handler": AsyncHandler(), "command": JOIN}
    yield Case("async_def", "call(handler.handle, command)", names, threads=True)
    yield Case("encode", "encode(event)", {"encode": messages.encode, "event": messages.EVENT})
    yield Case("decode", "decode(body)", {"decode": messages.decode, "body": messages.encode(messages.EVENT)})
