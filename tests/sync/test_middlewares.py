# Generated from tests/aio/test_middlewares.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Middlewares of all three forms wrap handlers of either colour."""

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from diator import Command, DomainEvent, EventMap, Events, MiddlewareChain, Query, RequestHandler, RequestMap
from diator.errors import EventsClosed, InvalidHandler
from diator.sync import LoggingMiddleware, Mediator
from tests.sync.conftest import checkpoint


@dataclass(frozen=True, kw_only=True)
class Step(Command[int]):
    number: int = 1
    secret: str = "canary-4711"


@dataclass(frozen=True, kw_only=True)
class Read(Query[int]):
    pass


@dataclass(frozen=True, kw_only=True)
class Stepped(DomainEvent):
    number: int


class Flaky(Exception):
    pass


class Stage:
    """A handler and middlewares of every form, all writing one log."""

    def __init__(self, kind: str) -> None:
        self.log: list[Any] = []
        self.failures = 0
        self.requests, self.events, self.chain = RequestMap(), EventMap(), MiddlewareChain()
        self.requests.bind(Step, getattr(self, f"{kind}_handle"))
        self.requests.bind(Read, lambda query: 7)
        self.events.bind(Stepped, lambda event: self.log.append(f"event {event.number}"))
        self.mediator = Mediator(self.requests, event_map=self.events, middleware_chain=self.chain)

    def _step(self, request: Step, events: Events | None) -> int:
        self.log.append("handler")
        if events is not None:
            events.append(Stepped(number=request.number))
        if self.failures:
            self.failures -= 1
            raise Flaky
        return request.number

    def awaiting_handle(self, request: Step, events: Events) -> int:
        checkpoint()
        return self._step(request, events)

    def plain_handle(self, request: Step, events: Events) -> int:
        return self._step(request, events)

    def awaiting_handle_without_events(self, request: Step) -> int:
        checkpoint()
        return self._step(request, None)

    def plain_handle_without_events(self, request: Step) -> int:
        return self._step(request, None)

    def awaiting(self, request: Any, handle: Any, name: str = "awaiting") -> Any:
        self.log.append(f"{name} before")
        response = handle(request)
        checkpoint()
        self.log.append(f"{name} after")
        return response

    def plain(self, request: Any, handle: Any, name: str = "plain") -> Any:
        self.log.append(f"{name} before")
        response = handle(request)
        self.log.append(f"{name} after")
        return response

    def generator(self, request: Any) -> Any:
        self.log.append("generator before")
        response = yield request
        self.log.append("generator after")
        return response


HANDLERS = ["awaiting", "plain"]
FORMS = ["awaiting", "plain", "generator"]


@pytest.fixture(params=HANDLERS)
def stage(request: pytest.FixtureRequest) -> Stage:
    return Stage(request.param)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("handler", [f"{kind}{rest}" for kind in HANDLERS for rest in ("", "_handle_without_events")])
def test_every_form_wraps_every_handler(handler: str, form: str) -> None:
    stage = Stage(handler.removesuffix("_handle_without_events"))
    if handler.endswith("without_events"):
        stage.requests = RequestMap()
        stage.requests.bind(Step, getattr(stage, handler))
        stage.mediator = Mediator(stage.requests, event_map=stage.events, middleware_chain=stage.chain)
    stage.chain.add(getattr(stage, form))
    assert stage.mediator.send(Step(number=3)) == 3
    expected = [f"{form} before", "handler", f"{form} after"]
    assert stage.log == expected + ([] if handler.endswith("without_events") else ["event 3"])


@pytest.mark.parametrize("outer", FORMS)
@pytest.mark.parametrize("middle", FORMS)
@pytest.mark.parametrize("inner", FORMS)
def test_the_first_middleware_is_the_outermost(stage: Stage, outer: str, middle: str, inner: str) -> None:
    names = [outer, middle, inner]
    stage.chain.set([getattr(stage, form) for form in names])
    assert stage.mediator.send(Step(number=2)) == 2
    assert stage.log == [
        *(f"{n} before" for n in names),
        "handler",
        *(f"{n} after" for n in reversed(names)),
        "event 2",
    ]


def test_partials_and_objects_are_middlewares(stage: Stage) -> None:
    class Callable:
        def __call__(self, request: Any, handle: Any) -> Any:
            return stage.awaiting(request, handle, "object")

    stage.chain.add(partial(stage.awaiting, name="partial awaiting"))
    stage.chain.add(partial(stage.plain, name="partial plain"))
    stage.chain.add(Callable())
    stage.mediator.send(Step())
    names = ["partial awaiting", "partial plain", "object"]
    assert stage.log[:4] == [*(f"{n} before" for n in names), "handler"]


