# Generated from diator/aio/message_brokers/azure.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""A message broker over Azure Service Bus."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

from ..._core.delivery import Capability
from ..._core.serializers import JSONSerializer, Serializer
from ..._core.servicebus import Outgoing, outgoing
from ..._core.wire import Message
from ..._runtime.servicebus import check_client
from ..._runtime.sync.concurrency import ASYNC
from ..._runtime.sync.group_commit import Done, GroupCommit
from ..._runtime.sync.servicebus import Home
from ...errors import BrokerClosed, BrokerError
from ._azure_dead_letters import AzureDeadLetters
from ._azure_entity import Entity
from ._azure_publisher import Publisher
from ._azure_receiver import AzureReceiver

__all__ = ("AzureDeadLetters", "AzureMessageBroker", "AzureReceiver")

#: Bytes to collect for one group: somewhat less than the 256 KB that a batch may have in the standard tier.
_GROUP = 240 * 1024


class AzureMessageBroker:
    """Sends messages to a topic or a queue of Azure Service Bus, and receives them from a queue or a subscription.

    Concurrent sends share batches. Nothing is opened before it is needed, and what is opened stays open until `close`.
    Messages are delivered at least once.

    Args:
        client: A ``ServiceBusClient`` of this side's SDK, which stays yours and is never closed here; or a connection
            string; or the name of a namespace (``name.servicebus.windows.net``), with a ``credential``.
        topic_name: Where to send; give this or ``queue_name``.
        queue_name: Where to send, and to receive.
        subscription_name: Where to receive what the topic gets.
        sessions: The queue or subscription requires sessions. A message's session is its ``partition_key``, so that
            messages with the same key stay in order across all processes; without a key it is a session of its own.
        ordered: Hand messages out in the order of the queue, which takes one round trip to the service for each. False
            receives on all connections at once, which is faster; with ``sessions`` that is so anyway.
        timeout: Seconds that sending may take, with all repetitions; 30 if it is None.
        credential: What the SDK takes as such, for example of azure-identity, which stays yours; or a function that
            makes one, which is closed here.
        serializer: Turns messages into bytes; JSON by default.
    """

    def __init__(
        self,
        client: Any,
        topic_name: str | None = None,
        *,
        queue_name: str | None = None,
        subscription_name: str | None = None,
        sessions: bool = False,
        ordered: bool = True,
        timeout: float | None = None,
        credential: Any = None,
        serializer: Serializer | None = None,
    ) -> None:
        check_client(client, is_async=ASYNC)
        self._home = Home()
        self._entity = Entity(
            client,
            credential,
            self._home,
            topic=topic_name,
            queue=queue_name,
            subscription=subscription_name,
            sessions=sessions,
            timeout=30.0 if timeout is None else timeout,
        )
        self._ordered = ordered
        self._serializer = serializer or JSONSerializer()
        self._publisher = Publisher(self._entity, self._home)
        self._group: GroupCommit[Sequence[Outgoing], None] = GroupCommit(self._start, _GROUP, _size)
        self._receivers: WeakSet[AzureReceiver] = WeakSet()
        self._dead_letters = AzureDeadLetters(self._entity, self._publisher, self._home, self._serializer)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {self._entity}>"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do: everything, if it can receive."""
        return frozenset(Capability) if self._entity.can_receive else frozenset()

    @property
    def dead_letters(self) -> AzureDeadLetters | None:
        """The messages of the queue or subscription that were put aside; None for a topic alone."""
        return self._dead_letters if self._entity.can_receive else None

    def send_message(self, message: Message) -> None:
        """Send a message, in one batch with those that others send meanwhile.

        Raises:
            MessageEncodeError: It cannot be sent, for example because it is too large. Others in the batch are sent.
            BrokerClosed: The broker has been closed.
            BrokerAccessDenied: The key or the credential is wrong, or has no right to send.
            BrokerEntityDoesNotExist: There is no such queue or topic.
            BrokerFull: A quota is exhausted.
            BrokerUnavailable: Service Bus could not be reached in time, or did not answer.
        """
        self.send_messages([message])

    def send_messages(self, messages: Sequence[Message]) -> None:
        """Send messages in this order; see `BatchingMessageBroker`, and `send_message` for errors."""
        encoded = [self._encode(message) for message in messages]
        self._expect_open()
        if encoded:
            self._group.submit(encoded)

    def receiver(self, *, visibility_timeout: float = 30.0, concurrency: int = 1) -> AzureReceiver:
        """Make a receiver; see `ReceivingMessageBroker.receiver`.

        Raises:
            BrokerError: The broker has a topic and no subscription.
        """
        if not self._entity.can_receive:
            raise BrokerError(f"{self._entity} is only sent to: pass subscription_name= to receive")
        receiver = AzureReceiver(
            self._entity,
            self._publisher,
            self._home,
            visibility_timeout=visibility_timeout,
            ordered=self._ordered,
        )
        self._receivers.add(receiver)
        return receiver

    def close(self) -> None:
        """Give back what its receivers hold, and close everything but a client of yours."""
        if self._entity.closed:
            return
        self._entity.closed = True
        for receiver in list(self._receivers):
            receiver.close()
        self._home.run(self._close_entity)
        self._home.close()

    def _close_entity(self) -> None:
        self._publisher.close()
        self._entity.close()

    def _encode(self, message: Message) -> Outgoing:
        encoded = outgoing(message, self._serializer.encode(message))
        return self._entity.with_session(encoded)

    def _start(self, parcels: Sequence[Sequence[Outgoing]], done: Done[None]) -> None:
        self._home.start(self._publisher.send, (parcels,), done)

    def _expect_open(self) -> None:
        if self._entity.closed:
            raise BrokerClosed("the broker has been closed: open a new one")


def _size(parcel: Sequence[Outgoing]) -> int:
    return sum(message.size for message in parcel)
