# Generated from tests/aio/test_mediator.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The mediator finds handlers, runs them, and emits what they recorded, in order."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from diator import (
    Command,
    CommandHandler,
    DomainEvent,
    EventHandler,
    EventMap,
    Events,
    MiddlewareChain,
    Query,
    RequestHandler,
    RequestMap,
)
from diator.errors import EventRouteDoesNotExist, HandlerBuildError, InvalidHandler, RequestHandlerDoesNotExist
from diator.sync import EventEmitter, Mediator
from tests.sync.conftest import checkpoint, together


@dataclass(frozen=True, kw_only=True)
class Double(Query[int]):
    number: int


@dataclass(frozen=True, kw_only=True)
class Record(Command[str]):
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Recorded(DomainEvent):
    name: str


class DoubleHandler(RequestHandler[Double, int]):
    def handle(self, request: Double) -> int:
        return request.number * 2


class PlainDoubleHandler(RequestHandler[Double, int]):
    def handle(self, request: Double) -> int:
        return request.number * 2


def double(request: Double) -> int:
    checkpoint()
    return request.number * 2


def plain_double(request: Double) -> int:
    return request.number * 2


class CallableDouble:
    def __call__(self, request: Double) -> int:
        return request.number * 2


class RecordHandler(CommandHandler[Record, str]):
    def handle(self, command: Record, events: Events) -> str:
        for name in command.names:
            events.append(Recorded(name=name))
            checkpoint()
        return "done"


class PlainRecordHandler(CommandHandler[Record, str]):
    def handle(self, command: Record, events: Events) -> str:
        events.extend(Recorded(name=name) for name in command.names)
        return "done"


def record(command: Record, events: Events) -> str:
    return RecordHandler().handle(command, events)


def record_by_keyword(command: Record, *, events: Events) -> str:
    return PlainRecordHandler().handle(command, events)


class RecordingWithOptions:
    def handle(self, command: Record, retries: int = 3, *args: Any, events: Events, **options: Any) -> str:
        assert (retries, args, options) == (3, (), {})
        return PlainRecordHandler().handle(command, events)


def mediator_of(handler: Any, event_map: EventMap | None = None, **options: Any) -> Mediator:
    requests = RequestMap()
    requests.bind(Double if "ouble" in getattr(handler, "__qualname__", repr(handler)) else Record, handler)
    return Mediator(requests, event_map=event_map, **options)


@pytest.mark.parametrize(
    "handler",
    [
        DoubleHandler,
        PlainDoubleHandler,
        DoubleHandler(),
        PlainDoubleHandler(),
        double,
        plain_double,
        partial(double),
        CallableDouble(),
        DoubleHandler().handle,
        PlainDoubleHandler().handle,
    ],
)
def test_send_returns_what_the_handler_returns(handler: Any) -> None:
    assert mediator_of(handler).send(Double(number=21)) == 42


@pytest.mark.parametrize(
    "handler",
    [
        RecordHandler,
        PlainRecordHandler,
        RecordHandler(),
        PlainRecordHandler(),
        record,
        record_by_keyword,
        RecordingWithOptions,
        RecordingWithOptions(),
    ],
)
@pytest.mark.parametrize("with_middleware", [False, True])
def test_recorded_events_are_handled_first_in_first_out(handler: Any, with_middleware: bool) -> None:
    events, seen = EventMap(), []
    events.bind(Recorded, lambda event: seen.append(event.name))
    chain = MiddlewareChain()

    def middleware(request: Any) -> Any:
        return (yield request)

    if with_middleware:
        chain.add(middleware)
    mediator = mediator_of(handler, events, middleware_chain=chain)

    assert mediator.send(Record(names=("a", "b", "c"))) == "done"
    assert seen == ["a", "b", "c"]
    assert mediator.send(Record(names=())) == "done"
    assert seen == ["a", "b", "c"]


def test_events_of_event_handlers_join_the_end_of_the_queue() -> None:
    events, seen = EventMap(), []

    @events.handler
    def first(event: Recorded, events: Events) -> None:
        seen.append(f"first {event.name}")
        if len(event.name) < 3:
            events.append(Recorded(name=event.name + "x"))

    @events.handler
    def second(event: Recorded) -> None:
        seen.append(f"second {event.name}")

    mediator_of(RecordHandler, events).send(Record(names=("a", "b")))
    names = ["a", "b", "ax", "bx", "axx", "bxx"]
    assert seen == [f"{handler} {name}" for name in names for handler in ("first", "second")]


def test_every_send_builds_a_new_handler() -> None:
    built: list[Any] = []

    class Counted(DoubleHandler):
        def __init__(self) -> None:
            built.append(self)

    requests = RequestMap()
    requests.bind(Double, Counted)
    mediator = Mediator(requests)
    mediator.send(Double(number=1))
    mediator.send(Double(number=1))
    assert len(built) == 2
    assert built[0] is not built[1]


def test_every_event_builds_new_handlers() -> None:
    built: list[Any] = []
    events = EventMap()

    @events.handler
    class Counted(EventHandler[Recorded]):
        def __init__(self) -> None:
            built.append(self)

        def handle(self, event: Recorded) -> None:
            checkpoint()

    mediator_of(RecordHandler, events).send(Record(names=("a", "b")))
    assert len(set(map(id, built))) == 2


def test_a_request_without_handler_is_refused_at_the_call() -> None:
    mediator = Mediator(RequestMap())
    with pytest.raises(RequestHandlerDoesNotExist, match=r"no handler is bound to Double: bind one with"):
        mediator.send(Double(number=1))  # the call itself raises: there is nothing to wait for
    with pytest.raises(RequestHandlerDoesNotExist):
        mediator.sender(Double)


