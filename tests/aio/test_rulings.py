"""Questions with two good answers, and the one that holds here."""

from dataclasses import dataclass
from typing import Any

import pytest

from diator import Command, DomainEvent, Event, EventMap, Events, MiddlewareChain, NotificationEvent, RequestMap
from diator.aio import DefaultDispatcher, Mediator
from diator.errors import DiatorError, EventHandlingError, EventRouteDoesNotExist, MaxCascadeExceeded
from tests.aio.conftest import checkpoint


@dataclass(frozen=True, kw_only=True)
class Place(Command[str]):
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Placed(DomainEvent):
    number: int


@dataclass(frozen=True, kw_only=True)
class Announced(NotificationEvent):
    pass


class Boom(Exception):
    pass


async def place(command: Place, events: Events) -> str:
    events.extend(Placed(number=number) for number in range(command.count))
    return "placed"


def request_map(handler: Any = place) -> RequestMap:
    requests = RequestMap()
    requests.bind(Place, handler)
    return requests


# -- max_cascade counts generations, not events


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_thousands_of_events_of_one_command_are_one_generation(concurrency: int) -> None:
    events, seen = EventMap(), []
    events.bind(Placed, lambda event: seen.append(event.number))
    mediator = Mediator(request_map(), event_map=events, max_cascade=1, concurrency=concurrency)
    await mediator.send(Place(count=5000 if concurrency == 1 else 500))
    assert seen == list(range(len(seen)))
    assert len(seen) in (5000, 500)


async def test_beyond_max_cascade_the_queue_stops() -> None:
    events, seen = EventMap(), []

    @events.handler
    async def again(event: Placed, events: Events) -> None:
        seen.append(event.number)
        events.append(Placed(number=event.number + 1))

    with pytest.raises(EventHandlingError) as caught:
        await Mediator(request_map(), event_map=events, max_cascade=3).send(Place(count=2))
    assert [type(error) for error in caught.value.exceptions] == [MaxCascadeExceeded]
    assert seen == [0, 1, 1, 2, 2, 3]


# -- after the chain has returned the command counts as committed


@pytest.mark.parametrize("selecting", [Boom, (Boom, KeyError), ExceptionGroup])
async def test_an_except_star_keeps_the_response(selecting: Any) -> None:
    events = EventMap()

    @events.handler
    def fail(event: Placed) -> None:
        raise Boom if event.number == 0 else KeyError

    mediator = Mediator(request_map(), event_map=events)
    if selecting is ExceptionGroup:
        with pytest.raises(ExceptionGroup) as caught:
            await mediator.send(Place(count=2))
        assert caught.value.response == "placed"  # type: ignore[attr-defined]
        return
    responses: list[Any] = []
    try:
        try:
            await mediator.send(Place(count=2))
        except* selecting as group:
            responses.append(group.response)
    except ExceptionGroup as rest:
        responses.append(rest.response)  # type: ignore[attr-defined]
    assert responses == ["placed"] * (2 if selecting is Boom else 1)


async def test_an_event_handling_error_is_caught_as_an_error_of_diator() -> None:
    events = EventMap()

    @events.handler
    def fail(event: Placed) -> None:
        raise Boom

    with pytest.raises(DiatorError):
        await Mediator(request_map(), event_map=events).send(Place())


async def test_a_base_exception_of_an_event_handler_propagates_at_once() -> None:
    events, seen = EventMap(), []

    @events.handler
    async def interrupt(event: Placed) -> None:
        seen.append(event.number)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await Mediator(request_map(), event_map=events).send(Place(count=3))
    assert seen == [0]


@pytest.mark.parametrize("concurrency", [2, 9])
async def test_a_base_exception_among_parallel_handlers_propagates_alone(concurrency: int) -> None:
    events = EventMap()

    @events.handler
    async def interrupt(event: Placed) -> None:
        await checkpoint()
        if event.number == 1:
            raise KeyboardInterrupt("mine")

    mediator = Mediator(request_map(), event_map=events, concurrency=concurrency)
    with pytest.raises(KeyboardInterrupt, match="mine"):
        await mediator.send(Place(count=5))


# -- a middleware that retries, swallows, short-circuits or raises: see test_middlewares


async def test_events_recorded_by_a_try_that_failed_are_gone_even_if_a_middleware_answers() -> None:
    events, seen = EventMap(), []
    events.bind(Placed, lambda event: seen.append(event.number))

    async def fail(command: Place, events: Events) -> str:
        events.append(Placed(number=1))
        raise Boom

    async def swallow(request: Any, handle: Any) -> Any:
        try:
            return await handle(request)
        except Boom:
            return "swallowed"

    chain = MiddlewareChain()
    chain.add(swallow)
    assert await Mediator(request_map(fail), None, None, chain, event_map=events).send(Place()) == "swallowed"
    assert seen == []


# -- own-list handlers: their events are checked inside the chain


