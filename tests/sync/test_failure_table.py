# Generated from tests/aio/test_failure_table.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What happens when something fails: one row of the promises after the other."""

import gc
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from time import monotonic
from typing import Any

import pytest

from diator import (
    Command,
    DomainEvent,
    ECSTEvent,
    Event,
    EventMap,
    Events,
    MiddlewareChain,
    NotificationEvent,
    RequestMap,
)
from diator.errors import (
    EventHandlingError,
    EventRouteDoesNotExist,
    EventsClosed,
    EventsShared,
    MaxCascadeExceeded,
    MessageEncodeError,
    RequestHandlerDoesNotExist,
)
from diator.sync import EventEmitter, Mediator
from tests.sync.conftest import checkpoint, together

#: Seconds until something that should have happened makes a test fail.
PATIENCE = 20


@dataclass(frozen=True, kw_only=True)
class Run(Command[str]):
    body: Callable[..., Any]
    marker: str = "secret"


@dataclass(frozen=True, kw_only=True)
class Happened(DomainEvent):
    name: str


@dataclass(frozen=True, kw_only=True)
class Unhandled(DomainEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class Notified(NotificationEvent):
    value: int = 1


@dataclass(frozen=True, kw_only=True)
class Unsendable(NotificationEvent):
    value: object


@dataclass(frozen=True, kw_only=True)
class Transferred(ECSTEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class Plain(Event):
    pass


class Broker:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def send_message(self, message: Any) -> None:
        self.messages.append(message)


class Boom(Exception):
    pass


class Fatal(BaseException):
    pass


def run(request: Run, events: Events) -> str:
    checkpoint()
    request.body(events)
    return "response"


def run_inline(request: Run, events: Events) -> str:
    request.body(events)
    return "response"


class Committing:
    """A middleware like a transaction: it notes whether it commits."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def __call__(self, request: Any, handle: Any) -> Any:
        try:
            response = handle(request)
        except BaseException:
            self.log.append("rollback")
            raise
        self.log.append("commit")
        return response


@pytest.fixture(params=[run, run_inline], ids=["with await", "without"])
def handler(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=[False, True], ids=["bare", "in a transaction"])
def transaction(request: pytest.FixtureRequest) -> Committing | None:
    return Committing() if request.param else None


def mediator_of(
    handler: Any, events: EventMap | None = None, transaction: Committing | None = None, **options: Any
) -> Mediator:
    requests, chain = RequestMap(), MiddlewareChain()
    requests.bind(Run, handler)
    if transaction is not None:
        chain.add(transaction)
    return Mediator(requests, event_map=events, middleware_chain=chain, **options)


def noting(seen: list[str]) -> EventMap:
    events = EventMap()
    events.bind(Happened, lambda event: seen.append(event.name))
    return events


def raising(error: BaseException) -> Callable[[Events], None]:
    def body(events: Events) -> None:
        events.append(Happened(name="lost"))
        raise error

    return body


# -- no handler for a request


def test_a_request_without_handler_fails_before_anything_runs() -> None:
    transaction = Committing()
    chain = MiddlewareChain()
    chain.add(transaction)
    with pytest.raises(RequestHandlerDoesNotExist):
        Mediator(RequestMap(), middleware_chain=chain).send(Run(body=print))
    assert transaction.log == []


# -- handler raises or is cancelled


@pytest.mark.parametrize("error", [Boom("mine"), Fatal("mine"), KeyError("mine")])
def test_the_error_of_a_handler_comes_unwrapped_and_its_events_are_never_emitted(
    handler: Any, transaction: Committing | None, error: BaseException
) -> None:
    seen: list[str] = []
    mediator = mediator_of(handler, noting(seen), transaction)
    with pytest.raises(type(error)) as caught:
        mediator.send(Run(body=raising(error)))
    assert caught.value is error
    mediator.send(Run(body=lambda events: events.append(Happened(name="next"))))
    assert seen == ["next"]
    if transaction is not None:
        assert transaction.log == ["rollback", "commit"]


# -- event cannot be serialised, or has no route


@pytest.mark.parametrize("event", [Notified(), Transferred(), Plain()])
def test_an_event_without_a_route_fails_where_it_is_recorded(
    handler: Any, transaction: Committing | None, event: Event
) -> None:
    seen: list[str] = []
    mediator = mediator_of(handler, noting(seen), transaction)

    def body(events: Events) -> None:
        events.append(Happened(name="lost"))
        with pytest.raises(EventRouteDoesNotExist, match=f"{type(event).__name__} has nowhere to go: bind a handler"):
            events.append(event)
        events.append(event)

    with pytest.raises(EventRouteDoesNotExist):
        mediator.send(Run(body=body))
    assert seen == []
    if transaction is not None:
        assert transaction.log == ["rollback"]


@pytest.mark.parametrize(("event", "has_hint"), [(Notified(), True), (Transferred(), True), (Plain(), False)])
def test_the_error_of_a_missing_route_names_the_broker_where_one_would_help(event: Event, has_hint: bool) -> None:
    with pytest.raises(EventRouteDoesNotExist) as caught:
        Mediator(RequestMap()).publish(event)
    assert ("pass a message broker" in str(caught.value)) is has_hint


@pytest.mark.parametrize("event", [Notified(), Transferred(), Plain()])
def test_an_event_with_a_local_handler_has_a_route(handler: Any, event: Event) -> None:
    events, seen = EventMap(), []
    events.bind(type(event), lambda event: seen.append(event))
    mediator_of(handler, events).send(Run(body=lambda events: events.append(event)))
    assert seen == [event]


def test_an_event_that_cannot_be_serialised_fails_where_it_is_recorded(
    handler: Any, transaction: Committing | None
) -> None:
    broker = Broker()
    mediator = mediator_of(handler, None, transaction, message_broker=broker)

    def body(events: Events) -> None:
        events.append(Notified())
        events.append(Unsendable(value=object()))

    with pytest.raises(MessageEncodeError):
        mediator.send(Run(body=body))
    assert broker.messages == []
    if transaction is not None:
        assert transaction.log == ["rollback"]


def test_what_is_no_event_cannot_be_recorded(handler: Any) -> None:
    with pytest.raises(EventRouteDoesNotExist, match="str is not an event"):
        mediator_of(handler).send(Run(body=lambda events: events.append("event")))


# -- a DomainEvent that nobody handles


def test_an_unhandled_domain_event_is_allowed(handler: Any) -> None:
    assert mediator_of(handler).send(Run(body=lambda events: events.append(Unhandled()))) == "response"


def test_an_unhandled_domain_event_is_an_error_if_strict(handler: Any, transaction: Committing | None) -> None:
    mediator = mediator_of(handler, None, transaction, strict_events=True)
    with pytest.raises(EventRouteDoesNotExist, match="Unhandled has nowhere to go: bind a handler to it"):
        mediator.send(Run(body=lambda events: events.append(Unhandled())))
    if transaction is not None:
        assert transaction.log == ["rollback"]


# -- recording after the dispatch ended


def test_recording_after_the_dispatch_is_an_error(handler: Any, transaction: Committing | None) -> None:
    kept: list[Events] = []
    seen: list[str] = []
    mediator = mediator_of(handler, noting(seen), transaction)
    mediator.send(Run(body=kept.append))
    with pytest.raises(EventsClosed, match=r"recorded after its dispatch had ended.*mediator.publish"):
        kept[0].append(Happened(name="late"))
    assert repr(kept[0]) == "<Events: 0 recorded, closed>"


def test_recording_after_a_failed_dispatch_is_an_error(handler: Any, transaction: Committing | None) -> None:
    kept: list[Events] = []

    def body(events: Events) -> None:
        kept.append(events)
        raise Boom

    with pytest.raises(Boom):
        mediator_of(handler, None, transaction).send(Run(body=body))
    with pytest.raises(EventsClosed):
        kept[0].append(Happened(name="late"))


@pytest.mark.parametrize("concurrency", [1, 3])
def test_recording_after_an_event_handler_has_returned_is_an_error(handler: Any, concurrency: int) -> None:
    kept: list[Events] = []
    events = EventMap()

    @events.handler
    def keep(event: Happened, events: Events) -> None:
        kept.append(events)

    mediator = mediator_of(handler, events, concurrency=concurrency)
    mediator.send(Run(body=lambda events: events.append(Happened(name="a"))))
    with pytest.raises(EventsClosed):
        kept[0].append(Happened(name="late"))


# -- an event handler raises


@pytest.mark.parametrize("concurrency", [1, 3])
def test_when_an_event_handler_raises_the_others_run_and_the_response_survives(
    handler: Any, transaction: Committing | None, concurrency: int
) -> None:
    seen: list[str] = []
    events = noting(seen)

    @events.handler
    def fail(event: Happened, events: Events) -> None:
        events.append(Unhandled())  # discarded if this handler raises
        if event.name != "b":
            raise Boom(event.name)

    @events.handler
    def count(event: Unhandled) -> None:
        seen.append("caused")
        raise KeyError("later")

    events.bind(Happened, lambda event: seen.append(f"last {event.name}"))
    mediator = mediator_of(handler, events, transaction, concurrency=concurrency)
    with pytest.raises(EventHandlingError) as caught:
        mediator.send(Run(body=lambda events: events.extend(Happened(name=n) for n in "abc")))
    assert caught.value.response == "response"
    assert [(type(e), e.args) for e in caught.value.exceptions] == [
        (Boom, ("a",)),
        (Boom, ("c",)),
        (KeyError, ("later",)),
    ]
    assert "3 errors after Run had been carried out" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert sorted(seen) == sorted(["a", "last a", "b", "last b", "c", "last c", "caused"])
    if concurrency == 1:
        assert seen == ["a", "last a", "b", "last b", "c", "last c", "caused"]
    if transaction is not None:
        assert transaction.log == ["commit"]


def test_fail_fast_stops_at_the_first_event_handler_that_raises(handler: Any) -> None:
    seen: list[str] = []
    events = EventMap()

    @events.handler
    def fail(event: Happened, events: Events) -> None:
        seen.append(event.name)
        events.append(Happened(name="caused"))
        if event.name == "b":
            raise Boom(event.name)

    @events.handler
    def second(event: Happened) -> None:
        seen.append(f"second {event.name}")

    mediator = mediator_of(handler, events, fail_fast=True)
    with pytest.raises(EventHandlingError, match="1 error after Run") as caught:
        mediator.send(Run(body=lambda events: events.extend(Happened(name=n) for n in "abc")))
    assert caught.value.response == "response"
    assert [e.args for e in caught.value.exceptions] == [("b",)]
    assert seen == ["a", "second a", "b"]


def test_fail_fast_stops_parallel_generations_too(handler: Any) -> None:
    seen: list[str] = []
    events = EventMap()

    @events.handler
    def fail(event: Happened, events: Events) -> None:
        seen.append(event.name)
        events.append(Happened(name="caused"))
        raise Boom(event.name)

    mediator = mediator_of(handler, events, fail_fast=True, concurrency=2, message_broker=Broker())

    def body(events: Events) -> None:
        events.extend([Happened(name="a"), Notified(), Happened(name="b")])

    with pytest.raises(EventHandlingError) as caught:
        mediator.send(Run(body=body))
    assert [e.args for e in caught.value.exceptions] == [("a",)]
    assert seen == ["a"]


def test_what_a_base_exception_of_an_event_handler_leaves_is_nothing_more_to_run(
    handler: Any, transaction: Committing | None
) -> None:
    seen: list[str] = []
    events = EventMap()

    @events.handler
    def fail(event: Happened) -> None:
        seen.append(event.name)
        raise Fatal(event.name)

    mediator = mediator_of(handler, events, transaction)
    with pytest.raises(Fatal, match="a"):
        mediator.send(Run(body=lambda events: events.extend(Happened(name=n) for n in "ab")))
    assert seen == ["a"]


def test_the_error_of_a_published_event_has_no_response() -> None:
    events = EventMap()

    @events.handler
    def fail(event: Happened) -> None:
        raise Boom

    with pytest.raises(EventHandlingError, match="1 error after Happened had been carried out") as caught:
        Mediator(RequestMap(), event_map=events).publish(Happened(name="a"))
    assert caught.value.response is None


# -- endless cascade


@pytest.mark.parametrize("concurrency", [1, 3])
def test_an_endless_cascade_ends(handler: Any, concurrency: int) -> None:
    seen: list[str] = []
    events = EventMap()

    @events.handler
    def again(event: Happened, events: Events) -> None:
        seen.append(event.name)
        events.append(event)

    mediator = mediator_of(handler, events, max_cascade=7, concurrency=concurrency)
    with pytest.raises(EventHandlingError) as caught:
        mediator.send(Run(body=lambda events: events.append(Happened(name="a"))))
    (error,) = caught.value.exceptions
    assert isinstance(error, MaxCascadeExceeded)
    assert "7 generations; 1 were not handled" in str(error)
    assert caught.value.response == "response"
    assert seen == ["a"] * 7


def test_the_default_cascade_is_a_thousand_generations(handler: Any) -> None:
    count = 0
    events = EventMap()

    @events.handler
    def again(event: Happened, events: Events) -> None:
        nonlocal count
        count += 1
        events.append(event)

    with pytest.raises(EventHandlingError):
        mediator_of(handler, events).send(Run(body=lambda events: events.append(Happened(name="a"))))
    assert count == 1000


# -- singleton handler, concurrent sends


def test_a_handler_with_its_own_list_that_is_shared_by_overlapping_sends_raises() -> None:
    seen: list[str] = []

    class OwnList:
        def __init__(self) -> None:
            self.events: list[Event] = []

        def handle(self, request: Run) -> str:
            self.events.append(Happened(name=request.marker))
            request.body(self.events)
            begun.append(request.marker)
            end = monotonic() + PATIENCE
            while len(begun) < 2 and not outcomes and monotonic() < end:  # until the other one is here, or refused
                checkpoint()
            return request.marker

    requests = RequestMap()
    requests.bind(Run, OwnList())
    mediator = Mediator(requests, event_map=noting(seen))
    begun: list[str] = []
    outcomes: list[Any] = []

    def sending(marker: str) -> Callable[[], Any]:
        def send() -> None:
            try:
                outcomes.append(mediator.send(Run(body=len, marker=marker)))
            except EventsShared as error:
                outcomes.append(error)

        return send

    together(sending("a"), sending("b"))
    (error,) = [o for o in outcomes if isinstance(o, EventsShared)]
    (answer,) = [o for o in outcomes if isinstance(o, str)]
    assert "OwnList keeps its events in a list of its own and is used by two dispatches at once" in str(error)
    assert seen == [answer]
    assert mediator.send(Run(body=len, marker="c")) == "c"
    assert seen == [answer, "c"]


# -- nested send from a handler


def test_the_events_of_a_nested_send_finish_before_it_returns(transaction: Committing | None) -> None:
    seen: list[str] = []

    def nest(request: Run, events: Events) -> str:
        events.append(Happened(name=f"outer {request.marker}"))
        if request.marker != "xxx":
            mediator.send(Run(body=len, marker=request.marker + "x"))
            seen.append(f"returned to {request.marker}")
        return request.marker

    mediator = mediator_of(nest, noting(seen), transaction)
    assert mediator.send(Run(body=len, marker="x")) == "x"
    assert seen == ["outer xxx", "returned to xx", "outer xx", "returned to x", "outer x"]


def test_a_nested_send_from_an_event_handler_has_its_own_queue(handler: Any) -> None:
    seen: list[str] = []
    events = EventMap()

    @events.handler
    def nest(event: Happened) -> None:
        seen.append(event.name)
        if event.name == "a":
            mediator.send(Run(body=lambda events: events.append(Happened(name="nested"))))
            seen.append("returned")

    mediator = mediator_of(handler, events)
    mediator.send(Run(body=lambda events: events.extend([Happened(name="a"), Happened(name="b")])))
    assert seen == ["a", "nested", "returned", "b"]


def test_a_failing_nested_send_fails_its_caller_only_if_not_caught() -> None:
    seen: list[str] = []

    def nest(request: Run, events: Events) -> str:
        events.append(Happened(name=request.marker))
        if request.marker == "inner":
            raise Boom
        with pytest.raises(Boom):
            mediator.send(Run(body=len, marker="inner"))
        return request.marker

    mediator = mediator_of(nest, noting(seen))
    assert mediator.send(Run(body=len, marker="outer")) == "outer"
    assert seen == ["outer"]


# -- leaks


@pytest.mark.parametrize("fails", [False, True])
def test_the_end_of_a_send_frees_its_events(handler: Any, fails: bool) -> None:
    recorded: list[weakref.ref[Event]] = []

    def body(events: Events) -> None:
        event = Happened(name="a")
        recorded.append(weakref.ref(event))
        events.append(event)
        if fails:
            raise Boom

    with pytest.raises(Boom) if fails else nullcontext():
        mediator_of(handler).send(Run(body=body))
    gc.collect()
    assert [event() for event in recorded] == [None]


def test_an_emitter_alone_follows_the_same_table() -> None:
    seen: list[str] = []
    emitter = EventEmitter(noting(seen), strict_events=True)
    with pytest.raises(EventRouteDoesNotExist):
        emitter.emit(Unhandled())
    emitter.emit(Happened(name="a"))
    assert seen == ["a"]
