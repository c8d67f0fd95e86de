# Generated from tests/aio/deliveries.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What the tests of brokers do with deliveries."""

from dataclasses import replace
from typing import Any

from diator._core.delivery import Delivery
from diator._core.serializers import JSONSerializer
from diator._core.wire import Message

__all__ = ("begin_one", "numbers", "read", "take")

#: Seconds to wait for what is there.
SOON = 5


def read(delivery: Any) -> Message:
    return JSONSerializer().decode(delivery.body, delivery.headers)


def numbers(deliveries: Any) -> list[int]:
    return [read(delivery).payload["number"] for delivery in deliveries]


def take(receiver: Any, count: int, timeout: float = SOON) -> list[Delivery]:
    taken: list[Delivery] = []
    while len(taken) < count:
        deliveries = receiver.receive(count - len(taken), timeout)
        assert deliveries, f"only {len(taken)} of {count} messages came"
        taken += deliveries
    return taken


def begin_one(receiver: Any, timeout: float = SOON, **changes: Any) -> Delivery:
    """Begin with the next message; on a machine that stands still it may have been given up, and come again."""
    for _ in range(3):
        [delivery] = take(receiver, 1, timeout)
        if receiver.begin(replace(delivery, **changes)):
            return delivery
    raise AssertionError("a delivery is lost before it begins, again and again")