class OwnList:
    """Records as handlers of diator 0.1.2 did."""

    def __init__(self, *recorded: Event) -> None:
        self.events: list[Event] = []
        self.recorded = recorded

    async def handle(self, command: Place) -> str:
        self.events.extend(self.recorded)
        return "placed"


async def test_the_events_of_an_own_list_are_checked_before_a_transaction_commits() -> None:
    log: list[str] = []

    async def transaction(request: Any, handle: Any) -> Any:
        try:
            response = await handle(request)
        except EventRouteDoesNotExist:
            log.append("rollback")
            raise
        log.append("commit")
        return response

    chain = MiddlewareChain()
    chain.add(transaction)
    handler = OwnList(Placed(number=1), Announced())
    with pytest.raises(EventRouteDoesNotExist):
        await Mediator(request_map(handler), middleware_chain=chain).send(Place())
    assert log == ["rollback"]
    assert handler.events == []


async def test_an_own_list_is_emptied_after_each_send() -> None:
    events, seen = EventMap(), []
    events.bind(Placed, lambda event: seen.append(event.number))
    handler = OwnList(Placed(number=1), Placed(number=2))
    mediator = Mediator(request_map(handler), event_map=events)
    await mediator.send(Place())
    await mediator.send(Place())
    assert seen == [1, 2, 1, 2]
    assert handler.events == []


async def test_an_own_list_may_be_a_property_that_copies() -> None:
    events, seen = EventMap(), []
    events.bind(Placed, lambda event: seen.append(event.number))

    class Copying:
        def __init__(self) -> None:
            self._recorded: list[Event] = []

        @property
        def events(self) -> list[Event]:
            return list(self._recorded)

        def handle(self, command: Place) -> str:
            self._recorded.append(Placed(number=command.count))
            return "placed"

    mediator = Mediator(request_map(Copying()), event_map=events)
    await mediator.send(Place(count=1))
    await mediator.send(Place(count=2))
    assert seen == [1, 2]


async def test_events_that_are_no_list_are_the_handlers_own_business() -> None:
    class Streaming:
        events = "a stream of another kind"

        async def handle(self, command: Place) -> str:
            return self.events

    assert await Mediator(request_map(Streaming)).send(Place()) == "a stream of another kind"


async def test_a_handler_that_takes_the_buffer_keeps_its_own_list_to_itself() -> None:
    events, seen = EventMap(), []
    events.bind(Placed, lambda event: seen.append(event.number))

    class Both:
        def __init__(self) -> None:
            self.events: list[Any] = ["mine"]

        async def handle(self, command: Place, events: Events) -> str:
            events.append(Placed(number=1))
            self.events.append("more")
            return "placed"

    handler = Both()
    await Mediator(request_map(handler), event_map=events).send(Place())
    assert seen == [1]
    assert handler.events == ["mine", "more"]


async def test_an_event_handler_may_collect_what_it_gets_in_a_list_named_events() -> None:
    class Spy:
        def __init__(self) -> None:
            self.events: list[Event] = []

        async def handle(self, event: Placed) -> None:
            self.events.append(event)

    events, spy = EventMap(), Spy()
    events.bind(Placed, spy)
    await Mediator(request_map(), event_map=events).send(Place(count=2))
    assert spy.events == [Placed(number=0), Placed(number=1)]


# -- a custom dispatcher gets the keywords of diator 0.1.2 and bypasses compiled routes


async def test_a_dispatcher_of_ones_own_sees_every_request() -> None:
    seen: list[Any] = []

    class Noting(DefaultDispatcher):
        async def dispatch(self, request: Any) -> Any:
            seen.append(request)
            return await super().dispatch(request)

    mediator = Mediator(request_map(), dispatcher_type=Noting)
    assert await mediator.send(Place(count=1)) == "placed"
    assert await mediator.sender(Place)(Place(count=2)) == "placed"
    assert [request.count for request in seen] == [1, 2]


# -- a bound sender resolves again after any bind


async def test_a_bound_sender_sees_handlers_that_are_bound_later() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Other(Command[None]):
        pass

    events, seen = EventMap(), []
    requests = request_map()
    send = Mediator(requests, event_map=events).sender(Place)
    await send(Place())
    events.bind(Placed, lambda event: seen.append(event.number))
    requests.bind(Other, lambda command: None)
    assert await send(Place()) == "placed"
    assert seen == [0]


# -- a generator middleware needs no thread


async def test_a_generator_middleware_runs_where_the_handler_runs() -> None:
    from threading import get_ident

    threads: list[int] = []

    def noting(request: Any) -> Any:
        threads.append(get_ident())
        response = yield request
        threads.append(get_ident())
        return response

    async def handler(command: Place) -> str:
        await checkpoint()
        threads.append(get_ident())
        return "placed"

    chain = MiddlewareChain()
    chain.add(noting)
    await Mediator(request_map(handler), middleware_chain=chain).send(Place())
    assert threads == [get_ident()] * 3
