# Generated from tests/aio/test_containers.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Containers build handlers and fill the parameters of functions, within one scope for each dispatch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from diator import Command, CommandHandler, DomainEvent, EventMap, Events, MiddlewareChain, RequestMap
from diator.errors import EventHandlingError, HandlerBuildError, InvalidHandler
from diator.sync import DefaultDispatcher, EventEmitter, Mediator


@dataclass(frozen=True, kw_only=True)
class Join(Command[str]):
    name: str = "ann"


@dataclass(frozen=True, kw_only=True)
class Joined(DomainEvent):
    name: str


class Mailer:
    pass


class Session:
    """Something that lives as long as a scope."""

    def __init__(self) -> None:
        self.closed = False


class JoinHandler(CommandHandler[Join, str]):
    def __init__(self, mailer: Mailer, session: Session) -> None:
        self.mailer, self.session = mailer, session

    def handle(self, command: Join, events: Events) -> str:
        assert not self.session.closed
        events.append(Joined(name=command.name))
        return f"hello {command.name}"


class Instances:
    """Makes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def make(self, type_: Any, session: Session | None = None) -> Any:
        self.asked.append(type_)
        if type_ is Session:
            return session or Session()
        if type_ is Mailer:
            return Mailer()
        names = [name for name in ("mailer", "session") if name in getattr(type_.__init__, "__annotations__", ())]
        return type_(**{name: self.make(type_.__init__.__annotations__[name], session) for name in names})


class AwaitingContainer(Instances):
    def resolve(self, type_: Any) -> Any:
        return self.make(type_)


class PlainContainer(Instances):
    def resolve(self, type_: Any) -> Any:
        return self.make(type_)


class ScopedContainer(AwaitingContainer):
    """Has a session for each scope, and a log of what happens to it."""

    def __init__(self, log: list[str], fails: bool = False) -> None:
        super().__init__()
        self.log, self.fails = log, fails

    @contextmanager
    def scope(self) -> Iterator[Any]:
        session = Session()
        container = self

        class Scope:
            def resolve(self, type_: Any) -> Any:
                return container.make(type_, session)

        self.log.append("open")
        try:
            yield Scope()
        finally:
            session.closed = True
            self.log.append("close")
            if self.fails:
                raise OSError("cannot close")


def maps(handler: Any = JoinHandler, *event_handlers: Any) -> tuple[RequestMap, EventMap]:
    requests, events = RequestMap(), EventMap()
    requests.bind(Join, handler)
    for event_handler in event_handlers:
        events.handler(event_handler)
    return requests, events


class GreetHandler(CommandHandler[Join, str]):
    """Records nothing, so that nothing is left to do when it has returned."""

    def __init__(self, mailer: Mailer) -> None:
        self.mailer = mailer

    def handle(self, command: Join) -> str:
        assert isinstance(self.mailer, Mailer)
        return f"hello {command.name}"


class PlainGreetHandler(GreetHandler):
    def handle(self, command: Join) -> Any:
        assert isinstance(self.mailer, Mailer)
        return f"hello {command.name}"


@pytest.mark.parametrize("kind", [AwaitingContainer, PlainContainer])
@pytest.mark.parametrize("handler", [GreetHandler, PlainGreetHandler])
@pytest.mark.parametrize("middlewares", [0, 2])
def test_the_container_builds_handlers_that_record_nothing(
    kind: type[Any], handler: type[Any], middlewares: int
) -> None:
    seen: list[Any] = []

    def look(request: Any, handle: Any) -> Any:
        seen.append(request)
        return handle(request)

    requests, _ = maps(handler)
    container = kind()
    mediator = Mediator(requests, container, middleware_chain=MiddlewareChain(*[look] * middlewares))
    assert [mediator.send(Join(name=name)) for name in ("ann", "bob")] == ["hello ann", "hello bob"]
    assert len(seen) == 2 * middlewares
    assert container.asked == [handler, Mailer] * 2


@pytest.mark.parametrize("kind", [AwaitingContainer, PlainContainer])
def test_any_object_with_resolve_builds_handlers(kind: type[Any]) -> None:
    container = kind()
    requests, events = maps()
    assert Mediator(requests, container, event_map=events).send(Join()) == "hello ann"
    assert container.asked == [JoinHandler, Mailer, Session]


@pytest.mark.parametrize("kind", [AwaitingContainer, PlainContainer])
@pytest.mark.parametrize("with_middleware", [False, True])
def test_the_parameters_of_functions_come_from_the_container(kind: type[Any], with_middleware: bool) -> None:
    seen: list[Any] = []

    def join(command: Join, mailer: Mailer, events: Events, *, session: Session, limit: int = 3) -> str:
        seen.extend((mailer, session, limit))
        events.append(Joined(name=command.name))
        return command.name

    def welcome(event: Joined, mailer: Mailer, events: Events) -> None:
        seen.extend((mailer, event.name))

    def count(event: Joined, session: Session) -> None:
        seen.append(session)

    chain = MiddlewareChain()

    def middleware(request: Any) -> Any:
        return (yield request)

    if with_middleware:
        chain.add(middleware)
    requests, events = maps(join, welcome, count)
    mediator = Mediator(requests, kind(), event_map=events, middleware_chain=chain)
    assert mediator.send(Join()) == "ann"
    assert [value if isinstance(value, int | str) else type(value) for value in seen] == [
        *(Mailer, Session, 3),
        *(Mailer, "ann"),
        Session,
    ]


def test_def_functions_and_objects_take_part_too() -> None:
    def join(command: Join, mailer: Mailer) -> str:
        return type(mailer).__name__

    class Instance:
        def handle(self, command: Join) -> str:
            return "instance"

    container = AwaitingContainer()
    assert Mediator(maps(join)[0], container).send(Join()) == "Mailer"
    assert Mediator(maps(Instance())[0], container).send(Join()) == "instance"
    assert container.asked == [Mailer]


def test_one_scope_spans_the_middlewares_the_handler_and_the_event_handlers() -> None:
    log: list[str] = []
    sessions: list[Session] = []

    def join(command: Join, session: Session, events: Events) -> str:
        sessions.append(session)
        log.append("handler")
        events.append(Joined(name="first"))
        return "response"

    def follow(event: Joined, session: Session, events: Events) -> None:
        sessions.append(session)
        log.append(event.name)
        if event.name == "first":
            events.append(Joined(name="second"))

    def middleware(request: Any) -> Any:
        log.append("before")
        response = yield request
        log.append("after")
        return response

    chain = MiddlewareChain()
    chain.add(middleware)
    requests, events = maps(join, follow)
    mediator = Mediator(requests, ScopedContainer(log), event_map=events, middleware_chain=chain)
    assert mediator.send(Join()) == "response"
    assert log == ["open", "before", "handler", "after", "first", "second", "close"]
    assert len({id(session) for session in sessions}) == 1
    mediator.send(Join())
    assert len({id(session) for session in sessions}) == 2
    assert log.count("close") == 2


@pytest.mark.parametrize("error", [KeyError("mine"), KeyboardInterrupt("mine")])
def test_the_scope_closes_when_the_handler_raises(error: BaseException) -> None:
    log: list[str] = []

    def join(command: Join, session: Session) -> str:
        log.append("handler")
        raise error

    with pytest.raises(type(error), match="mine"):
        Mediator(maps(join)[0], ScopedContainer(log)).send(Join())
    assert log == ["open", "handler", "close"]


def test_the_scope_closes_when_an_event_handler_raises_and_the_response_survives() -> None:
    log: list[str] = []

    def fail(event: Joined) -> None:
        raise KeyError(event.name)

    requests, events = maps(JoinHandler, fail)
    with pytest.raises(EventHandlingError) as caught:
        Mediator(requests, ScopedContainer(log), event_map=events).send(Join())
    assert caught.value.response == "hello ann"
    assert log == ["open", "close"]


def test_a_scope_that_cannot_be_closed_after_the_commit_keeps_the_response() -> None:
    def fail(event: Joined) -> None:
        raise KeyError(event.name)

    requests, events = maps(JoinHandler)
    mediator = Mediator(requests, ScopedContainer([], fails=True), event_map=events)
    with pytest.raises(EventHandlingError, match="1 error after Join") as caught:
        mediator.send(Join())
    assert caught.value.response == "hello ann"
    assert [type(error) for error in caught.value.exceptions] == [OSError]

    events.bind(Joined, fail)
    with pytest.raises(EventHandlingError, match="2 errors after Join") as caught:
        mediator.send(Join())
    assert [type(error) for error in caught.value.exceptions] == [KeyError, OSError]


def test_a_scope_that_cannot_be_closed_loses_no_error_of_a_published_event() -> None:
    def fail(event: Joined) -> None:
        raise KeyError(event.name)

    requests, events = maps(JoinHandler, fail)
    mediator = Mediator(requests, ScopedContainer([], fails=True), event_map=events)
    with pytest.raises(EventHandlingError) as caught:
        mediator.publish(Joined(name="ann"))
    assert [type(error) for error in caught.value.exceptions] == [KeyError, OSError]


def test_a_scope_that_cannot_be_closed_keeps_the_response_of_a_dispatcher_of_ones_own() -> None:
    class OwnDispatcher(DefaultDispatcher):
        def dispatch(self, request: Any) -> Any:
            result = super().dispatch(request)
            container.fails = True
            return result

    container = ScopedContainer([])
    requests, events = maps(JoinHandler)
    mediator = Mediator(requests, container, event_map=events, dispatcher_type=OwnDispatcher)
    with pytest.raises(EventHandlingError) as caught:
        mediator.send(Join())
    assert caught.value.response == "hello ann"


def test_a_scope_that_cannot_be_opened_fails_the_send_before_anything_runs() -> None:
    class Closed(AwaitingContainer):
        def scope(self) -> Any:
            raise OSError("closed")

    container = Closed()
    with pytest.raises(OSError, match="closed"):
        Mediator(maps()[0], container).send(Join())
    assert container.asked == []


def test_what_the_container_raises_reaches_the_caller() -> None:
    class Empty:
        def resolve(self, type_: Any) -> Any:
            raise LookupError(type_.__name__)

    with pytest.raises(LookupError, match="JoinHandler"):
        Mediator(maps()[0], Empty()).send(Join())


def test_what_the_container_raises_for_an_event_handler_comes_after_the_commit() -> None:
    class OnlyRequests(AwaitingContainer):
        def resolve(self, type_: Any) -> Any:
            if type_ is Mailer:
                raise LookupError("no mailer")
            return type_()

    def welcome(event: Joined, mailer: Mailer) -> None:
        raise AssertionError

    def join(command: Join, events: Events) -> str:
        events.append(Joined(name=command.name))
        return "response"

    requests, events = maps(join, welcome)
    with pytest.raises(EventHandlingError) as caught:
        Mediator(requests, OnlyRequests(), event_map=events).send(Join())
    assert caught.value.response == "response"
    assert [type(error) for error in caught.value.exceptions] == [LookupError]


def test_concurrent_generations_share_the_scope() -> None:
    log: list[str] = []

    def first(event: Joined, session: Session) -> None:
        assert not session.closed

    def second(event: Joined, session: Session) -> None:
        assert not session.closed

    requests, events = maps(JoinHandler, first, second)
    mediator = Mediator(requests, ScopedContainer(log), event_map=events, concurrency=4)
    mediator.send(Join())
    assert log == ["open", "close"]


def test_the_container_of_an_emitter_serves_it_alone_and_the_mediators_serves_within() -> None:
    own, mediators = AwaitingContainer(), AwaitingContainer()

    def welcome(event: Joined, mailer: Mailer) -> None:
        pass

    requests, events = maps(JoinHandler, welcome)
    emitter = EventEmitter(events, own)
    emitter.emit(Joined(name="ann"))
    assert own.asked == [Mailer]
    Mediator(requests, mediators, emitter).send(Join())
    assert own.asked == [Mailer]
    assert mediators.asked == [JoinHandler, Mailer, Session, Mailer]


# -- errors


def test_without_a_container_the_error_names_handler_parameter_and_remedy() -> None:
    requests, events = maps()
    mediator = Mediator(requests, event_map=events)
    with pytest.raises(
        HandlerBuildError,
        match=r"^JoinHandler.__init__ needs a value for its parameter `mailer`: pass a container to the mediator, "
        "or bind an object instead of the class$",
    ):
        mediator.send(Join())


def test_without_a_container_a_function_with_dependencies_is_refused() -> None:
    def welcome(event: Joined, mailer: Mailer) -> None:
        pass

    def join(command: Join, mailer: Mailer) -> str:
        return ""

    requests, events = maps(join, welcome)
    mediator = Mediator(requests, event_map=events)
    with pytest.raises(HandlerBuildError, match=r"join needs a value for its parameter `mailer`: pass a container"):
        mediator.send(Join())
    with pytest.raises(HandlerBuildError, match=r"welcome needs a value for its parameter `mailer`: pass a container"):
        mediator.publish(Joined(name="ann"))


def test_a_handler_whose_arguments_all_have_defaults_needs_no_container() -> None:
    class Relaxed(JoinHandler):
        def __init__(self, mailer: Mailer | None = None, *args: Any, **kwargs: Any) -> None:
            super().__init__(mailer or Mailer(), Session())

    assert Mediator(maps(Relaxed)[0]).send(Join()) == "hello ann"


def test_a_parameter_without_annotation_is_refused_when_bound() -> None:
    def join(command: Join, mailer) -> str:  # type: ignore[no-untyped-def]
        return ""

    with pytest.raises(InvalidHandler, match="has a parameter `mailer` without a usable annotation"):
        maps(join)
