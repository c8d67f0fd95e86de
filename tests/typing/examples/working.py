"""Workers and their brokers."""

from dataclasses import dataclass
from typing import assert_type

import diator.sync
from diator import Command, Event, MiddlewareChain, NotificationEvent, RequestMap
from diator.aio import InMemoryMessageBroker, Mediator, Worker
from diator.aio.abc import DeadLetters, MessageBroker, Receiver, ReceivingMessageBroker
from diator.delivery import Delivery, RetryPolicy
from diator.message_brokers import Message, RequestTypes, to_message


@dataclass(frozen=True, kw_only=True)
class Rename(Command[str]):
    name: str


class Moved(NotificationEvent):
    pass


broker: ReceivingMessageBroker = InMemoryMessageBroker()
mediator = Mediator(RequestMap(), message_broker=broker)
Worker(mediator, InMemoryMessageBroker(), requests=[Rename], retry=RetryPolicy(first_delay=2))
Worker(mediator, broker, ordering_key=lambda message: message.partition_key)
Worker(mediator, broker, requests=[Moved])  # error: mypy, pyright
Worker(diator.sync.Mediator(RequestMap()), broker)  # error: mypy, pyright
diator.sync.Worker(diator.sync.Mediator(RequestMap()), diator.sync.InMemoryMessageBroker())
MiddlewareChain().add(lambda message, handle: handle(message), received=(Event,), requests=(Rename,))
assert_type(to_message(Rename(name="x")), Message)
assert_type(RequestTypes([Rename]).request(to_message(Rename(name="x"))).request_id.hex, str)


def send_only(sender: MessageBroker) -> None:
    Worker(mediator, sender)  # error: mypy, pyright


async def receive(receiver: Receiver, dead_letters: DeadLetters) -> None:
    for delivery in await receiver.receive(1, 0):
        assert_type(delivery, Delivery)
    assert_type(await dead_letters.retry_all(), int)
    async with Worker(mediator, broker) as worker:
        worker.stop()
    assert_type(await Worker(mediator, broker).run(), None)
