"""The entry for events that came from a broker: which handlers run, what is told of them, what wraps them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from diator import Command, DomainEvent, ECSTEvent, Event, EventMap, Events, MiddlewareChain, NotificationEvent
from diator.aio import Mediator
from diator.errors import EventHandlingError, EventRouteDoesNotExist, InvalidHandler
from diator.requests import RequestMap


@dataclass(frozen=True, kw_only=True)
class Received(NotificationEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class Caused(DomainEvent):
    by: str


class Handlers:
    """Handlers `one`, `two` and `three` of `Received`, of which some fail, and some cause an event that may fail."""

    def __init__(self, failing: str = "", causing: str = "") -> None:
        self.log: list[str] = []
        self.failing, self.causing = failing.split(), causing.split()
        self.map = EventMap()
        for handler in (self.one, self.two, self.three):
            self.map.bind(Received, handler)
        self.map.bind(Caused, self.caused)

    async def one(self, event: Received, events: Events) -> None:
        self.act("one", events)

    def two(self, event: Received, events: Events) -> None:
        self.act("two", events)

    async def three(self, event: Received, events: Events) -> None:
        self.act("three", events)

    def act(self, name: str, events: Events) -> None:
        self.log.append(name)
        if name in self.causing:
            events.append(Caused(by=name))
        if name in self.failing:
            raise KeyError(name)

    def caused(self, event: Caused) -> None:
        self.log.append(f"caused by {event.by}")
        if f"caused-{event.by}" in self.failing:
            raise OSError(event.by)

    def names(self, *short: str) -> set[str]:
        return {f"{__name__}.Handlers.{name}" for name in short}


async def receive(handlers: Handlers, **options: Any) -> EventHandlingError:
    done = options.pop("done", ())
    with pytest.raises(EventHandlingError) as caught:
        await Mediator(RequestMap(), event_map=handlers.map, **options).receive(Received(), done=done)
    return caught.value


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_says_which_handlers_have_succeeded(concurrency: int) -> None:
    handlers = Handlers(failing="two")
    error = await receive(handlers, concurrency=concurrency)
    assert error.done == handlers.names("one", "three")
    assert sorted(handlers.log) == ["one", "three", "two"]


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_skips_handlers_that_are_done(concurrency: int) -> None:
    handlers = Handlers(failing="two")
    error = await receive(handlers, concurrency=concurrency, done=handlers.names("one"))
    assert error.done == handlers.names("one", "three")
    assert sorted(handlers.log) == ["three", "two"]
    handlers.failing = []
    await Mediator(RequestMap(), event_map=handlers.map).receive(Received(), done=error.done)
    assert handlers.log[2:] == ["two"]


async def test_skips_all_handlers_if_all_are_done() -> None:
    handlers = Handlers()
    await Mediator(RequestMap(), event_map=handlers.map).receive(
        Received(), done=handlers.names("one", "two", "three", "removed")
    )
    assert handlers.log == []


async def test_a_handler_is_done_only_with_what_it_has_caused() -> None:
    handlers = Handlers(causing="one two", failing="caused-one")
    error = await receive(handlers)
    assert error.done == handlers.names("three")
    assert handlers.log == ["one", "two", "three", "caused by one", "caused by two"]


async def test_what_failed_handlers_recorded_is_dropped() -> None:
    handlers = Handlers(causing="one two", failing="two")
    error = await receive(handlers)
    assert error.done == handlers.names("one", "three")
    assert handlers.log == ["one", "two", "three", "caused by one"]


async def test_failing_fast_leaves_the_others_to_the_next_delivery() -> None:
    handlers = Handlers(failing="two")
    error = await receive(handlers, fail_fast=True)
    assert error.done == handlers.names("one")
    assert handlers.log == ["one", "two"]


async def test_handlers_of_the_same_name_are_told_apart() -> None:
    events = EventMap()
    log: list[str] = []

    def make(name: str) -> Callable[[Received], None]:
        def handler(event: Received) -> None:
            log.append(name)
            if name == "second" and log.count(name) == 1:
                raise KeyError(name)

        return handler

    for name in ("first", "second", "third"):
        events.bind(Received, make(name))
    mediator = Mediator(RequestMap(), event_map=events)
    with pytest.raises(EventHandlingError) as caught:
        await mediator.receive(Received())
    await mediator.receive(Received(), done=caught.value.done)
    assert log == ["first", "second", "third", "second"]


async def test_nothing_is_done_if_the_scope_cannot_be_closed() -> None:
    """For the handlers' effects may be gone with it."""

    class Scope:
        def __enter__(self) -> "Scope":
            return self

        def __exit__(self, *exc: object) -> None:
            raise OSError("rolled back")

        def resolve(self, type_: Any) -> Any:
            return type_()

    class Container(Scope):
        def scope(self) -> Scope:
            return Scope()

    error = await receive(Handlers(), container=Container())
    assert error.done == frozenset()
    assert [type(one) for one in error.exceptions] == [OSError]


