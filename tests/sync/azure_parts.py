# Generated from tests/aio/azure_parts.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What the tests of the broker on Azure Service Bus share."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from diator._core.delivery import Ack
from diator._core.wire import Message
from diator.sync.message_brokers.azure import AzureMessageBroker
from tests.servers.azure import broken_connections, hurried_sdk, servicebus
from tests.sync import deliveries
from tests.sync.conftest import sleep
from tests.sync.deliveries import numbers, read

__all__ = ("NEVER", "SOON", "azure", "begin_one", "make", "numbers", "read", "take", "take_and_acknowledge")

#: Seconds to wait for what is there, and for what must not come.
SOON, NEVER = 10.0, 0.3

take = partial(deliveries.take, timeout=SOON)
begin_one = partial(deliveries.begin_one, timeout=SOON)


@contextmanager
def azure(*, entity: Any = None, limit: int = 262_144, **options: Any) -> Iterator[Any]:
    """The server with a queue ``q``, of which ``entity`` says more, and a broker for what ``options`` say."""
    with broken_connections(), servicebus(max_message_size=limit) as server, hurried_sdk():
        server.add_queue("q", **{"lock_duration": 5, **(entity or {})})
        broker = AzureMessageBroker(options.pop("source", server.connection_string), **{"queue_name": "q", **options})
        try:
            yield server, broker
        finally:
            broker.close()
            sleep(0.05)  # for tasks of the SDK, which keep closed connections until they end


def make(number: int, key: str | None = None, **more: Any) -> Message:
    return Message(
        message_type="notification_event", message_name="Counted", payload={"number": number}, partition_key=key, **more
    )


def take_and_acknowledge(receiver: Any, count: int) -> list[int]:
    taken: list[int] = []
    for _ in range(count):
        delivery = begin_one(receiver)
        taken += numbers([delivery])
        receiver.settle(delivery, Ack())
    return taken
