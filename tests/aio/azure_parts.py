"""What the tests of the broker on Azure Service Bus share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from diator._core.delivery import Ack
from diator._core.wire import Message
from diator.aio.message_brokers.azure import AzureMessageBroker
from tests.aio import deliveries
from tests.aio.conftest import sleep
from tests.aio.deliveries import numbers, read
from tests.servers.azure import broken_connections, hurried_sdk, servicebus

__all__ = ("NEVER", "SOON", "azure", "begin_one", "make", "numbers", "read", "take", "take_and_acknowledge")

#: Seconds to wait for what is there, and for what must not come.
SOON, NEVER = 10.0, 0.3

take = partial(deliveries.take, timeout=SOON)
begin_one = partial(deliveries.begin_one, timeout=SOON)


@asynccontextmanager
async def azure(*, entity: Any = None, limit: int = 262_144, **options: Any) -> AsyncIterator[Any]:
    """The server with a queue ``q``, of which ``entity`` says more, and a broker for what ``options`` say."""
    with broken_connections(), servicebus(max_message_size=limit) as server, hurried_sdk():
        server.add_queue("q", **{"lock_duration": 5, **(entity or {})})
        broker = AzureMessageBroker(options.pop("source", server.connection_string), **{"queue_name": "q", **options})
        try:
            yield server, broker
        finally:
            await broker.aclose()
            await sleep(0.05)  # for tasks of the SDK, which keep closed connections until they end


def make(number: int, key: str | None = None, **more: Any) -> Message:
    return Message(
        message_type="notification_event", message_name="Counted", payload={"number": number}, partition_key=key, **more
    )


async def take_and_acknowledge(receiver: Any, count: int) -> list[int]:
    taken: list[int] = []
    for _ in range(count):
        delivery = await begin_one(receiver)
        taken += numbers([delivery])
        await receiver.settle(delivery, Ack())
    return taken