async def test_what_is_done_survives_splitting() -> None:
    handlers = Handlers(failing="one three")
    error = await receive(handlers)
    matching, rest = error.split(lambda one: "one" in str(one))
    assert isinstance(matching, EventHandlingError)
    assert isinstance(rest, EventHandlingError)
    assert matching.done == rest.done == handlers.names("two")


async def test_an_event_without_handler_is_an_error() -> None:
    with pytest.raises(EventRouteDoesNotExist):
        await Mediator(RequestMap(), event_map=EventMap()).receive(Received())


# -- middlewares


class Transaction:
    """Logs begin, and commit or rollback."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def __call__(self, event: Any, handle: Any) -> Any:
        self.log.append("begin")
        try:
            result = await handle(event)
        except BaseException:
            self.log.append("rollback")
            raise
        self.log.append("commit")
        return result


async def receive_in(handlers: Handlers, *middlewares: Any, done: Any = ()) -> None:
    chain = MiddlewareChain()
    for middleware in middlewares:
        chain.add(middleware, received=(Received,))
    await Mediator(RequestMap(), event_map=handlers.map, middleware_chain=chain).receive(Received(), done=done)


async def test_middlewares_wrap_all_handlers_and_nothing_goes_out_before_they_return() -> None:
    handlers = Handlers(causing="one")
    await receive_in(handlers, Transaction(handlers.log))
    assert handlers.log == ["begin", "one", "two", "three", "commit", "caused by one"]


async def test_below_a_middleware_the_message_fails_as_a_whole() -> None:
    handlers = Handlers(failing="two", causing="one")
    with pytest.raises(EventHandlingError) as caught:
        await receive_in(handlers, Transaction(handlers.log), done=handlers.names("three"))
    assert handlers.log == ["begin", "one", "two", "rollback"]
    assert caught.value.done == handlers.names("three")


async def test_what_fails_after_the_commit_leaves_the_others_done() -> None:
    handlers = Handlers(failing="caused-one", causing="one")
    with pytest.raises(EventHandlingError) as caught:
        await receive_in(handlers, Transaction(handlers.log))
    assert handlers.log[-2:] == ["commit", "caused by one"]
    assert caught.value.done == handlers.names("two", "three")


async def test_a_middleware_may_run_the_handlers_again() -> None:
    handlers = Handlers(failing="two", causing="one")

    def again(event: Any) -> Any:
        try:
            return (yield event)
        except EventHandlingError:
            handlers.failing = []
            return (yield event)

    await receive_in(handlers, again)
    assert handlers.log == ["one", "two", "three", "one", "two", "three", "caused by one"]


async def test_a_middleware_may_swallow_an_error() -> None:
    handlers = Handlers(failing="two", causing="one")

    def swallow(event: Any) -> Any:
        try:
            yield event
        except EventHandlingError:
            handlers.log.append("swallowed")

    await receive_in(handlers, swallow)
    assert handlers.log == ["one", "two", "three", "swallowed"]


async def test_a_middleware_may_answer_without_the_handlers() -> None:
    handlers = Handlers()

    async def seen_already(event: Any, handle: Any) -> None:
        handlers.log.append("seen")

    await receive_in(handlers, seen_already)
    assert handlers.log == ["seen"]


async def test_the_error_of_a_middleware_comes_as_it_is() -> None:
    def broken(event: Any) -> Any:
        yield event
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        await receive_in(Handlers(), broken)


async def test_middlewares_wrap_what_they_are_for() -> None:
    log: list[str] = []

    def note(name: str) -> Any:
        def middleware(message: Any) -> Any:
            log.append(name)
            return (yield message)

        return middleware

    @dataclass(frozen=True, kw_only=True)
    class Do(Command[None]):
        pass

    requests, handlers = RequestMap(), Handlers()
    requests.bind(Do, lambda command: None)
    chain = MiddlewareChain(note("requests"))
    chain.add(note("both"), requests=(Command,), received=(Event,))
    chain.add(note("received"), received=(NotificationEvent,))
    chain.add(note("other"), received=(ECSTEvent,))
    mediator = Mediator(requests, event_map=handlers.map, middleware_chain=chain)
    await mediator.send(Do())
    await mediator.receive(Received())
    await mediator.publish(Received())
    assert log == ["requests", "both", "both", "received"]


async def test_a_middleware_that_is_added_later_wraps_too() -> None:
    handlers, chain = Handlers(), MiddlewareChain()
    mediator = Mediator(RequestMap(), event_map=handlers.map, middleware_chain=chain)
    await mediator.receive(Received())
    chain.add(Transaction(handlers.log), received=(Received,))
    await mediator.receive(Received())
    assert handlers.log == ["one", "two", "three", "begin", "one", "two", "three", "commit"]


@pytest.mark.parametrize("wrong", [{"received": (Command,)}, {"received": (1,)}, {"requests": ()}])
def test_a_middleware_for_nothing_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidHandler):
        MiddlewareChain().add(Transaction([]), **wrong)


async def test_what_can_be_received_are_integration_events_with_handlers() -> None:
    handlers = Handlers()
    handlers.map.declare(ECSTEvent)
    assert Mediator(RequestMap(), event_map=handlers.map).receivable() == [Received]
