"""Where code runs on the async side: inline by default, in worker threads where that was asked for or needed."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import pytest
from anyio import from_thread
from anyio.lowlevel import checkpoint

from diator import Command, CommandHandler, DomainEvent, EventMap, Events, MiddlewareChain, RequestMap
from diator.aio import Mediator, Runner
from diator.errors import EventHandlingError


@dataclass(frozen=True, kw_only=True)
class Work(Command[int]):
    number: int = 1


@dataclass(frozen=True, kw_only=True)
class Outer(Command[int]):
    depth: int = 3


@dataclass(frozen=True, kw_only=True)
class Worked(DomainEvent):
    number: int = 1


here = threading.get_ident


def mediator_of(
    *middlewares: Callable[..., Any], handler: Any, events: EventMap | None = None, bind: Any = None, **options: Any
) -> Mediator:
    requests, chain = RequestMap(), MiddlewareChain()
    requests.bind(Work, handler, sync=bind)
    chain.set(middlewares)
    return Mediator(requests, event_map=events, middleware_chain=chain, **options)


async def awaiting(request: Work) -> int:
    await anyio.sleep(0.001)
    return request.number


def plain(request: Any, handle: Any) -> Any:
    return handle(request)


async def native(request: Any, handle: Any) -> Any:
    return await handle(request)


# -- which thread


class PlainHandler(CommandHandler[Work, int]):
    def handle(self, command: Work) -> int:
        return here()


class PlainHandlerWithEvents(CommandHandler[Work, int]):
    def handle(self, command: Work, events: Events) -> int:
        events.append(Worked())
        return here()


def plain_function_with_events(command: Work, *, events: Events) -> int:
    events.append(Worked())
    return here()


HANDLERS = [PlainHandler, PlainHandler(), lambda command: here(), PlainHandlerWithEvents, plain_function_with_events]


@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize("middlewares", [(), (plain,), (native,), (plain, native), (native, plain)])
async def test_a_def_handler_runs_inline_by_default(handler: Any, middlewares: Any) -> None:
    thread = await mediator_of(*middlewares, handler=handler).send(Work())
    if middlewares != (plain, native):  # there, everything is below the thread of `plain`, but the loop awaits
        assert thread == here()


@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize("how", [{"sync": "thread"}, {"bind": "thread"}, {"sync": "thread", "bind": "thread"}])
@pytest.mark.parametrize("middlewares", [(), (plain,), (native,), (plain, native)])
async def test_a_def_handler_runs_in_a_worker_thread_if_asked_for(handler: Any, how: Any, middlewares: Any) -> None:
    assert await mediator_of(*middlewares, handler=handler, **how).send(Work()) != here()


async def test_the_binding_has_the_last_word() -> None:
    assert await mediator_of(handler=PlainHandler, sync="thread", bind="inline").send(Work()) == here()


async def test_an_async_handler_runs_on_the_loop_whatever_the_mediator_says() -> None:
    async def handler(command: Work) -> int:
        return here()

    assert await mediator_of(handler=handler, sync="thread").send(Work()) == here()


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_event_handlers_run_where_their_binding_says(concurrency: int) -> None:
    threads: list[bool] = []
    events = EventMap()

    @events.handler
    def inline(event: Worked) -> None:
        threads.append(here() == loop)

    @events.handler(sync="thread")
    def threaded(event: Worked, events: Events) -> None:
        threads.append(here() == loop)

    loop = here()
    mediator = mediator_of(handler=PlainHandlerWithEvents, events=events, concurrency=concurrency)
    await mediator.send(Work())
    assert sorted(threads) == [False, True]


async def test_def_middlewares_around_an_inline_handler_need_no_thread() -> None:
    threads: list[int] = []

    def noting(request: Any, handle: Any) -> Any:
        threads.append(here())
        return handle(request)

    await mediator_of(noting, plain, handler=PlainHandler).send(Work())
    assert threads == [here()]


async def test_a_def_middleware_over_what_awaits_runs_its_second_half_after_the_handler() -> None:
    log: list[str] = []
    threads: list[int] = []

    async def handler(command: Work) -> int:
        await anyio.sleep(0.01)
        log.append("handler")
        return 1

    def around(request: Any, handle: Any) -> Any:
        threads.append(here())
        log.append("before")
        response = handle(request)
        log.append("after")
        return response + 1

    assert await mediator_of(around, handler=handler).send(Work()) == 2
    assert log == ["before", "handler", "after"]
    assert threads != [here()]


# -- no deadlock


@pytest.mark.parametrize("limiter", [None, 2])
async def test_sixty_sends_through_two_threaded_middlewares_do_not_wait_for_each_other(limiter: int | None) -> None:
    runner = Runner(None if limiter is None else anyio.CapacityLimiter(limiter))
    mediator = mediator_of(plain, native, plain, handler=awaiting, runner=runner)
    results: list[int] = []

    async def send(number: int) -> None:
        results.append(await mediator.send(Work(number=number)))

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for number in range(60):
                group.start_soon(send, number)
    assert sorted(results) == list(range(60))


async def test_sixty_sends_to_threaded_handlers_below_threaded_middlewares_do_not_either() -> None:
    mediator = mediator_of(plain, native, handler=lambda request: request.number, sync="thread")
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for number in range(60):
                group.start_soon(mediator.send, Work(number=number))


async def test_nested_sends_from_threaded_code_do_not_deadlock() -> None:
    requests, chain = RequestMap(), MiddlewareChain()
    chain.add(plain)
    mediator = Mediator(requests, middleware_chain=chain, runner=Runner(anyio.CapacityLimiter(1)))

    @requests.handler(sync="thread")
    def outer(request: Outer) -> int:
        inner: Command[int] = Outer(depth=request.depth - 1) if request.depth else Work(number=42)
        return from_thread.run(mediator.send, inner)

    @requests.handler
    async def work(request: Work) -> int:
        return await awaiting(request)

    with anyio.fail_after(20):
        assert await mediator.send(Outer()) == 42


# -- cancellation


@pytest.mark.parametrize("middlewares", [(plain,), (plain, native, plain)])
async def test_a_cancellation_below_a_hop_comes_through_as_cancellation(middlewares: Any) -> None:
    log: list[str] = []

    async def handler(command: Work) -> int:
        scope.cancel()
        try:
            await anyio.sleep(30)
        except anyio.get_cancelled_exc_class():
            log.append("cancelled")
            raise
        return 1

    mediator = mediator_of(*middlewares, handler=handler)
    with anyio.fail_after(20):
        with anyio.CancelScope() as scope:
            await mediator.send(Work())
            log.append("returned")
    assert scope.cancelled_caught
    assert log == ["cancelled"]


async def test_a_def_middleware_that_retries_errors_does_not_retry_a_cancellation() -> None:
    log: list[str] = []

    async def handler(command: Work) -> int:
        log.append("started")
        scope.cancel()
        await anyio.sleep(30)
        return 1

    def retrying(request: Any, handle: Any) -> Any:
        for _ in range(3):
            try:
                return handle(request)
            except Exception:  # noqa: BLE001 - as careless as users may be
                log.append("retry")
        return None

    with anyio.fail_after(20):
        with anyio.CancelScope() as scope:
            await mediator_of(retrying, handler=handler).send(Work())
    assert scope.cancelled_caught
    assert log == ["started"]


async def test_a_cancelled_send_waits_for_the_handler_in_its_thread() -> None:
    log: list[str] = []

    def handler(command: Work) -> int:
        from_thread.run_sync(scope.cancel)
        time.sleep(0.1)
        log.append("done")
        return 1

    with anyio.CancelScope() as scope:
        await mediator_of(handler=handler, sync="thread").send(Work())
    assert log == ["done"]


async def test_a_handler_in_a_thread_may_end_with_a_cancellation_of_its_own() -> None:
    def handle(command: Work) -> int:
        raise asyncio.CancelledError("mine")

    with pytest.raises(asyncio.CancelledError, match="mine"):
        await mediator_of(handler=handle, sync="thread").send(Work())


async def test_a_native_cancellation_waits_for_the_handler_in_its_thread_too(anyio_backend_name: str) -> None:
    if anyio_backend_name != "asyncio":
        pytest.skip("trio has only one kind of cancellation")
    log: list[str] = []

    def handler(command: Work) -> int:
        from_thread.run_sync(timeout.reschedule, 0)
        time.sleep(0.1)
        log.append("done")
        return 1

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as timeout:
            await mediator_of(handler=handler, sync="thread").send(Work())
    assert log == ["done"]


async def test_a_native_cancellation_below_a_middleware_waits_for_its_thread_too(anyio_backend_name: str) -> None:
    if anyio_backend_name != "asyncio":
        pytest.skip("trio has only one kind of cancellation")
    log: list[str] = []

    async def handler(command: Work) -> int:
        timeout.reschedule(0)
        try:
            await asyncio.sleep(30)
        finally:
            log.append("handler ended")
        return 1

    def around(request: Any, handle: Any) -> Any:
        try:
            return handle(request)
        finally:
            time.sleep(0.05)
            log.append("middleware ended")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as timeout:
            await mediator_of(around, handler=handler).send(Work())
    assert log == ["handler ended", "middleware ended"]


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_cancelling_while_emitting_leaves_a_prefix(concurrency: int) -> None:
    log: list[int] = []
    events = EventMap()

    @events.handler
    async def slow(event: Worked) -> None:
        if event.number == 2:
            scope.cancel()
            await anyio.sleep(30)
        log.append(event.number)

    async def handler(command: Work, events: Events) -> int:
        events.extend(Worked(number=number) for number in range(5))
        return 1

    with anyio.CancelScope() as scope:
        await mediator_of(handler=handler, events=events, concurrency=concurrency).send(Work())
    assert scope.cancelled_caught
    assert log[:2] == [0, 1]
    assert 2 not in log
    if concurrency == 1:
        assert log == [0, 1]


async def test_a_cancelled_handler_emits_nothing() -> None:
    log: list[Any] = []
    events = EventMap()
    events.bind(Worked, log.append)

    async def handler(command: Work, events: Events) -> int:
        events.append(Worked())
        scope.cancel()
        await anyio.sleep(30)
        return 1

    mediator = mediator_of(handler=handler, events=events)
    with anyio.CancelScope() as scope:
        await mediator.send(Work())
    await checkpoint()
    assert log == []


# -- parallel event handlers


async def test_parallel_handlers_overlap_up_to_the_limit() -> None:
    running = most = 0
    events = EventMap()

    @events.handler
    async def overlap(event: Worked) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.sleep(0.005)
        running -= 1

    async def handler(command: Work, events: Events) -> int:
        events.extend(Worked(number=number) for number in range(10))
        return 1

    await mediator_of(handler=handler, events=events, concurrency=3).send(Work())
    assert most == 3


async def test_the_first_failure_cancels_the_parallel_handlers_if_fail_fast() -> None:
    log: list[str] = []
    events = EventMap()

    @events.handler
    async def fail(event: Worked) -> None:
        await anyio.sleep(0.01)
        raise KeyError("first")

    @events.handler
    async def slow(event: Worked) -> None:
        try:
            await anyio.sleep(30)
        finally:
            log.append("ended")

    async def handler(command: Work, events: Events) -> int:
        events.append(Worked())
        return 7

    mediator = mediator_of(handler=handler, events=events, concurrency=3, fail_fast=True)
    with anyio.fail_after(20), pytest.raises(EventHandlingError) as caught:
        await mediator.send(Work())
    assert caught.value.response == 7
    assert [type(error) for error in caught.value.exceptions] == [KeyError]
    assert log == ["ended"]


async def test_no_parallel_handler_runs_on_after_a_base_exception() -> None:
    log: list[str] = []
    events = EventMap()

    @events.handler
    async def interrupt(event: Worked) -> None:
        await anyio.sleep(0.01)
        raise KeyboardInterrupt

    @events.handler
    async def slow(event: Worked) -> None:
        try:
            await anyio.sleep(30)
        finally:
            log.append("ended")

    async def handler(command: Work, events: Events) -> int:
        events.append(Worked())
        return 7

    with pytest.raises(KeyboardInterrupt):
        await mediator_of(handler=handler, events=events, concurrency=3).send(Work())
    assert log == ["ended"]


# -- context variables

tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


async def test_context_variables_are_visible_in_hops() -> None:
    seen: list[str] = []

    def around(request: Any, handle: Any) -> Any:
        seen.append(tenant.get())
        tenant.set("middleware")
        return handle(request)

    async def handler(command: Work) -> int:
        seen.append(tenant.get())
        return 1

    token = tenant.set("caller")
    try:
        await mediator_of(around, handler=handler).send(Work())
        await mediator_of(handler=lambda command: seen.append(tenant.get()), sync="thread").send(Work())
    finally:
        tenant.reset(token)
    assert seen == ["caller", "middleware", "caller"]


# -- nothing is left unawaited: a warning would be an error


async def test_a_def_handler_that_returns_a_coroutine_has_it_awaited() -> None:
    def decorated(command: Work) -> Awaitable[int]:
        return awaiting(command)

    assert await mediator_of(handler=decorated).send(Work(number=5)) == 5
    assert await mediator_of(native, handler=decorated).send(Work(number=5)) == 5


async def test_a_def_event_handler_that_returns_a_coroutine_has_it_awaited() -> None:
    log: list[int] = []
    events = EventMap()

    async def note(event: Worked) -> None:
        log.append(event.number)

    events.bind(Worked, lambda event: note(event))
    await Mediator(RequestMap(), event_map=events).publish(Worked(number=5))
    assert log == [5]


async def test_a_def_resolve_may_return_an_awaitable() -> None:
    class Container:
        def resolve(self, type_: Any) -> Awaitable[Any]:
            return self._resolve(type_)

        async def _resolve(self, type_: Any) -> Any:
            await checkpoint()
            return type_()

    requests = RequestMap()
    requests.bind(Work, PlainHandler)
    assert await Mediator(requests, Container()).send(Work()) == here()


async def test_a_send_that_is_never_awaited_has_no_side_effect() -> None:
    log: list[Any] = []
    mediator = mediator_of(handler=partial(_note, log))
    unsent = mediator.send(Work())
    unsent.close()
    assert log == []


async def _note(log: list[Any], command: Work) -> int:
    log.append(command)
    return 1
