"""diator publishes and consumes, on asyncio, on trio and in blocking code."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import anyio

import diator.aio.message_brokers.redis as aio
import diator.sync.message_brokers.redis as sync
from diator import EventMap, NotificationEvent, RequestMap
from diator._core.delivery import Ack
from diator._core.envelope import to_message
from diator.aio import Mediator, Worker

__all__ = ("consume", "latency", "message", "publish", "publish_batches", "publish_blocking", "work")


@dataclass(frozen=True, kw_only=True)
class Counted(NotificationEvent):
    number: int
    text: str = "x" * 50


def message(number: int) -> Any:
    return to_message(Counted(number=number))


def broker(source: Any, module: Any = aio) -> Any:
    return module.RedisStreamsMessageBroker(source, stream=f"ours-{uuid4()}", group="g")


async def publish(source: Any, tasks: int, count: int) -> float:
    """Messages per second of so many tasks, each of which sends one after another."""
    sender = broker(source)
    messages = [message(number) for number in range(count // tasks)]

    async def send() -> None:
        for one in messages:
            await sender.send_message(one)

    await sender.send_message(messages[0])
    begin = perf_counter()
    async with anyio.create_task_group() as group:
        for _ in range(tasks):
            group.start_soon(send)
    rate = count / (perf_counter() - begin)
    await sender.aclose()
    return rate


def publish_blocking(source: Any, threads: int, count: int) -> float:
    """The same in threads."""
    sender = broker(source, sync)
    messages = [message(number) for number in range(count // threads)]

    def send() -> None:
        for one in messages:
            sender.send_message(one)

    sender.send_message(messages[0])
    with ThreadPoolExecutor(threads) as pool:
        begin = perf_counter()
        for future in [pool.submit(send) for _ in range(threads)]:
            future.result()
        rate = count / (perf_counter() - begin)
    sender.close()
    return rate


async def publish_batches(source: Any, count: int) -> float:
    """Messages per second in batches of 100."""
    sender = broker(source)
    messages = [message(number) for number in range(100)]
    await sender.send_messages(messages)
    begin = perf_counter()
    for _ in range(count // 100):
        await sender.send_messages(messages)
    rate = count / (perf_counter() - begin)
    await sender.aclose()
    return rate


async def consume(source: Any, count: int) -> float:
    """Messages per second that a receiver brings, begins and acknowledges, up to 100 at the same time."""
    both = broker(source)
    messages = [message(number) for number in range(1000)]
    for _ in range(count // 1000):
        await both.send_messages(messages)
    receiver = both.receiver(concurrency=100)
    received = handled = 0
    ready: deque[Any] = deque()
    arrived = done = anyio.Event()

    async def handle() -> None:
        nonlocal handled
        while True:
            while ready:
                delivery = ready.popleft()
                assert await receiver.begin(delivery)
                await receiver.settle(delivery, Ack())
                handled += 1
                if handled == received:
                    done.set()
            await arrived.wait()

    async with anyio.create_task_group() as group:
        for _ in range(100):  # as in a worker, they stay
            group.start_soon(handle)
        begin = perf_counter()
        while received < count:
            ready += await receiver.receive(100, 5)
            received += len(ready)
            before, arrived, done = arrived, anyio.Event(), anyio.Event()
            before.set()
            await done.wait()
        rate = count / (perf_counter() - begin)
        group.cancel_scope.cancel()
    await both.aclose()
    return rate


async def work(source: Any, count: int) -> float:
    """Messages per second of a worker whose handler does nothing: decoding and dispatch included."""
    both, events, done, handled = broker(source), EventMap(), anyio.Event(), 0

    @events.handler
    def handle(event: Counted) -> None:
        nonlocal handled
        handled += 1
        if handled == count:
            done.set()

    messages = [message(number) for number in range(1000)]
    for _ in range(count // 1000):
        await both.send_messages(messages)
    begin = perf_counter()
    async with Worker(Mediator(RequestMap(), event_map=events), both, concurrency=100):
        await done.wait()
        rate = count / (perf_counter() - begin)
    await both.aclose()
    return rate


async def latency(source: Any, count: int) -> float:
    """Milliseconds from the call of `send_message` to the handler of an idle worker: the median."""
    both, events = broker(source), EventMap()
    times: list[float] = []
    handled = anyio.Event()

    @events.handler
    def handle(event: Counted) -> None:
        times.append(perf_counter())
        handled.set()

    taken = []
    async with Worker(Mediator(RequestMap(), event_map=events), both):
        await anyio.sleep(0.2)
        for number in range(count):
            one = message(number)
            begin = perf_counter()
            await both.send_message(one)
            await handled.wait()
            handled = anyio.Event()
            taken.append((times[-1] - begin) * 1000)
            await anyio.sleep(0.01)
    await both.aclose()
    return median(taken)
