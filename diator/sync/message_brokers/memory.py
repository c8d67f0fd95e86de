# Generated from diator/aio/message_brokers/memory.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""A message broker inside this process."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ..._core.delivery import Capability, DeadLetter, DeadMessage, Delivery, Retry, Verdict
from ..._core.serializers import JSONSerializer, Serializer
from ..._core.visibility_queue import VisibilityQueue
from ..._core.wire import Message
from ..._runtime.sync.waiting import Changes, checkpoint, current_time
from ...errors import BrokerClosed, BrokerError, DeadLetterDoesNotExist, MessageDecodeError

__all__ = ("InMemoryDeadLetters", "InMemoryMessageBroker", "InMemoryReceiver")

Encoded = tuple[bytes, Mapping[str, str]]


class InMemoryMessageBroker:
    """Keeps messages in memory: for tests, for demonstrations, and for programs that run as one process.

    Messages travel as bytes, as through any broker; they are delivered at least once, first in, first out. What is in
    it is gone when the process ends.

    Args:
        serializer: Turns messages into bytes; JSON by default.
        max_size: The most messages to hold that are not settled; None for no limit.

    Attributes:
        dead_letters: The messages that were put aside.
    """

    capabilities = frozenset(Capability)

    def __init__(self, serializer: Serializer | None = None, *, max_size: int | None = None) -> None:
        if max_size is not None and max_size < 1:
            raise ValueError(f"max_size must be at least 1, not {max_size}")
        self._serializer = serializer or JSONSerializer()
        self._max_size = max_size
        self._queue = VisibilityQueue()
        self._changes = Changes()
        self._closed = False
        self.dead_letters = InMemoryDeadLetters(self)

    def __len__(self) -> int:
        """How many messages are not settled."""
        with self._changes:
            return len(self._queue)

    def send_message(self, message: Message) -> None:
        """Send a message.

        Raises:
            MessageEncodeError: It cannot be sent.
            BrokerClosed: The broker has been closed.
            BrokerError: It holds ``max_size`` messages.
        """
        self.send_messages([message])

    def send_messages(self, messages: Sequence[Message]) -> None:
        """Send all messages, or none and raise what `send_message` raises."""
        encoded = [(self._serializer.encode(message), message.headers()) for message in messages]
        checkpoint()
        with self._changes:
            self._put(encoded)

    def receiver(self, *, visibility_timeout: float = 30.0, concurrency: int = 1) -> "InMemoryReceiver":
        """Make a receiver; see `ReceivingMessageBroker.receiver`."""
        return InMemoryReceiver(self, visibility_timeout)

    def close(self) -> None:
        """Refuse to send and receive from now on, and wake those who wait."""
        with self._changes:
            self._closed = True
            self._changes.notify()

    def _put(self, encoded: Sequence[Encoded]) -> None:
        self._expect_open()
        if self._max_size is not None and len(self._queue) + len(encoded) > self._max_size:
            raise BrokerError(
                f"the broker holds {len(self._queue)} of at most {self._max_size} messages: settle some, or raise "
                "`max_size`"
            )
        self._queue.put(encoded)
        self._changes.notify()

    def _expect_open(self) -> None:
        if self._closed:
            raise BrokerClosed("the broker has been closed: open a new one")


