"""By hand, with ``async def``: what somebody would write who wants no mediator."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from cases import Case
from parts import (
    AsyncEventHandler,
    AsyncHandler,
    AsyncScope,
    BuiltAsyncEventHandler,
    BuiltAsyncHandler,
    Container,
    Mailer,
    Session,
)
from parts import pass_on_async as pass_on

BACKENDS = ("asyncio", "trio")


@dataclass(frozen=True, kw_only=True)
class Join:
    user_id: int


@dataclass(frozen=True, kw_only=True)
class Joined:
    user_id: int


JOIN, JOINED = Join(user_id=7), Joined(user_id=7)


class Recording:
    count = 1

    async def handle(self, command: Any, events: Any) -> Any:
        for _ in range(self.count):
            events.append(JOINED)
        return command.user_id


class RecordingTen(Recording):
    count = 10


class RecordingNew:
    async def handle(self, command: Any, events: Any) -> Any:
        events.append(Joined(user_id=command.user_id))
        return command.user_id


class BuiltRecording(Recording, BuiltAsyncHandler):
    pass


HANDLERS = {Joined: [AsyncEventHandler]}
BUILT_HANDLERS = {Joined: [BuiltAsyncEventHandler]}


async def with_events(recording: Any, command: Any) -> Any:
    events: list[Any] = []
    response = await recording().handle(command, events)
    for event in events:
        for handler in HANDLERS[type(event)]:
            await handler().handle(event)
    return response


async def in_scope(command: Any) -> Any:
    async with AsyncScope() as scope:
        return await scope.resolve(BuiltAsyncHandler).handle(command)


async def everything(command: Any) -> Any:
    async with AsyncScope() as scope:
        events: list[Any] = []
        response = await pass_on(
            command,
            lambda c: pass_on(c, lambda c: pass_on(c, lambda c: scope.resolve(BuiltRecording).handle(c, events))),
        )
        for event in events:
            for handler in BUILT_HANDLERS[type(event)]:
                await scope.resolve(handler).handle(event)
        return response


async def handle(command: Any, mailer: Mailer, session: Session) -> Any:
    return command.user_id


def around(handle: Any) -> Any:
    return lambda command: pass_on(command, handle)


def cases() -> Iterator[Case]:
    handler, command = AsyncHandler(), JOIN
    chain: Any = handler.handle
    for _ in range(3):
        chain = around(chain)
    yield Case("singleton", "await handler.handle(command)", {"handler": handler, "command": command})
    yield Case("new", "await Handler().handle(command)", {"Handler": AsyncHandler, "command": command})
    yield Case(
        "dependencies",
        "await container.resolve(Handler).handle(command)",
        {"container": Container(), "Handler": BuiltAsyncHandler, "command": command},
    )
    names = {"handle": handle, "resolve": Container().resolve, "Mailer": Mailer, "Session": Session, "command": command}
    yield Case("function", "await handle(command, resolve(Mailer), resolve(Session))", names)
    yield Case("scope", "await in_scope(command)", {"in_scope": in_scope, "command": command})
    for key, recording in (("event", Recording), ("events", RecordingTen), ("new_event", RecordingNew)):
        names = {"with_events": with_events, "recording": recording, "command": command}
        yield Case(key, "await with_events(recording, command)", names)
    yield Case("middlewares", "await chain(command)", {"chain": chain, "command": command})
    yield Case("everything", "await everything(command)", {"everything": everything, "command": command})
    yield Case("dataclass", "await handler.handle(Join(user_id=7))", {"handler": handler, "Join": Join})
    if find_spec("rodi"):  # not in every environment
        yield from rodi_cases()
    if all(map(find_spec, ("anyio", "msgspec", "pydantic"))):
        yield from message_cases()


def rodi_cases() -> Iterator[Case]:
    import rodi

    registry = rodi.Container()
    registry.add_transient(AsyncHandler)
    names = {"services": registry.build_provider(), "Handler": AsyncHandler, "command": JOIN}
    yield Case("rodi", "await services.get(Handler).handle(command)", names)


def message_cases() -> Iterator[Case]:
    from contenders import baseline_messages as messages

    handler = AsyncHandler()
    for key, message in (("struct", messages.JoinStruct), ("model", messages.JoinModel)):
        yield Case(key, "await handler.handle(Join(user_id=7))", {"handler": handler, "Join": message})
