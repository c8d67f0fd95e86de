"""The maps read what a handler handles, and refuse while binding what could not work later."""

import gc
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest

from diator import (
    Command,
    CommandHandler,
    DomainEvent,
    ECSTEvent,
    Event,
    EventHandler,
    EventMap,
    Events,
    MiddlewareChain,
    Query,
    QueryHandler,
    Request,
    RequestHandler,
    RequestMap,
)
from diator._core.events import RouteTable
from diator.aio import Mediator
from diator.errors import HandlerAlreadyBound, HandlerBuildError, InvalidHandler, RequestHandlerDoesNotExist


@dataclass(frozen=True, kw_only=True)
class Join(Command[int]):
    pass


@dataclass(frozen=True, kw_only=True)
class Leave(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Read(Query[str | None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Untyped(Command):  # type: ignore[type-arg]
    pass


@dataclass(frozen=True, kw_only=True)
class Joined(DomainEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class JoinedLate(Joined):
    pass


@dataclass(frozen=True, kw_only=True)
class Changed(ECSTEvent):
    pass


class JoinHandler(CommandHandler[Join, int]):
    async def handle(self, command: Join) -> int:
        return 1


def join(command: Join) -> int:
    return 1


async def joined(event: Joined) -> None: ...


class Service:
    pass


class CallableHandler:
    def __call__(self, command: Join) -> int:
        return 1


@pytest.fixture
def requests() -> RequestMap:
    return RequestMap()


@pytest.fixture
def events() -> EventMap:
    return EventMap()


# -- bind and get


@pytest.mark.parametrize(
    "handler", [JoinHandler, JoinHandler(), join, partial(join), CallableHandler(), JoinHandler().handle, lambda c: 1]
)
def test_get_returns_what_was_bound(requests: RequestMap, handler: Any) -> None:
    requests.bind(Join, handler)
    assert requests.get(Join) is handler
    assert list(requests) == [Join]
    assert len(requests) == 1
    assert str(requests) == str({Join: handler})


def test_a_missing_handler_is_named_with_what_to_do(requests: RequestMap) -> None:
    with pytest.raises(RequestHandlerDoesNotExist, match=r"to Join: bind one with `request_map.bind\(Join, \.\.\.\)`"):
        requests.get(Join)
    with pytest.raises(LookupError):
        requests.get(Join)


def test_a_request_cannot_be_bound_twice(requests: RequestMap) -> None:
    requests.bind(Join, JoinHandler)
    with pytest.raises(HandlerAlreadyBound, match=r"Join is handled by JoinHandler already.*so join cannot take it"):
        requests.bind(Join, join)
    with pytest.raises(HandlerAlreadyBound):
        requests.handler(join)
    assert requests.get(Join) is JoinHandler


@pytest.mark.parametrize("wrong", [Joined, object, 3, "Join", Join()])
def test_only_requests_can_be_bound(requests: RequestMap, wrong: Any) -> None:
    with pytest.raises(InvalidHandler, match=r"is not a subclass of Request. Derive it from Command or Query"):
        requests.bind(wrong, lambda request: None)


@pytest.mark.parametrize("wrong", [Join, object, 3, "Joined", Joined()])
def test_only_events_can_be_bound_to_event_handlers(events: EventMap, wrong: Any) -> None:
    for bind in (lambda: events.bind(wrong, lambda event: None), lambda: events.declare(wrong)):
        with pytest.raises(InvalidHandler, match=r"is not a subclass of Event. Derive it from DomainEvent"):
            bind()
    assert events.get_events() == []


@pytest.mark.parametrize("handler", [JoinHandler, JoinHandler(), join, partial(join), CallableHandler()])
def test_a_handler_of_another_request_cannot_be_bound(requests: RequestMap, handler: Any) -> None:
    with pytest.raises(InvalidHandler, match=r"handles Join, so it cannot be bound to Leave"):
        requests.bind(Leave, handler)
    assert len(requests) == 0


def test_a_handler_of_other_events_cannot_be_bound(events: EventMap) -> None:
    with pytest.raises(InvalidHandler, match="joined handles Joined, so it cannot be bound to Changed"):
        events.bind(Changed, joined)
    with pytest.raises(InvalidHandler):
        events.bind(Event, joined)
    events.bind(JoinedLate, joined)


def test_a_handler_of_a_base_class_can_be_bound_to_a_subclass(requests: RequestMap) -> None:
    def handle_any(request: Request[Any]) -> int:
        return 1

    requests.bind(Join, handle_any)
    requests.bind(Leave, handle_any)


@pytest.mark.parametrize("annotation", [Any, object, "NowhereToBeFound", TypeVar("T")])
def test_a_handler_that_does_not_say_what_it_handles_can_be_bound(
    requests: RequestMap, events: EventMap, annotation: Any
) -> None:
    def handle(message) -> None: ...  # type: ignore[no-untyped-def]

    handle.__annotations__["message"] = annotation
    requests.bind(Leave, handle)
    events.bind(Joined, handle)
    if annotation is not object:
        with pytest.raises(InvalidHandler, match=r"does not say which request it handles"):
            RequestMap().handler(handle)


# -- what the decorator reads


def test_the_decorator_returns_what_it_decorates(requests: RequestMap, events: EventMap) -> None:
    assert requests.handler(JoinHandler) is JoinHandler
    assert events.handler(joined) is joined
    assert requests.get(Join) is JoinHandler
    assert events.get(Joined) == [joined]


def test_the_decorator_takes_options(requests: RequestMap, events: EventMap) -> None:
    @requests.handler(sync="thread")
    def threaded(command: Join) -> int:
        return 1

    @events.handler(sync="inline")
    def inline(event: Joined) -> None: ...

    assert requests.spec(Join).sync == "thread"
    assert events.specs(Joined)[0].sync == "inline"
    assert requests.get(Join) is threaded


Q = TypeVar("Q", bound=Request[Any])
R = TypeVar("R")
E = TypeVar("E", bound=Event)


class Base(CommandHandler[Q, R], Generic[Q, R]):
    async def handle(self, request: Q) -> R:
        raise NotImplementedError


class Swapped(Base[Q, R], Generic[R, Q]):
    pass


class IntBase(Base[Q, int]):
    pass


class Fixed(IntBase[Join]):
    pass


class Mixin:
    pass


@pytest.mark.parametrize(
    "bases",
    [
        lambda: CommandHandler[Join, int],
        lambda: RequestHandler[Join, int],
        lambda: Base[Join, int],
        lambda: Swapped[int, Join],
        lambda: IntBase[Join],
        lambda: Fixed,
        lambda: CommandHandler["Join", "int"],
    ],
)
def test_the_request_is_read_from_the_generic_arguments(requests: RequestMap, bases: Callable[[], Any]) -> None:
    class Handler(Mixin, bases()):  # type: ignore[misc]
        async def handle(self, request: Any) -> Any: ...

    requests.handler(Handler)
    assert requests.get(Join) is Handler
    with pytest.raises(InvalidHandler):
        RequestMap().bind(Leave, Handler)


def test_the_request_is_read_from_the_annotation(requests: RequestMap) -> None:
    @requests.handler
    class ByMethod:
        def handle(self, command: Join, /, events: "Events") -> int:
            return 1

    @requests.handler
    class ByStaticMethod:
        @staticmethod
        def handle(command: Leave) -> None: ...

    @requests.handler
    class ByClassMethod:
        @classmethod
        async def handle(cls, query: Read) -> str | None: ...

    assert [requests.get(r) for r in (Join, Leave, Read)] == [ByMethod, ByStaticMethod, ByClassMethod]


@pytest.mark.parametrize("handler", [JoinHandler(), join, partial(join), CallableHandler(), JoinHandler().handle])
def test_objects_partials_and_callables_are_read_too(requests: RequestMap, handler: Any) -> None:
    requests.handler(handler)
    assert requests.get(Join) is handler


def test_one_handler_may_take_a_union(requests: RequestMap, events: EventMap) -> None:
    @requests.handler
    def both(request: Leave | Untyped) -> None: ...

    @events.handler
    class ByArgument(EventHandler[Joined | Changed]):
        async def handle(self, event: Any) -> None: ...

    @events.handler
    def by_annotation(event: Joined | Changed) -> None: ...

    assert requests.get(Leave) is requests.get(Untyped) is both
    for event_type in (Joined, Changed):
        assert events.get(event_type) == [ByArgument, by_annotation]


def test_a_union_of_which_one_is_taken_binds_nothing(requests: RequestMap) -> None:
    requests.handler(join)

    def both(request: Leave | Join) -> Any: ...

    with pytest.raises(HandlerAlreadyBound):
        requests.handler(both)
    assert list(requests) == [Join]


def test_a_handler_that_does_not_say_what_it_handles_is_refused(requests: RequestMap, events: EventMap) -> None:
    for handler in (lambda request: None, CommandHandler, partial(lambda a, b: None, 1)):
        with pytest.raises(InvalidHandler, match=r"does not say which request it handles: annotate"):
            requests.handler(handler)
    with pytest.raises(InvalidHandler, match="does not say which event"):
        events.handler(join)
    with pytest.raises(InvalidHandler, match="does not say which request"):
        requests.handler(joined)


# -- results


@pytest.mark.parametrize(
    ("request_type", "returns"),
    [
        (Join, str),
        (Join, None),
        (Join, "str"),
        (Join, int | str),
        (Join, float),
        (Leave, int),
        (Read, int),
        (Read, str | int),
    ],
)
def test_the_decorator_refuses_a_wrong_result(requests: RequestMap, request_type: Any, returns: Any) -> None:
    def handle(request: Any) -> Any: ...

    handle.__annotations__.update({"request": request_type, "return": returns})
    with pytest.raises(InvalidHandler, match=rf"but {request_type.__name__} is a request for .*: change one of them"):
        requests.handler(handle)
    assert len(requests) == 0

    class Handler(CommandHandler[request_type, returns]):  # type: ignore[misc, valid-type]
        def handle(self, request: Any) -> Any: ...

    with pytest.raises(InvalidHandler, match="Handler returns"):
        requests.handler(Handler)


@pytest.mark.parametrize(
    ("request_type", "returns"),
    [
        (Join, int),
        (Join, bool),
        (Join, Any),
        (Join, "int"),
        (Join, "Unknown"),
        (Join, Literal[1]),
        (Join, Annotated[int, "x"]),
        (Join, Awaitable[int]),
        (Leave, None),
        (Read, str),
        (Read, None),
        (Read, str | None),
        (Read, None | str),
        (Untyped, int),
    ],
)
def test_the_decorator_accepts_a_fitting_result(requests: RequestMap, request_type: Any, returns: Any) -> None:
    def handle(request: Any) -> Any: ...

    handle.__annotations__.update({"request": request_type, "return": returns})
    requests.handler(handle)


def test_numbers_may_widen_as_type_checkers_let_them(requests: RequestMap) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Measure(Query[float]):
        pass

    @requests.handler
    def measure(query: Measure) -> int:
        return 1


def test_a_result_without_annotation_is_taken_on_trust(requests: RequestMap) -> None:
    @requests.handler
    def handle(command: Join): ...  # type: ignore[no-untyped-def]


# -- what cannot be called


def no_parameter() -> int:
    return 1


def keyword_only(*, command: Join) -> int:
    return 1


def generator(command: Join) -> Any:
    yield 1


async def async_generator(command: Join) -> Any:
    yield 1


class NoParameter:
    def handle(self) -> int:
        return 1


class UnfilledSecond:
    def handle(self, command: Join, service: Service) -> int:
        return 1


class GeneratorHandler:
    def handle(self, command: Join) -> Any:
        yield 1


class NotCallable:
    handle = 3


class BuildsNothing:
    pass


@pytest.mark.parametrize(
    ("handler", "match"),
    [
        (BuildsNothing, "BuildsNothing has no method `handle`; a handler is a class with one, or a function"),
        (BuildsNothing(), "BuildsNothing has no method `handle`"),
        (NotCallable, "has no method `handle`"),
        (no_parameter, "no_parameter takes no message: its first parameter must be the request or event"),
        (keyword_only, "takes no message"),
        (NoParameter, "takes no message"),
        (NoParameter(), "takes no message"),
        (lambda *args: 1, "takes no message"),
        (generator, "is a generator; a handler returns its result, so replace `yield`"),
        (async_generator, "is a generator"),
        (GeneratorHandler, "is a generator"),
        (partial(generator), "is a generator"),
        (UnfilledSecond, r"UnfilledSecond.handle has a parameter `service` that nobody fills: annotate it `Events`"),
        (UnfilledSecond(), "`service` that nobody fills"),
        (lambda command, service: 1, "a parameter `service` without a usable annotation"),
    ],
)
def test_what_cannot_be_called_is_refused_when_bound(
    requests: RequestMap, events: EventMap, handler: Any, match: str
) -> None:
    with pytest.raises(InvalidHandler, match=match):
        requests.bind(Join, handler)
    with pytest.raises(InvalidHandler, match=match):
        requests.handler(handler)
    with pytest.raises(InvalidHandler, match=match):
        events.bind(Joined, handler)
    assert len(requests) == 0


@pytest.mark.parametrize("sync", ["threads", True, 1, ""])
def test_an_unknown_place_to_run_is_refused(requests: RequestMap, events: EventMap, sync: Any) -> None:
    for bind in (partial(requests.bind, Join, join), partial(events.bind, Joined, lambda event: None)):
        with pytest.raises(InvalidHandler, match=r'sync must be "inline" or "thread", not'):
            bind(sync=sync)


@pytest.mark.parametrize("handler", [JoinHandler, JoinHandler(), JoinHandler().handle, partial(JoinHandler().handle)])
def test_an_async_handler_cannot_be_sent_to_a_thread(requests: RequestMap, handler: Any) -> None:
    with pytest.raises(InvalidHandler, match=r'is async def: sync="thread" is for def handlers; leave it out'):
        requests.bind(Join, handler, sync="thread")
    requests.bind(Join, handler, sync="inline")


# -- parameters


def test_the_spec_tells_events_from_dependencies(requests: RequestMap) -> None:
    def handle(command: Leave, service: Service, buffer: Events, *args: Any, other: Service, n: int = 1) -> None: ...

    requests.bind(Leave, handle)
    spec = requests.spec(Leave)
    assert spec.events_parameter == "buffer"
    assert not spec.events_second
    assert spec.dependencies == (("service", Service), ("other", Service))
    assert (spec.is_class, spec.is_async, spec.may_own_events) == (False, False, False)
    assert spec.name.endswith("<locals>.handle")


@pytest.mark.parametrize(
    "annotation",
    [Events, "Events", "events.Events", Annotated[Events, "x"], "Annotated[Events, 'x']", type("E", (Events,), {})],
)
def test_a_parameter_that_means_events_takes_them(requests: RequestMap, annotation: Any) -> None:
    def handle(command: Join, recorded: Any) -> int:
        return 1

    handle.__annotations__["recorded"] = annotation
    requests.bind(Join, handle)
    assert requests.spec(Join).events_parameter == "recorded"
    assert requests.spec(Join).events_second


def test_an_annotation_that_fails_to_evaluate_is_left_alone(requests: RequestMap) -> None:
    def handle(command: "1/0", service: "1/0") -> None: ...  # type: ignore[valid-type]

    with pytest.raises(InvalidHandler, match="without a usable annotation"):
        requests.bind(Leave, handle)


def test_classes_that_mention_events_may_keep_a_list_of_them(requests: RequestMap) -> None:
    class Property:
        events = property(lambda self: [])

        def handle(self, request: Any) -> None: ...

    class Attribute:
        def __init__(self) -> None:
            self.events: list[Any] = []

        def handle(self, request: Any) -> None: ...

    class Annotation:
        events: list[Any]

        def handle(self, request: Any) -> None: ...

    class Innocent:
        def handle(self, request: Any) -> None: ...

    innocent = Innocent()
    innocent.events = []  # type: ignore[attr-defined]
    for handler, owns in [(Property, True), (Attribute, True), (Annotation, True), (Innocent, False), (innocent, True)]:
        requests = RequestMap()
        requests.bind(Leave, handler)
        assert requests.spec(Leave).may_own_events is owns


# -- event handlers


def test_base_class_handlers_take_subclasses_in_bind_order(events: EventMap) -> None:
    def first(event: Any) -> None: ...
    def second(event: Any) -> None: ...
    def third(event: Any) -> None: ...

    events.bind(DomainEvent, first)
    events.bind(JoinedLate, second)
    events.bind(Joined, third)
    events.bind(JoinedLate, third)
    events.bind(Event, second)
    assert events.get(JoinedLate) == [first, second, third]
    assert events.get(Joined) == [first, third, second]
    assert events.get(Changed) == [second]
    assert events.get_events() == [DomainEvent, JoinedLate, Joined, Event]
    assert EventMap().get(Joined) == []


def test_the_same_event_and_handler_cannot_be_bound_twice(events: EventMap) -> None:
    events.bind(Joined, joined)
    with pytest.raises(HandlerAlreadyBound, match="joined is bound to Joined already"):
        events.handler(joined)
    assert events.get(Joined) == [joined]


def test_a_bound_method_is_one_handler_however_often_it_is_looked_up(events: EventMap) -> None:
    class Handlers:
        def note(self, event: Event) -> None: ...

    handlers, others = Handlers(), Handlers()
    events.bind(Joined, handlers.note)
    events.bind(Event, handlers.note)
    assert len(events.get(Joined)) == 1
    with pytest.raises(HandlerAlreadyBound):
        events.bind(Joined, handlers.note)
    events.bind(Joined, others.note)
    assert len(events.get(Joined)) == 2


def test_declared_events_are_known_without_handlers(events: EventMap) -> None:
    events.declare(Joined, Changed)
    events.declare(Joined)
    events.bind(Changed, lambda event: None)
    assert events.get_events() == [Changed, Joined]
    assert events.get(Joined) == []


def test_the_text_of_an_event_map_shows_handlers_by_event(events: EventMap) -> None:
    events.bind(DomainEvent, handler := lambda event: None)
    events.declare(Joined)
    assert str(events) == str({DomainEvent: [handler], Joined: [handler]})


# -- include


def test_include_takes_over_all_bindings(requests: RequestMap, events: EventMap) -> None:
    more, more_events = RequestMap(), EventMap()
    requests.bind(Join, join)
    more.bind(Leave, lambda command: None, sync="thread")
    requests.include(more)
    assert list(requests) == [Join, Leave]
    assert requests.spec(Leave).sync == "thread"
    events.bind(Joined, joined)
    more_events.bind(Joined, handler := lambda event: None)
    more_events.declare(Changed)
    events.include(more_events)
    assert events.get(Joined) == [joined, handler]
    assert events.get_events() == [Joined, Changed]


def test_an_include_with_a_conflict_takes_over_nothing(requests: RequestMap, events: EventMap) -> None:
    more, more_events = RequestMap(), EventMap()
    more.bind(Leave, lambda command: None)
    more.bind(Join, join)
    requests.bind(Join, JoinHandler)
    with pytest.raises(HandlerAlreadyBound):
        requests.include(more)
    assert list(requests) == [Join]
    more_events.bind(Changed, lambda event: None)
    more_events.bind(Joined, joined)
    events.bind(Joined, joined)
    with pytest.raises(HandlerAlreadyBound):
        events.include(more_events)
    assert events.get_events() == [Joined]


# -- watchers


def test_maps_and_chains_do_not_keep_mediators_alive(requests: RequestMap, events: EventMap) -> None:
    chain = MiddlewareChain()
    requests.bind(Join, join)
    mediators = [Mediator(requests, None, None, chain, event_map=events) for _ in range(3)]
    for mediator in mediators:
        mediator.sender(Join)
    gone = [weakref.ref(mediator) for mediator in mediators]
    del mediator, mediators
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3
    for watched in (requests, events, chain):
        assert len(watched._watchers) == 0
    requests.bind(Leave, lambda command: None)


def test_a_table_that_watches_forgets_its_routes_at_every_change(requests: RequestMap, events: EventMap) -> None:
    made: list[type] = []

    def make(message_type: type) -> int:
        made.append(message_type)
        return len(made)

    table = RouteTable(make)
    requests.watch(table)
    events.watch(table)
    assert [table[Join], table[Join]] == [1, 1]
    requests.bind(Join, join)
    assert table[Join] == 2
    events.declare(Joined)
    assert table[Join] == 3
    other = RouteTable(make)
    assert table != other
    assert len({table, other}) == 2


# -- buildable


def test_a_function_that_needs_a_container_says_so() -> None:
    from diator._core.inspection import check_buildable

    requests = RequestMap()
    requests.bind(Join, lambda command, *, service=1: 1)
    check_buildable(requests.spec(Join))

    def needing(command: Leave, service: Service) -> None: ...

    requests.bind(Leave, needing)
    with pytest.raises(HandlerBuildError, match="`service`: pass a container"):
        check_buildable(requests.spec(Leave))


def test_the_base_class_of_event_handlers_says_what_is_missing() -> None:
    class Forgetful(EventHandler[Joined]):
        pass

    with pytest.raises(NotImplementedError, match=r"Forgetful does not define handle\(self, event\)"):
        Forgetful().handle(Joined())
    with pytest.raises(NotImplementedError, match=r"QueryHandler does not define handle\(self, request\)"):
        QueryHandler[Any, Any]().handle(Read())