class InMemoryReceiver:
    """Receives the messages of an `InMemoryMessageBroker`; see `Receiver`."""

    def __init__(self, broker: InMemoryMessageBroker, visibility_timeout: float) -> None:
        if not visibility_timeout > 0:
            raise ValueError(f"visibility_timeout must be a positive number of seconds, not {visibility_timeout}")
        self._broker = broker
        self._queue = broker._queue
        self._changes = broker._changes
        self._timeout = visibility_timeout
        self._held: dict[str, Delivery] = {}
        self._stopped = self._closed = False

    def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Wait for messages; see `Receiver.receive`."""
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        checkpoint()
        deadline = current_time() + timeout
        with self._changes:
            while True:
                self._broker._expect_open()
                if self._closed:
                    raise BrokerClosed("the receiver has been closed: ask the broker for a new one")
                now = current_time()
                deliveries = [] if self._stopped else self._queue.take(limit, now, self._timeout)
                if deliveries or self._stopped or now >= deadline:
                    self._held.update((delivery.delivery_id, delivery) for delivery in deliveries)
                    return deliveries
                self._changes.wait(min(deadline, self._queue.next_change()) - now)

    def begin(self, delivery: Delivery) -> bool:
        """Count a delivery; see `Receiver.begin`."""
        with self._changes:
            return self._queue.begin(delivery, current_time())

    def extend(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Keep deliveries; see `Receiver.extend`."""
        with self._changes:
            return self._queue.extend(deliveries, current_time(), self._timeout)

    def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        """Carry out a verdict; see `Receiver.settle`. It works on a closed broker, too."""
        with self._changes:
            self._settle(delivery, verdict)

    def stop(self) -> None:
        """Receive no more, and wake those who wait."""
        with self._changes:
            self._stopped = True
            self._changes.notify()

    def close(self) -> None:
        """Stop, and give back what is not settled."""
        with self._changes:
            self._stopped = self._closed = True
            for delivery in list(self._held.values()):
                self._settle(delivery, Retry())
            self._changes.notify()

    def _settle(self, delivery: Delivery, verdict: Verdict) -> None:
        self._held.pop(delivery.delivery_id, None)
        was_held = self._queue.settle(delivery, verdict, current_time())
        if was_held and isinstance(verdict, DeadLetter):
            self._broker.dead_letters._add(delivery, verdict.reason)
        if isinstance(verdict, Retry):  # it may become visible before anything that is waited for
            self._changes.notify()


class InMemoryDeadLetters:
    """The dead letters of an `InMemoryMessageBroker`; see `DeadLetters`."""

    def __init__(self, broker: InMemoryMessageBroker) -> None:
        self._changes = broker._changes
        self._put = broker._put
        self._serializer = broker._serializer
        self._dead: dict[str, DeadMessage] = {}
        self._next_number = 1

    def __len__(self) -> int:
        with self._changes:
            return len(self._dead)

    def list(self, limit: int = 100, after: str | None = None) -> Sequence[DeadMessage]:
        """Return the oldest ones, or those that follow ``after``."""
        with self._changes:
            found = [dead for dead in self._dead.values() if after is None or int(dead.dead_id) > int(after)]
            return found[:limit]

    def show(self, dead_id: str) -> DeadMessage:
        """Return one; see `DeadLetters.show`."""
        with self._changes:
            if dead_id not in self._dead:
                raise DeadLetterDoesNotExist("there is no dead letter with this id: it may have been sent again")
            return self._dead[dead_id]

    def retry(self, *dead_ids: str) -> int:
        """Send messages again; see `DeadLetters.retry`."""
        with self._changes:
            chosen = [dead for dead in self._dead.values() if dead.dead_id in dead_ids]
            for dead in chosen:
                self._serializer.decode(dead.body, dead.headers)
            return self._send_again(chosen)

    def retry_all(self) -> int:
        """Send all messages again that can be read."""
        with self._changes:
            return self._send_again([dead for dead in self._dead.values() if self._is_readable(dead)])

    def delete(self, *dead_ids: str) -> int:
        """Delete messages, and return how many there were."""
        with self._changes:
            return sum(self._dead.pop(dead_id, None) is not None for dead_id in dead_ids)

    def _add(self, delivery: Delivery, reason: str) -> None:
        dead = DeadMessage(
            dead_id=str(self._next_number),
            reason=reason,
            body=delivery.body,
            headers=delivery.headers,
            attempt=delivery.attempt,
            dead_at=datetime.now(UTC),
        )
        self._next_number += 1
        self._dead[dead.dead_id] = dead

    def _send_again(self, chosen: Sequence[DeadMessage]) -> int:
        self._put([(dead.body, dead.headers) for dead in chosen])
        for dead in chosen:
            del self._dead[dead.dead_id]
        return len(chosen)

    def _is_readable(self, dead: DeadMessage) -> bool:
        try:
            self._serializer.decode(dead.body, dead.headers)
        except MessageDecodeError:
            return False
        return True
