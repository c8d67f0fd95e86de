"""What a worker owes to threads."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import anyio
import pytest

from diator import EventMap, NotificationEvent, RequestMap
from diator._runtime.loop_calls import CallCancelled, Cancellation, cancellation
from diator._runtime.loop_thread import LoopThread
from diator.delivery import RetryPolicy
from diator.message_brokers import to_message
from diator.sync import InMemoryMessageBroker, Mediator, Runner, Worker

PATIENCE = 20


@dataclass(frozen=True, kw_only=True)
class Joined(NotificationEvent):
    user: int


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> Literal["asyncio", "trio"]:
    return request.param  # type: ignore[no-any-return]


def worker_of(handler: Any, broker: InMemoryMessageBroker, runner: Runner | None = None, **options: Any) -> Worker:
    events = EventMap()
    events.bind(Joined, handler)
    broker.send_message(to_message(Joined(user=1)))
    return Worker(Mediator(RequestMap(), event_map=events, runner=runner), broker, **options)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_coroutine_handlers_are_cancelled_at_the_deadline(
    backend: Literal["asyncio", "trio"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diator.sync.worker.GRACE", PATIENCE)  # what they get on a slow machine
    begun, log = threading.Event(), list[str]()

    async def handle(event: Joined) -> None:
        begun.set()
        try:
            await anyio.sleep(1000)
        except anyio.get_cancelled_exc_class():
            log.append("cancelled")
            raise

    broker = InMemoryMessageBroker()
    with worker_of(handle, broker, Runner(backend), drain_timeout=0):
        assert begun.wait(PATIENCE)
    assert log == ["cancelled"]
    [delivery] = broker.receiver().receive(10, 0)
    assert delivery.attempt == 2


def test_a_def_handler_cannot_be_cancelled_and_its_message_is_left() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def handle(event: Joined) -> None:
        begun.set()
        may_end.wait(PATIENCE)
        ended.set()

    broker = InMemoryMessageBroker()
    before = time.monotonic()
    with worker_of(handle, broker, drain_timeout=0.1):
        assert begun.wait(PATIENCE)
    assert time.monotonic() - before < PATIENCE / 2
    assert not ended.is_set()
    receiver = broker.receiver()
    [delivery] = receiver.receive(10, 0)
    may_end.set()
    assert ended.wait(PATIENCE)
    time.sleep(0.05)
    assert receiver.begin(delivery)  # the late end of the handler has settled nothing
    assert len(broker) == 1


@pytest.mark.parametrize("colour", ["async", "def"])
def test_a_handler_that_ends_with_its_own_cancellation_has_failed(colour: str) -> None:
    """Nobody wanted the worker to stop: the message comes again."""
    ran: list[int] = []

    async def cancel_something(event: Joined) -> None:
        ran.append(event.user)
        if len(ran) == 1:
            task = asyncio.ensure_future(asyncio.sleep(1000))
            await asyncio.sleep(0)
            task.cancel()
            await task

    def run_a_loop(event: Joined) -> None:
        asyncio.run(cancel_something(event))

    broker = InMemoryMessageBroker()
    handler = cancel_something if colour == "async" else run_a_loop
    with worker_of(handler, broker, retry=RetryPolicy(first_delay=0)) as worker:
        until(lambda: len(broker) == 0 or worker.ended)
        assert not worker.ended
    assert ran == [1, 1]


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    with worker_of(lambda event: None, InMemoryMessageBroker(), concurrency=3) as worker:
        assert set(threading.enumerate()) - before
        worker.stop()
        until(lambda: worker.ended)
    until(lambda: not set(threading.enumerate()) - before)


def test_handlers_run_side_by_side() -> None:
    both = threading.Barrier(2)
    broker = InMemoryMessageBroker()
    worker = worker_of(lambda event: both.wait(PATIENCE) and None, broker)
    broker.send_message(to_message(Joined(user=2)))
    with worker:
        until(lambda: len(broker) == 0)
    assert len(broker.dead_letters) == 0


# -- cancelling calls of a loop thread from another thread


def test_a_call_in_progress_is_cancelled_from_another_thread(backend: Literal["asyncio", "trio"]) -> None:
    watch, begun, log = Cancellation(), threading.Event(), list[str]()
    runner = LoopThread(backend)

    async def wait() -> None:
        begun.set()
        try:
            await anyio.sleep(1000)
        finally:
            log.append("cleaned up")

    def call() -> None:
        cancellation.set(watch)
        try:
            runner.run(wait)
        except BaseException as error:  # noqa: BLE001 - each loop has its own
            log.append(type(error).__name__)

    thread = threading.Thread(target=call)
    thread.start()
    assert begun.wait(PATIENCE)
    watch.cancel()
    thread.join(PATIENCE)
    assert log == ["cleaned up", {"asyncio": "CancelledError", "trio": "Cancelled"}[backend]]
    runner.close()


def test_calls_after_a_cancellation_do_not_run(backend: Literal["asyncio", "trio"]) -> None:
    watch, runner = Cancellation(), LoopThread(backend)
    log: list[str] = []

    async def never() -> None:
        await anyio.sleep(0)
        await anyio.sleep(1000)
        log.append("ran")

    def call() -> None:
        cancellation.set(watch)
        try:
            runner.run(never)
        except BaseException as error:  # noqa: BLE001
            log.append(type(error).__name__)

    watch.cancel()
    thread = threading.Thread(target=call)
    thread.start()
    thread.join(PATIENCE)
    assert log in ([CallCancelled.__name__], ["CancelledError"], ["Cancelled"])
    runner.close()


def test_an_error_of_a_call_that_is_not_cancelled_comes_through() -> None:
    runner = LoopThread()

    async def fail() -> None:
        raise KeyError("mine")

    cancellation.set(Cancellation())
    try:
        with pytest.raises(KeyError, match="mine"):
            runner.run(fail)
    finally:
        cancellation.set(None)
    runner.close()
