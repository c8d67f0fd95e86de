"""Where code runs on the blocking side: ``def`` code in the calling thread, always; coroutines on the loop thread."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
import sniffio

from diator import Command, CommandHandler, DomainEvent, EventMap, Events, MiddlewareChain, RequestMap
from diator._runtime.sync.concurrency import Runner
from diator.errors import ConfigurationError, EventHandlingError, RunningLoopError
from diator.sync import DefaultDispatcher, EventEmitter, Mediator

T = TypeVar("T")
here = threading.get_ident


@dataclass(frozen=True, kw_only=True)
class Work(Command[Any]):
    number: int = 1


@dataclass(frozen=True, kw_only=True)
class Worked(DomainEvent):
    number: int = 1


async def _sleep() -> None:
    if sniffio.current_async_library() == "asyncio":
        await asyncio.sleep(0)
    else:
        import trio

        await trio.sleep(0)


async def awaiting(command: Work) -> int:
    await _sleep()
    return here()


async def awaiting_with_events(command: Work, events: Events) -> int:
    await _sleep()
    events.append(Worked(number=command.number))
    return here()


class AwaitingHandler(CommandHandler[Work, int]):
    async def handle(self, command: Work) -> int:
        return await awaiting(command)


def plain(command: Work) -> int:
    return here()


def plain_with_events(command: Work, events: Events) -> int:
    events.append(Worked(number=command.number))
    return here()


class PlainHandler(CommandHandler[Work, int]):
    def handle(self, command: Work) -> int:
        return here()


def around(request: Any, handle: Any) -> Any:
    return handle(request)


async def awaiting_around(request: Any, handle: Any) -> Any:
    await _sleep()
    response = await handle(request)
    await _sleep()
    return response


def generator(request: Any) -> Any:
    return (yield request)


class NotingBridge:
    """Runs coroutines where the real one does, and counts."""

    def __init__(self) -> None:
        self.closed = 0

    def check(self) -> None: ...

    def run(self, function: Callable[..., Coroutine[Any, Any, T]], /, *args: Any) -> T:
        return asyncio.run(function(*args))

    async def call_home(self, function: Callable[..., T], /, *args: Any) -> T:
        return function(*args)

    def close(self) -> None:
        self.closed += 1


def mediator_of(*middlewares: Any, handler: Any, container: Any = None, **options: Any) -> Mediator:
    requests, chain = RequestMap(), MiddlewareChain()
    requests.bind(Work, handler)
    chain.set(middlewares)
    return Mediator(requests, container, middleware_chain=chain, **options)


@pytest.fixture(params=["asyncio", "trio"])
def runner(request: pytest.FixtureRequest) -> Any:
    runner = Runner(request.param)
    yield runner
    runner.close()


CHAINS = [
    (),
    (around,),
    (generator,),
    (awaiting_around,),
    (awaiting_around, around, awaiting_around),
    (around, awaiting_around, generator),
]


# -- def code stays in the calling thread


@pytest.mark.parametrize("handler", [plain, plain_with_events, PlainHandler, PlainHandler()])
@pytest.mark.parametrize("middlewares", CHAINS)
@pytest.mark.parametrize("sync", ["inline", "thread"])
def test_def_handlers_run_in_the_calling_thread(handler: Any, middlewares: Any, sync: Any, runner: Runner) -> None:
    assert mediator_of(*middlewares, handler=handler, runner=runner, sync=sync).send(Work()) == here()


@pytest.mark.parametrize("middlewares", CHAINS)
def test_def_code_below_async_middlewares_runs_in_the_calling_thread(middlewares: Any, runner: Runner) -> None:
    threads: list[tuple[str, int]] = []

    def noting(request: Any, handle: Any) -> Any:
        threads.append(("before", here()))
        response = handle(request)
        threads.append(("after", here()))
        return response

    def noting_generator(request: Any) -> Any:
        threads.append(("generator before", here()))
        response = yield request
        threads.append(("generator after", here()))
        return response

    class Container:
        def resolve(self, type_: Any) -> Any:
            threads.append(("resolve", here()))
            return type_()

    class Handler(CommandHandler[Work, str]):
        def handle(self, command: Work, events: Events) -> str:
            threads.append(("handle", here()))
            events.append(Worked())
            return "done"

    events = EventMap()

    @events.handler
    def note(event: Worked) -> None:
        threads.append(("event", here()))

    mediator = mediator_of(
        *middlewares, noting, noting_generator, handler=Handler, container=Container(), event_map=events, runner=runner
    )
    assert mediator.send(Work()) == "done"
    names = ["before", "generator before", "resolve", "handle", "generator after", "after", "event"]
    assert threads == [(name, here()) for name in names]


@pytest.mark.parametrize("concurrency", [1, 5])
def test_def_event_handlers_beside_async_ones_run_in_the_calling_thread(runner: Runner, concurrency: int) -> None:
    threads: dict[str, int] = {}
    events = EventMap()

    @events.handler
    async def asynchronous(event: Worked) -> None:
        await _sleep()
        threads["async"] = here()

    @events.handler
    def blocking(event: Worked) -> None:
        threads["def"] = here()

    mediator_of(handler=plain_with_events, event_map=events, runner=runner, concurrency=concurrency).send(Work())
    assert threads["def"] == here()
    assert threads["async"] != here()


# -- async code runs on the loop thread


@pytest.mark.parametrize("handler", [awaiting, awaiting_with_events, AwaitingHandler, AwaitingHandler()])
@pytest.mark.parametrize("middlewares", CHAINS)
def test_async_handlers_run_on_the_loop_thread(handler: Any, middlewares: Any, runner: Runner) -> None:
    mediator = mediator_of(*middlewares, handler=handler, runner=runner)
    threads = {mediator.send(Work()) for _ in range(3)}
    assert len(threads) == 1
    assert here() not in threads


def test_the_backend_is_the_chosen_one() -> None:
    async def library(command: Work) -> str:
        return sniffio.current_async_library()

    for backend in ("asyncio", "trio"):
        runner = Runner(backend)  # type: ignore[arg-type]
        assert mediator_of(handler=library, runner=runner).send(Work()) == backend
        runner.close()


def test_async_containers_and_functions_with_dependencies_work(runner: Runner) -> None:
    class Container:
        async def resolve(self, type_: Any) -> Any:
            await _sleep()
            return type_()

    def handler(command: Work, numbers: list[int]) -> tuple[Any, int]:
        return numbers, here()

    mediator = mediator_of(awaiting_around, handler=handler, container=Container(), runner=runner)
    assert mediator.send(Work()) == ([], here())


def test_errors_come_through_unwrapped_from_both_threads(runner: Runner) -> None:
    async def handler(command: Work) -> None:
        raise KeyError("mine")

    def blocking(command: Work) -> None:
        raise KeyError("mine")

    for wrapped in (handler, blocking):
        with pytest.raises(KeyError, match="mine"):
            mediator_of(awaiting_around, around, handler=wrapped, runner=runner).send(Work())


def test_a_nested_send_from_def_code_below_async_code_works(runner: Runner) -> None:
    def nested(command: Work) -> Any:
        return mediator.send(Work(number=command.number - 1)) if command.number else here()

    mediator = mediator_of(awaiting_around, handler=nested, runner=runner)
    assert mediator.send(Work(number=3)) == here()


# -- below a running event loop


def below_a_loop(call: Callable[[], T]) -> T:
    async def main() -> T:
        return call()

    return asyncio.run(main())


def test_def_handlers_work_below_a_running_loop() -> None:
    events, seen = EventMap(), []
    events.bind(Worked, lambda event: seen.append(here()))
    mediator = mediator_of(around, generator, handler=plain_with_events, event_map=events)
    assert below_a_loop(lambda: mediator.send(Work())) == here()
    assert seen == [here()]


class AsyncContainer:
    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def resolve(self, type_: Any) -> Any:
        self.log.append("resolve")
        return type_()


@pytest.mark.parametrize("what", ["handler", "recording handler", "middleware", "container"])
def test_what_needs_the_loop_thread_is_refused_before_any_side_effect(what: str) -> None:
    log: list[str] = []

    def noting(request: Any, handle: Any) -> Any:
        log.append("middleware")
        return handle(request)

    handler = {"handler": awaiting, "recording handler": awaiting_with_events}.get(what, PlainHandler)
    middlewares = [noting, awaiting_around] if what == "middleware" else [noting]
    mediator = mediator_of(
        *middlewares, handler=handler, container=AsyncContainer(log) if what == "container" else None
    )
    with pytest.raises(RunningLoopError, match=r"use diator.aio"):
        below_a_loop(lambda: mediator.send(Work()))
    with pytest.raises(RunningLoopError):
        below_a_loop(lambda: mediator.sender(Work)(Work()))
    assert log == []
    mediator.send(Work())
    assert log[0] == "middleware"


@pytest.mark.parametrize("what", ["handler", "middleware", "container"])
def test_a_dispatcher_alone_refuses_before_any_side_effect_too(what: str) -> None:
    log: list[str] = []

    def noting(request: Any, handle: Any) -> Any:
        log.append("middleware")
        return handle(request)

    requests, chain = RequestMap(), MiddlewareChain()
    requests.bind(Work, awaiting if what == "handler" else PlainHandler)
    chain.set([noting, awaiting_around] if what == "middleware" else [noting])
    dispatcher = DefaultDispatcher(requests, AsyncContainer(log) if what == "container" else None, chain)
    with pytest.raises(RunningLoopError):
        below_a_loop(lambda: dispatcher.dispatch(Work()))
    assert log == []


def async_event_handlers(log: list[Any]) -> EventMap:
    events = EventMap()

    @events.handler
    def blocking(event: Worked) -> None:
        log.append("def")

    @events.handler
    async def asynchronous(event: Worked) -> None:
        log.append("async")

    return events


def test_an_event_that_would_need_the_loop_thread_is_refused_where_it_is_recorded() -> None:
    log: list[Any] = []

    def transaction(request: Any, handle: Any) -> Any:
        try:
            response = handle(request)
        except RunningLoopError:
            log.append("rollback")
            raise
        log.append("commit")
        return response

    mediator = mediator_of(transaction, handler=plain_with_events, event_map=async_event_handlers(log))
    with pytest.raises(RunningLoopError):
        below_a_loop(lambda: mediator.send(Work()))
    assert log == ["rollback"]
    mediator.send(Work())
    assert log == ["rollback", "commit", "def", "async"]


def test_publish_refuses_below_a_loop_what_would_need_the_loop_thread() -> None:
    log: list[Any] = []
    mediator = Mediator(RequestMap(), event_map=async_event_handlers(log))
    for call in (mediator.publish, mediator.receive, EventEmitter(async_event_handlers(log)).emit):
        with pytest.raises(RunningLoopError):
            below_a_loop(lambda call=call: call(Worked()))
    assert log == []


def test_an_async_container_below_a_loop_is_refused_for_events_with_handlers() -> None:
    log: list[str] = []
    events = EventMap()
    events.bind(Worked, lambda event: log.append("handled"))
    mediator = Mediator(RequestMap(), AsyncContainer(log), event_map=events)
    with pytest.raises(RunningLoopError):
        below_a_loop(lambda: mediator.publish(Worked()))
    assert log == []


def test_check_reports_below_a_loop_whatever_would_need_the_loop_thread() -> None:
    mediator = mediator_of(handler=awaiting, event_map=async_event_handlers([]))
    with pytest.raises(ConfigurationError) as caught:
        below_a_loop(mediator.check)
    assert [type(error) for error in caught.value.exceptions] == [RunningLoopError] * 2
    with pytest.raises(ConfigurationError):
        below_a_loop(mediator.__enter__)
    with mediator:
        pass


# -- context variables

tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


def test_context_variables_pass_both_ways(runner: Runner) -> None:
    seen: list[str] = []

    async def handler(command: Work) -> None:
        seen.append(tenant.get())
        tenant.set("handler")

    async def middleware(request: Any, handle: Any) -> Any:
        tenant.set("middleware")
        response = await handle(request)
        seen.append(tenant.get())
        return response

    def blocking(command: Work) -> None:
        seen.append(tenant.get())
        tenant.set("def handler")

    token = tenant.set("caller")
    try:
        mediator_of(handler=handler, runner=runner).send(Work())
        seen.append(tenant.get())
        mediator_of(middleware, handler=blocking, runner=runner).send(Work())
        seen.append(tenant.get())
    finally:
        tenant.reset(token)
    assert seen == ["caller", "handler", "middleware", "def handler", "def handler"]


# -- who closes the loop thread


def test_the_mediator_closes_only_the_runner_it_owns() -> None:
    bridge = NotingBridge()
    with mediator_of(handler=awaiting, runner=Runner(bridge)) as mediator:
        mediator.send(Work())
    mediator.close()
    assert bridge.closed == 0
    Runner(bridge).close()
    assert bridge.closed == 1


def started(before: set[threading.Thread]) -> set[threading.Thread]:
    """The threads that have come since then; others, which earlier tests have left, may end meanwhile."""
    return set(threading.enumerate()) - before


def test_the_runner_of_the_mediator_is_closed_with_it_and_opens_again() -> None:
    before = set(threading.enumerate())
    mediator = mediator_of(handler=awaiting)
    assert not started(before)
    with mediator:
        mediator.send(Work())
        assert len(started(before)) == 1
    assert not started(before)
    mediator.send(Work())
    mediator.close()
    assert not started(before)


def test_def_code_starts_no_thread() -> None:
    before = set(threading.enumerate())
    mediator = mediator_of(around, generator, handler=plain_with_events, event_map=EventMap())
    mediator.send(Work())
    assert not started(before)


# -- parallel handling is an explicit choice, and blocking code has none to offer


def test_concurrency_changes_nothing_but_fail_fast_still_stops() -> None:
    log: list[int] = []
    events = EventMap()

    @events.handler
    def fail(event: Worked) -> None:
        log.append(event.number)
        if event.number == 1:
            raise KeyError(event.number)

    def record(command: Work, events: Events) -> str:
        events.extend(Worked(number=number) for number in range(3))
        return "done"

    with pytest.raises(EventHandlingError):
        mediator_of(handler=record, event_map=events, concurrency=4).send(Work())
    assert log == [0, 1, 2]
    log.clear()
    with pytest.raises(EventHandlingError) as caught:
        mediator_of(handler=record, event_map=events, concurrency=4, fail_fast=True).send(Work())
    assert caught.value.response == "done"
    assert log == [0, 1]
