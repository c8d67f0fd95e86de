"""Cancellation, and the thread that carries the SDK under trio."""

import asyncio
import random
import threading
from functools import partial
from typing import Any

import anyio
import pytest
from azure.servicebus import ServiceBusMessage

from diator._core.delivery import Ack
from diator.aio.message_brokers.azure import AzureMessageBroker
from tests.aio.azure_parts import SOON, azure, begin_one, make, numbers, take
from tests.servers.azure import sdk_client


async def test_cancelled_sends_do_not_harm_the_others() -> None:
    chance = random.Random(7)
    done: set[int] = set()

    patient: set[int] = set()

    async def send(broker: Any, number: int, delay: float, patience: float) -> None:
        await anyio.sleep(delay)
        with anyio.move_on_after(patience):
            await broker.send_message(make(number))
            done.add(number)

    async with azure() as (server, broker):
        async with anyio.create_task_group() as group:
            for number in range(200):
                patience = chance.choice([0, 0.0005, 0.002, 0.01, 1000])
                if patience == 1000:
                    patient.add(number)
                group.start_soon(send, broker, number, chance.random() * 0.3, patience)
        await broker.send_message(make(1000))
        stored = server.messages("q")
        ids = [message.wire.message_id for message in stored]
        assert len(set(ids)) == len(ids)
        assert len(patient) >= 30
        assert patient <= done
        assert len(stored) > len(done)


async def test_cancelled_receives_lose_nothing() -> None:
    chance = random.Random(7)
    taken: list[Any] = []
    async with azure() as (server, broker):
        await broker.send_messages([make(number) for number in range(30)])
        receiver = broker.receiver(visibility_timeout=60)
        with anyio.fail_after(60):
            while len(taken) < 30:
                with anyio.move_on_after(chance.choice([0, 0.0005, 0.002, 0.01, 0.1])):
                    deliveries = await receiver.receive(3, SOON)
                    taken += deliveries
        assert sorted(numbers(taken)) == list(range(30))
        assert {delivery.attempt for delivery in taken} == {1}
        assert server.messages("q")


async def test_a_verdict_is_carried_out_though_its_task_is_cancelled() -> None:
    async with azure() as (server, broker):
        await broker.send_message(make(1))
        receiver = broker.receiver()
        delivery = await begin_one(receiver)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await receiver.settle(delivery, Ack())
        with anyio.move_on_after(0.001):
            await receiver.settle(delivery, Ack())
        with anyio.fail_after(SOON):
            while server.messages("q"):
                await anyio.sleep(0.02)
                await receiver.settle(delivery, Ack())


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_tasks_that_asyncio_itself_cancels_harm_nothing() -> None:
    async with azure() as (server, broker):
        await broker.send_message(make(0))
        receiver = broker.receiver()
        for delay in (0, 0.001, 0.01):
            tasks = [asyncio.create_task(broker.send_message(make(1))), asyncio.create_task(receiver.receive(1, SOON))]
            await asyncio.sleep(delay)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            for deliveries in filter(None, results):
                if not isinstance(deliveries, BaseException):
                    for delivery in deliveries:
                        await receiver.settle(delivery, Ack())
        await broker.send_message(make(2))
        while server.messages("q"):
            [delivery] = await take(receiver, 1)
            await receiver.settle(delivery, Ack())


async def test_a_cancelled_handler_leaves_its_message_to_others() -> None:
    async with azure() as (_, broker):
        await broker.send_message(make(1))
        receiver = broker.receiver()

        async def handle() -> None:
            await begin_one(receiver)
            scope.cancel()
            await anyio.sleep(SOON)

        with anyio.CancelScope() as scope:
            await handle()
        await receiver.aclose()
        again = await begin_one(broker.receiver())
        assert again.attempt == 2


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_the_application_has_opened_with_its_client_stays_open() -> None:
    async with azure() as (server, _):
        client = sdk_client(AzureMessageBroker, server.connection_string)
        sender = client.get_queue_sender("q", keep_alive=0)
        await sender.send_messages(ServiceBusMessage("before"))
        broker = AzureMessageBroker(client, queue_name="q")
        await broker.send_message(make(1))
        await broker.aclose()
        await sender.send_messages(ServiceBusMessage("after"))
        assert len(server.messages("q")) == 3
        await client.close()


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_the_thread_under_trio_ends_with_the_broker() -> None:
    def there() -> bool:
        return "diator-asyncio" in [thread.name for thread in threading.enumerate()]

    async with azure() as (_, broker):
        await broker.send_message(make(1))
        assert there()
        await broker.aclose()
        assert not there()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_broker_goes_on_under_a_new_event_loop() -> None:
    def in_a_loop_of_its_own(broker: Any, number: int) -> None:
        asyncio.run(broker.send_message(make(number)))

    async with azure() as (server, broker):
        await anyio.to_thread.run_sync(partial(in_a_loop_of_its_own, broker, 1))
        await anyio.to_thread.run_sync(partial(in_a_loop_of_its_own, broker, 2))
        await broker.send_message(make(3))
        assert len(server.messages("q")) == 3
        assert numbers(await take(broker.receiver(), 3)) == [1, 2, 3]
