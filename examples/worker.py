"""A worker in the same process: orders are published, and handled by handlers of which one fails at first.

    python examples/worker.py

With another broker the two halves would be two programs. It ends by itself; Ctrl-C ends it sooner, and cleanly.
"""

import asyncio
import logging
import sys
from dataclasses import dataclass

from diator import EventMap, NotificationEvent, RequestMap
from diator.aio import InMemoryMessageBroker, Mediator, Worker
from diator.delivery import Reject, RetryPolicy

event_map = EventMap()
failures = {2: 1}  # how often the mail about an order still fails


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(NotificationEvent):
    order: int
    customer: str

    @property
    def partition_key(self) -> str:
        return self.customer  # the orders of one customer are handled one after another


@event_map.handler
async def reserve(event: OrderPlaced) -> None:
    print(f"reserve {event.order}")


@event_map.handler
async def send_mail(event: OrderPlaced) -> None:
    if failures.get(event.order, 0):
        failures[event.order] -= 1
        raise ConnectionError("the mail server does not answer")
    if event.customer == "nobody":
        raise Reject("there is no such customer")
    print(f"mail for {event.order}")


async def main() -> None:
    broker = InMemoryMessageBroker()
    mediator = Mediator(RequestMap(), event_map=event_map, message_broker=broker)
    worker = Worker(mediator, broker, concurrency=1, retry=RetryPolicy(first_delay=0.2))

    async def place_orders() -> None:
        for order, customer in enumerate(["ann", "bob", "bob", "nobody"], start=1):
            await mediator.publish(OrderPlaced(order=order, customer=customer))
        while len(broker):
            await asyncio.sleep(0.01)
        worker.stop()

    placing = asyncio.create_task(place_orders())
    await worker.run()  # until `stop` or a signal
    placing.cancel()
    for dead in await broker.dead_letters.list():
        print(f"put aside: {dead.reason}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    asyncio.run(main())
