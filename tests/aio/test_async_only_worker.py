"""What a worker owes to event loops."""

import asyncio
import logging
import signal
import threading
import time
from dataclasses import dataclass
from typing import Any, Literal

import anyio
import anyio.from_thread
import pytest

from diator import EventMap, NotificationEvent, RequestMap
from diator.aio import EventEmitter, InMemoryMessageBroker, Mediator, Worker
from diator.delivery import RetryPolicy
from diator.message_brokers import to_message


@dataclass(frozen=True, kw_only=True)
class Joined(NotificationEvent):
    user: int


@dataclass(frozen=True, kw_only=True)
class Keyed(Joined):
    @property
    def partition_key(self) -> str:
        return "k"


class App:
    """An application whose handler waits until it is told to end, or is cancelled."""

    def __init__(self, sync: Literal["inline", "thread"] = "inline") -> None:
        self.log: list[str] = []
        self.begun, self.may_end = anyio.Event(), anyio.Event()
        self.broker = InMemoryMessageBroker()
        self.events = EventMap()
        self.events.bind(Joined, self.joined)

    async def joined(self, event: Joined) -> None:
        self.begun.set()
        try:
            await self.may_end.wait()
        except anyio.get_cancelled_exc_class():
            self.log.append("cancelled")
            raise
        self.log.append("ended")

    async def worker(self, **options: Any) -> Worker:
        await self.broker.send_message(to_message(Joined(user=1)))
        return Worker(Mediator(RequestMap(), event_map=self.events), self.broker, **options)

    async def left(self) -> int:
        """How many messages there are for the next worker, right now."""
        return len(await self.broker.receiver().receive(10, 0))


async def test_handlers_are_cancelled_at_the_deadline() -> None:
    app = App()
    worker = await app.worker(drain_timeout=0)
    with anyio.fail_after(20):
        async with worker:
            await app.begun.wait()
    assert app.log == ["cancelled"]
    assert await app.left() == 1


async def test_cancelling_the_worker_cancels_its_handlers_and_gives_messages_back() -> None:
    app = App()
    worker = await app.worker()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(worker.run)
            await app.begun.wait()
            group.cancel_scope.cancel()
    assert app.log == ["cancelled"]
    assert worker.ended
    assert await app.left() == 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_worker_cancelled_by_asyncio_itself_gives_messages_back() -> None:
    app = App()
    worker = await app.worker()
    task = asyncio.create_task(worker.run())
    await app.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert app.log == ["cancelled"]
    assert await app.left() == 1


async def test_a_handler_that_ends_in_spite_of_its_cancellation_is_settled() -> None:
    app, begun = App(), anyio.Event()

    @app.events.handler
    async def stubborn(event: Joined) -> None:
        with anyio.CancelScope(shield=True):
            begun.set()
            await anyio.sleep(0.1)

    worker = await app.worker(drain_timeout=0)
    app.may_end.set()
    with anyio.fail_after(20):
        async with worker:
            await begun.wait()
    assert len(app.broker) == 0


@pytest.mark.parametrize("at_once", [1, 2])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_handler_that_ends_with_its_own_cancellation_has_failed(at_once: int) -> None:
    """Nobody wanted the worker to stop: the message comes again, and its key goes on."""
    app, ran = App(), list[int]()
    app.events = EventMap()

    async def cancel_something(event: Keyed) -> None:
        ran.append(event.user)
        if ran == [1]:
            task = asyncio.ensure_future(asyncio.sleep(1000))
            await anyio.sleep(0)
            task.cancel()
            await task

    app.events.bind(Keyed, cancel_something)
    app.events.bind(Keyed, lambda event: None)
    await app.broker.send_messages([to_message(Keyed(user=1)), to_message(Keyed(user=2))])
    emitter = EventEmitter(app.events, concurrency=at_once)
    mediator = Mediator(RequestMap(), event_emitter=emitter)
    with anyio.fail_after(20):
        async with Worker(mediator, app.broker, retry=RetryPolicy(first_delay=0)) as worker:
            while len(app.broker):
                await anyio.sleep(0.01)
            assert not worker.ended
    assert ran == [1, 1, 2]


async def test_the_worker_can_be_stopped_from_another_thread() -> None:
    app = App()
    worker = await app.worker()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(worker.run)
            await app.begun.wait()
            app.may_end.set()
            threading.Thread(target=worker.stop).start()
    assert app.log == ["ended"]


async def test_signals_stop_a_worker_and_are_handled_as_before_afterwards() -> None:
    app = App()
    worker = await app.worker()
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(worker.run)
            await app.begun.wait()
            signal.raise_signal(signal.SIGTERM)
            await anyio.sleep(0.02)
            signal.raise_signal(signal.SIGINT)
    assert app.log == ["cancelled"]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_beside_other_code_a_worker_leaves_the_signals_alone() -> None:
    app = App()
    before = signal.getsignal(signal.SIGTERM)
    async with await app.worker():
        await app.begun.wait()
        assert signal.getsignal(signal.SIGTERM) is before
        app.may_end.set()


async def test_the_body_of_the_block_can_be_cancelled() -> None:
    app = App()
    with anyio.CancelScope() as scope:
        async with await app.worker():
            await app.begun.wait()
            scope.cancel()
            await anyio.sleep(1000)
    assert scope.cancelled_caught
    assert app.log == ["cancelled"]
    assert await app.left() == 1


async def test_def_handlers_may_run_side_by_side_in_threads() -> None:
    app = App()
    both = threading.Barrier(2)
    app.events = EventMap()
    app.events.bind(Joined, lambda event: both.wait(20) and None, sync="thread")
    worker = await app.worker()
    await app.broker.send_message(to_message(Joined(user=2)))
    with anyio.fail_after(20):
        async with worker:
            while len(app.broker):
                await anyio.sleep(0.01)
    assert len(app.broker.dead_letters) == 0


async def test_a_def_handler_in_a_thread_is_waited_for_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Python cannot end a thread, and no user code runs on when the worker has ended."""
    caplog.set_level(logging.INFO, "diator")
    app, begun, may_end, ended = App(), anyio.Event(), threading.Event(), list[float]()

    def slow(event: Joined) -> None:
        anyio.from_thread.run_sync(begun.set)
        assert may_end.wait(20)
        ended.append(time.time())

    def said() -> dict[str, float]:
        return {record.message.split(":")[0].split(";")[0]: record.created for record in caplog.records}

    app.events = EventMap()
    app.events.bind(Joined, slow, sync="thread")
    worker = await app.worker(drain_timeout=0.1)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(worker.run)
            await begun.wait()
            worker.stop()
            while "1 messages are still in progress" not in said():
                await anyio.sleep(0.01)
            await anyio.sleep(0.4)  # longer than the receiver gets to close
            assert not worker.ended
            may_end.set()
    assert worker.ended
    assert said()["the worker has stopped"] >= ended[0]
    assert await app.left() == 1
