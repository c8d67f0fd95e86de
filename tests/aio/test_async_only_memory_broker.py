"""Cancelling a receiver at every step loses nothing."""

import asyncio
from itertools import product

import anyio
import pytest
from anyio.lowlevel import checkpoint

from diator._core.delivery import Delivery
from diator._core.wire import Message
from diator.aio.message_brokers.memory import InMemoryMessageBroker, InMemoryReceiver

STEPS = range(9)


def make(number: int) -> Message:
    return Message(message_type="notification_event", message_name="Counted", payload={"number": number})


@pytest.mark.parametrize("timeout", [0, 0.0001, 20])
async def test_a_receiver_cancelled_at_any_step_loses_nothing(timeout: float) -> None:
    outcomes: set[tuple[int, bool]] = set()
    for send_at, cancel_at in product(STEPS, STEPS):
        broker = InMemoryMessageBroker()
        receiver = broker.receiver(visibility_timeout=1000)
        received: list[Delivery] = []

        async def receive(receiver: InMemoryReceiver, received: list[Delivery], scope: anyio.CancelScope) -> None:
            with scope:
                received += await receiver.receive(1, timeout)

        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                scopes = [anyio.CancelScope(), anyio.CancelScope()]
                for scope in scopes:
                    group.start_soon(receive, receiver, received, scope)
                for step in STEPS:
                    if step == send_at:
                        await broker.send_messages([make(1), make(2)])
                    if step == cancel_at:
                        scopes[0].cancel()
                    await checkpoint()
                scopes[1].cancel()
        left = await receiver.receive(10, 0)
        assert len(received) + len(left) == 2, (send_at, cancel_at)
        outcomes.add((len(received), scopes[0].cancelled_caught))
    if timeout == 20:
        assert {(2, False), (1, True)} <= outcomes  # cancelled before and after it had something


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_task_cancelled_by_asyncio_itself_loses_nothing() -> None:
    for send_at, cancel_at in product(STEPS, STEPS):
        broker = InMemoryMessageBroker()
        receiver = broker.receiver(visibility_timeout=1000)
        task = asyncio.create_task(receiver.receive(1, 20))
        for step in STEPS:
            if step == send_at:
                await broker.send_message(make(1))
            if step == cancel_at:
                task.cancel()
            await asyncio.sleep(0)
        received = [] if task.cancelled() else await task
        assert len(received) + len(await receiver.receive(10, 0)) == 1, (send_at, cancel_at)


async def test_a_cancelled_receiver_leaves_the_message_to_the_next() -> None:
    broker = InMemoryMessageBroker()
    receiver = broker.receiver(visibility_timeout=1000)
    received: list[Delivery] = []

    async def receive() -> None:
        received.extend(await receiver.receive(1, 20))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as first:
            first.start_soon(receive)
            async with anyio.create_task_group() as second:
                second.start_soon(receive)
                await anyio.wait_all_tasks_blocked()
                await broker.send_message(make(1))
                second.cancel_scope.cancel()
            await broker.send_message(make(2))
            await anyio.wait_all_tasks_blocked()
            first.cancel_scope.cancel()
    assert len(received) + len(await receiver.receive(10, 0)) == 2
    assert received


async def test_receiving_what_is_there_lets_other_tasks_run() -> None:
    broker = InMemoryMessageBroker()
    receiver = broker.receiver()
    await broker.send_messages([make(number) for number in range(20)])
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(count)
        for _ in range(20):
            await receiver.receive(1, 0)
        group.cancel_scope.cancel()
    assert turns >= 10