def test_a_generator_with_arguments_bound_is_a_middleware(stage: Stage) -> None:
    def named(name: str, request: Any) -> Any:
        stage.log.append(f"{name} before")
        return (yield request)

    stage.chain.add(partial(named, "partial"))
    stage.mediator.send(Step())
    assert stage.log == ["partial before", "handler", "event 1"]


@dataclass
class Retrying:
    """The same retries in every form."""

    times: int

    def awaiting(self, request: Any, handle: Any) -> Any:
        for _ in range(self.times):
            try:
                return handle(request)
            except Flaky:
                checkpoint()
        return "gave up"

    def plain(self, request: Any, handle: Any) -> Any:
        for _ in range(self.times):
            try:
                return handle(request)
            except Flaky:
                pass
        return "gave up"

    def generator(self, request: Any) -> Any:
        for _ in range(self.times):
            try:
                return (yield request)
            except Flaky:
                pass
        return "gave up"


@pytest.mark.parametrize("form", FORMS)
def test_a_retry_starts_with_an_empty_buffer(stage: Stage, form: str) -> None:
    stage.failures = 2
    stage.chain.add(getattr(Retrying(3), form))
    assert stage.mediator.send(Step(number=5)) == 5
    assert stage.log == ["handler", "handler", "handler", "event 5"]


@pytest.mark.parametrize("form", FORMS)
def test_what_a_middleware_swallows_emits_nothing(stage: Stage, form: str) -> None:
    stage.failures = 5
    stage.chain.add(getattr(Retrying(2), form))
    assert stage.mediator.send(Step()) == "gave up"
    assert stage.log == ["handler", "handler"]


@dataclass
class Twice:
    """Handles every request twice, and returns the second response."""

    def awaiting(self, request: Any, handle: Any) -> Any:
        handle(request)
        return handle(Step(number=request.number + 1))

    def plain(self, request: Any, handle: Any) -> Any:
        handle(request)
        return handle(Step(number=request.number + 1))

    def generator(self, request: Any) -> Any:
        yield request
        return (yield Step(number=request.number + 1))


@pytest.mark.parametrize("form", FORMS)
def test_a_second_successful_call_replaces_the_events_of_the_first(stage: Stage, form: str) -> None:
    stage.chain.add(getattr(Twice(), form))
    assert stage.mediator.send(Step(number=5)) == 6
    assert stage.log == ["handler", "handler", "event 6"]


@pytest.mark.parametrize("form", FORMS)
def test_the_buffer_of_an_earlier_call_is_closed(form: str) -> None:
    kept: list[Events] = []

    def handle(request: Step, events: Events) -> int:
        for earlier in kept:
            with pytest.raises(EventsClosed):
                earlier.append(Stepped(number=0))
        kept.append(events)
        return len(kept)

    requests, chain = RequestMap(), MiddlewareChain()
    requests.bind(Step, handle)
    chain.add(getattr(Twice(), form))
    assert Mediator(requests, middleware_chain=chain).send(Step()) == 2


@dataclass
class ShortCircuit:
    def awaiting(self, request: Any, handle: Any) -> Any:
        return "cached"

    def plain(self, request: Any, handle: Any) -> Any:
        return "cached"

    def generator(self, request: Any) -> Any:
        if request is None:
            yield
        return "cached"


@pytest.mark.parametrize("form", FORMS)
def test_a_middleware_may_answer_instead_of_the_handler(stage: Stage, form: str) -> None:
    stage.chain.add(getattr(ShortCircuit(), form))
    assert stage.mediator.send(Step()) == "cached"
    assert stage.log == []


@dataclass
class FailingCommit:
    def awaiting(self, request: Any, handle: Any) -> Any:
        handle(request)
        raise Flaky("commit")

    def plain(self, request: Any, handle: Any) -> Any:
        handle(request)
        raise Flaky("commit")

    def generator(self, request: Any) -> Any:
        yield request
        raise Flaky("commit")


@pytest.mark.parametrize("form", FORMS)
def test_if_the_chain_raises_nothing_is_emitted(stage: Stage, form: str) -> None:
    stage.chain.add(getattr(FailingCommit(), form))
    with pytest.raises(Flaky, match="commit"):
        stage.mediator.send(Step())
    assert stage.log == ["handler"]


