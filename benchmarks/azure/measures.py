"""What is measured on Azure Service Bus. Each measure is one coroutine function, and returns seconds or a rate."""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from diator import EventMap, NotificationEvent, RequestMap
from diator.aio import Mediator, Worker
from diator.aio.message_brokers.azure import AzureMessageBroker
from diator.delivery import Ack, RetryPolicy
from diator.errors import DiatorError
from diator.message_brokers import Message

BODY = {"number": 1, "text": "x" * 200}


def make() -> Message:
    return Message(message_type="notification_event", message_name="Counted", payload=BODY)


async def sdk_one_at_a_time(connection: str, count: int) -> float:
    """Messages per second that one sender of the SDK sends, each after the one before."""
    async with ServiceBusClient.from_connection_string(connection) as client:
        sender = client.get_queue_sender("q", keep_alive=0)
        await sender.send_messages(ServiceBusMessage("first"))
        body = "x" * 300
        begin = time.perf_counter()
        for _ in range(count):
            await sender.send_messages(ServiceBusMessage(body))
        return count / (time.perf_counter() - begin)


async def publish(connection: str, publishers: int, count: int) -> float:
    """Messages per second of as many tasks, each of which sends one after another."""
    broker = AzureMessageBroker(connection, queue_name="q")
    await broker.send_message(make())

    async def send() -> None:
        for _ in range(count // publishers):
            await broker.send_message(make())

    begin = time.perf_counter()
    async with anyio.create_task_group() as group:
        for _ in range(publishers):
            group.start_soon(send)
    seconds = time.perf_counter() - begin
    await broker.aclose()
    return count / seconds


async def receive(connection: str, connections: int, count: int, ordered: bool) -> float:
    """Messages per second that are received and acknowledged, as many at the same time."""
    broker = AzureMessageBroker(connection, queue_name="q", ordered=ordered)
    await broker.send_messages([make() for _ in range(count + connections)])
    receiver = broker.receiver(concurrency=connections)
    await settle_all(receiver, connections, connections)  # opens the connections
    begin = time.perf_counter()
    await settle_all(receiver, connections, count)
    seconds = time.perf_counter() - begin
    await broker.aclose()
    return count / seconds


async def settle_all(receiver: Any, limit: int, count: int) -> None:
    """Receive so many messages, and acknowledge them in as many tasks, which stay, as in a worker."""
    ready_sender, ready = anyio.create_memory_object_stream[Any](limit)
    free = anyio.Semaphore(limit)

    async def settle() -> None:
        async for delivery in ready:
            await receiver.settle(delivery, Ack())
            free.release()

    async with anyio.create_task_group() as group:
        for _ in range(limit):
            group.start_soon(settle)
        while count:
            await free.acquire()
            room = 1
            while room < min(limit, count) and free.value:
                free.acquire_nowait()
                room += 1
            deliveries: Any = ()
            while not deliveries:
                deliveries = await receiver.receive(room, 5)
            for _ in range(room - len(deliveries)):
                free.release()
            for delivery in deliveries:
                ready_sender.send_nowait(delivery)
            count -= len(deliveries)
        ready_sender.close()


@dataclass(frozen=True, kw_only=True)
class Counted(NotificationEvent):
    number: int


async def with_cuts(events: int, workers: int, every: float) -> dict[str, Any]:
    """Publish and handle events while all connections are reset every so many seconds."""
    from tests.servicebus import ServiceBusServer

    handled: list[Any] = []
    effects: set[Any] = set()
    event_map = EventMap()
    cuts = 0

    @event_map.handler
    async def handle(event: Counted) -> None:
        await anyio.sleep(0.02)
        handled.append(event.number)
        effects.add(event.event_id)

    async def send(event: Counted) -> None:
        await anyio.sleep(event.number * 6 / events)
        while True:
            try:
                return await mediator.publish(event)
            except* DiatorError:
                await anyio.sleep(0.1)

    async def cut() -> None:
        nonlocal cuts
        while True:
            await anyio.sleep(every)
            cuts += server.faults.drop_connections()

    with ServiceBusServer() as server:
        server.add_queue("q", lock_duration=3, max_delivery_count=100, duplicate_window=600)
        broker = AzureMessageBroker(server.connection_string, queue_name="q")
        mediator = Mediator(RequestMap(), event_map=event_map, message_broker=broker)
        worker = Worker(mediator, broker, concurrency=workers, retry=RetryPolicy(first_delay=0.1), max_deliveries=50)
        begin = time.perf_counter()
        async with anyio.create_task_group() as group:
            group.start_soon(worker.run)
            group.start_soon(cut)
            async with anyio.create_task_group() as publishing:
                for number in range(events):
                    publishing.start_soon(send, Counted(number=number))
            while (server.messages("q") or len(set(handled)) < events) and time.perf_counter() - begin < 120:
                await anyio.sleep(0.1)
            seconds = time.perf_counter() - begin
            group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await broker.aclose()
        missing = events - len(set(handled))
        twice = sum(handled.count(number) > 1 for number in set(handled))
        return {
            "events": events,
            "seconds": round(seconds, 1),
            "connections_cut": cuts,
            "missing": missing,
            "handled_twice": twice,
            "effects_twice_behind_an_inbox": len(effects) - len(set(handled)),
            "dead_letters": len(server.messages("q/$DeadLetterQueue")),
        }


def run(measure: Any, *args: Any, backend: str = "asyncio") -> Any:
    return anyio.run(partial(measure, *args), backend=backend)