def test_a_handler_takes_exactly_its_request_type_and_no_subclass() -> None:
    class Quadruple(Double):
        pass

    mediator = mediator_of(DoubleHandler)
    with pytest.raises(RequestHandlerDoesNotExist):
        mediator.send(Quadruple(number=1))


def test_a_handler_that_needs_arguments_needs_a_container() -> None:
    class DoubleByFactor(DoubleHandler):
        def __init__(self, factor: int) -> None:
            self.factor = factor

    mediator = mediator_of(DoubleByFactor)
    with pytest.raises(HandlerBuildError, match=r"DoubleByFactor.__init__ needs a value for its parameter `factor`"):
        mediator.send(Double(number=1))


def test_a_request_bound_after_a_failed_send_is_handled() -> None:
    requests = RequestMap()
    mediator = Mediator(requests)
    with pytest.raises(RequestHandlerDoesNotExist):
        mediator.send(Double(number=1))
    requests.bind(Double, DoubleHandler)
    assert mediator.send(Double(number=1)) == 2


def test_event_handlers_bound_after_the_first_send_take_effect() -> None:
    events, seen = EventMap(), []
    mediator = mediator_of(RecordHandler, events)
    mediator.send(Record(names=("unseen",)))
    events.bind(Recorded, lambda event: seen.append(("first", event.name)))
    mediator.send(Record(names=("a",)))
    events.bind(DomainEvent, lambda event: seen.append(("second", event.name)))
    mediator.send(Record(names=("b",)))
    assert seen == [("first", "a"), ("first", "b"), ("second", "b")]


def test_maps_included_after_the_first_send_take_effect() -> None:
    requests, more = RequestMap(), RequestMap()
    requests.bind(Double, double)
    more.bind(Record, record)
    mediator = Mediator(requests)
    mediator.send(Double(number=1))
    requests.include(more)
    assert mediator.send(Record(names=())) == "done"


def test_middlewares_added_after_the_first_send_take_effect() -> None:
    chain, seen = MiddlewareChain(), []

    def noting(request: Any) -> Any:
        seen.append(request)
        return (yield request)

    mediator = mediator_of(double, middleware_chain=chain)
    send = mediator.sender(Double)
    mediator.send(Double(number=1))
    assert send(Double(number=1)) == 2
    chain.add(noting)
    mediator.send(Double(number=2))
    assert send(Double(number=3)) == 6
    assert [request.number for request in seen] == [2, 3]
    chain.set([])
    send(Double(number=4))
    assert len(seen) == 2


def test_a_bound_sender_sends() -> None:
    events, seen = EventMap(), []
    send = mediator_of(RecordHandler, events).sender(Record)
    events.bind(Recorded, lambda event: seen.append(event.name))
    assert send(Record(names=("a",))) == "done"
    assert seen == ["a"]


def test_publish_runs_the_handlers_of_an_event() -> None:
    events, seen = EventMap(), []

    @events.handler
    def note(event: Recorded, events: Events) -> None:
        seen.append(event.name)
        if event.name == "a":
            events.append(Recorded(name="caused"))

    mediator = Mediator(RequestMap(), event_map=events)
    assert mediator.publish(Recorded(name="a")) is None
    assert seen == ["a", "caused"]


def test_publish_refuses_what_is_no_event() -> None:
    mediator = Mediator(RequestMap())
    with pytest.raises(EventRouteDoesNotExist, match="Double is not an event"):
        mediator.publish(Double(number=1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"event_map": EventMap()},
        {"message_broker": object()},
        {"strict_events": True},
        {"fail_fast": True},
        {"max_cascade": 2},
        {"concurrency": 2},
        {"serializer": object()},
    ],
)
def test_an_emitter_excludes_what_it_replaces(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="event_emitter stands for"):
        Mediator(RequestMap(), event_emitter=EventEmitter(), **options)


@pytest.mark.parametrize("name", ["max_cascade", "concurrency"])
def test_limits_below_one_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1, not 0"):
        Mediator(RequestMap(), **{name: 0})


def test_concurrent_sends_never_mix_their_events() -> None:
    events = EventMap()
    seen: dict[str, list[str]] = {}

    @events.handler
    def note(event: Recorded, events: Events) -> None:
        owner, _, name = event.name.partition(" ")
        seen.setdefault(owner, []).append(name)
        checkpoint()
        if name in "01":
            events.append(Recorded(name=f"{owner} {name}x"))

    mediator = mediator_of(RecordHandler(), events)  # one handler object for all of them

    def sending(owner: int) -> Callable[[], Any]:
        return lambda: mediator.send(Record(names=tuple(f"{owner} {number}" for number in range(3))))

    assert together(*map(sending, range(8))) == ["done"] * 8
    assert len(seen) == 8
    assert set(map(tuple, seen.values())) == {("0", "1", "2", "0x", "1x")}


def test_the_mediator_is_a_context_manager_and_usable_afterwards() -> None:
    mediator = mediator_of(double)
    with mediator as entered:
        assert entered is mediator
        assert mediator.send(Double(number=1)) == 2
    assert mediator.send(Double(number=2)) == 4
    mediator.close()
    assert mediator.send(Double(number=3)) == 6


def test_errors_pass_through_the_context_manager() -> None:
    with pytest.raises(KeyError, match="mine"):
        with mediator_of(double):
            raise KeyError("mine")


def test_a_handler_class_without_handle_cannot_be_bound_and_the_base_class_says_so() -> None:
    requests = RequestMap()

    class Forgetful(RequestHandler[Double, int]):
        pass

    requests.bind(Double, Forgetful)
    with pytest.raises(NotImplementedError, match=r"Forgetful does not define handle\(self, request\)"):
        Mediator(requests).send(Double(number=1))
    with pytest.raises(InvalidHandler, match="has no method `handle`"):
        requests.bind(Record, object)