@dataclass
class Changing:
    def awaiting(self, request: Any, handle: Any) -> Any:
        return handle(Step(number=request.number * 10)) + 1

    def plain(self, request: Any, handle: Any) -> Any:
        return handle(Step(number=request.number * 10)) + 1

    def generator(self, request: Any) -> Any:
        return (yield Step(number=request.number * 10)) + 1


@pytest.mark.parametrize("form", FORMS)
def test_a_middleware_may_change_request_and_response(stage: Stage, form: str) -> None:
    stage.chain.add(getattr(Changing(), form))
    assert stage.mediator.send(Step(number=2)) == 21
    assert stage.log == ["handler", "event 20"]


@pytest.mark.parametrize("form", FORMS)
def test_the_error_of_the_handler_passes_through_unchanged(stage: Stage, form: str) -> None:
    stage.failures = 1
    stage.chain.add(getattr(stage, form))
    with pytest.raises(Flaky):
        stage.mediator.send(Step())
    assert stage.log == [f"{form} before", "handler"]


@pytest.mark.parametrize("form", FORMS)
def test_a_middleware_wraps_only_the_requests_it_was_added_for(stage: Stage, form: str) -> None:
    stage.chain.add(getattr(stage, form), requests=(Query,))
    assert stage.mediator.send(Step()) == 1
    assert stage.log == ["handler", "event 1"]
    assert stage.mediator.send(Read()) == 7
    assert stage.log[2:] == [f"{form} before", f"{form} after"]


def test_a_generator_is_closed_when_it_has_answered(stage: Stage) -> None:
    def closing(request: Any) -> Any:
        try:
            return (yield request)
        finally:
            stage.log.append("closed")

    stage.chain.add(closing)
    stage.failures = 1
    with pytest.raises(Flaky):
        stage.mediator.send(Step())
    assert stage.log == ["handler", "closed"]


def test_middlewares_of_a_handler_class_and_a_singleton_share_nothing(stage: Stage) -> None:
    class Handler(RequestHandler[Step, int]):
        def handle(self, request: Step, events: Events) -> int:
            events.append(Stepped(number=request.number))
            return id(self)

    requests = RequestMap()
    requests.bind(Step, Handler)
    stage.chain.add(stage.generator)
    mediator = Mediator(requests, event_map=stage.events, middleware_chain=stage.chain)
    mediator.send(Step(number=1))
    mediator.send(Step(number=2))
    assert [entry for entry in stage.log if entry.startswith("event")] == ["event 1", "event 2"]


# -- logging


def test_logging_names_the_request_and_never_its_contents(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.chain.add(LoggingMiddleware(level=logging.INFO))
    request = Step(number=987_654)
    with caplog.at_level(logging.DEBUG):
        stage.mediator.send(request)
    ours = [record for record in caplog.records if record.name == "diator.middlewares.logging"]
    assert [record.getMessage() for record in ours] == ["Handle Step request", "Request Step handled"]
    for record in ours:
        assert record.levelno == logging.INFO
        assert vars(record)["request_id"] == str(request.request_id)
        assert vars(record)["request_type"] == "Step"
        assert "canary" not in repr(vars(record))
        assert "987654" not in repr(vars(record))
    assert vars(ours[1])["seconds"] >= 0


def test_logging_a_failure_names_the_error_and_never_its_text(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    def fail(request: Any) -> Any:
        yield request
        raise ValueError(request.secret)

    stage.chain.set([LoggingMiddleware(), fail])
    with caplog.at_level(logging.DEBUG), pytest.raises(ValueError, match="canary"):
        stage.mediator.send(Step())
    last = caplog.records[-1]
    assert last.levelno == logging.ERROR
    assert last.getMessage() == "Request Step failed with ValueError"
    assert not any("canary" in repr(vars(record)) for record in caplog.records)


def test_logging_uses_any_object_with_log(stage: Stage) -> None:
    lines: list[tuple[int, str]] = []

    class Logger:
        def log(self, level: int, msg: str, *args: object, extra: Any = None) -> None:
            lines.append((level, msg % args))

    stage.chain.add(LoggingMiddleware(Logger(), logging.WARNING))
    stage.mediator.send(Step())
    assert lines == [(logging.WARNING, "Handle Step request"), (logging.WARNING, "Request Step handled")]


def test_what_is_no_middleware_is_refused_when_added(stage: Stage) -> None:
    with pytest.raises(InvalidHandler):
        stage.chain.add(Step)
    assert len(stage.chain) == 0
