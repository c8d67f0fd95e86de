"""A message broker inside this process."""

from collections.abc import Sequence

from ..._core.delivery import Delivery, Retry, Verdict
from ..._core.serializers import JSONSerializer, Serializer
from ..._core.visibility_queue import DeadMessage, VisibilityQueue
from ..._core.wire import Message
from ..._runtime.aio.waiting import Changes, checkpoint, current_time
from ...errors import BrokerClosed, BrokerError

__all__ = ("DeadMessage", "InMemoryMessageBroker")


class InMemoryMessageBroker:
    """Keeps messages in memory: for tests, for demonstrations, and for programs that run as one process.

    Messages travel as bytes, as through any broker; they are delivered at least once, first in, first out. What is in
    it is gone when the process ends.

    Args:
        serializer: Turns messages into bytes; JSON by default.
        visibility_timeout: Seconds after which a delivery that was not settled is delivered again.
        max_size: The most messages to hold that are not settled; None for no limit.
    """

    def __init__(
        self, serializer: Serializer | None = None, *, visibility_timeout: float = 30.0, max_size: int | None = None
    ) -> None:
        if not visibility_timeout > 0:
            raise ValueError(f"visibility_timeout must be a positive number of seconds, not {visibility_timeout}")
        if max_size is not None and max_size < 1:
            raise ValueError(f"max_size must be at least 1, not {max_size}")
        self._serializer = serializer or JSONSerializer()
        self._max_size = max_size
        self._queue = VisibilityQueue(visibility_timeout)
        self._changes = Changes()
        self._closed = False

    def __len__(self) -> int:
        """How many messages are not settled."""
        with self._changes:
            return len(self._queue)

    @property
    def dead_letters(self) -> list[DeadMessage]:
        """The messages that were put aside, in that order."""
        with self._changes:
            return list(self._queue.dead)

    async def send_message(self, message: Message) -> None:
        """Send a message.

        Raises:
            MessageEncodeError: It cannot be sent.
            BrokerClosed: The broker has been closed.
            BrokerError: It holds ``max_size`` messages.
        """
        await self.send_messages([message])

    async def send_messages(self, messages: Sequence[Message]) -> None:
        """Send all messages, or none and raise what `send_message` raises."""
        encoded = [(self._serializer.encode(message), message.headers()) for message in messages]
        await checkpoint()
        with self._changes:
            self._expect_open()
            if self._max_size is not None and len(self._queue) + len(encoded) > self._max_size:
                raise BrokerError(
                    f"the broker holds {len(self._queue)} of at most {self._max_size} messages: settle some, or raise "
                    "`max_size`"
                )
            self._queue.put(encoded)
            self._changes.notify()

    async def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Wait for messages; see `Receiver.receive`."""
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        await checkpoint()
        deadline = current_time() + timeout
        with self._changes:
            while True:
                self._expect_open()
                now = current_time()
                deliveries = self._queue.take(limit, now)
                if deliveries or now >= deadline:
                    return deliveries
                await self._changes.wait(min(deadline, self._queue.next_change()) - now)

    async def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        """Carry out a verdict; see `Receiver.settle`. It works on a closed broker, too."""
        with self._changes:
            self._queue.settle(delivery, verdict, current_time())
            if isinstance(verdict, Retry):  # it may become visible before anything that is waited for
                self._changes.notify()

    async def aclose(self) -> None:
        """Refuse to send and receive from now on, and wake those who wait."""
        with self._changes:
            self._closed = True
            self._changes.notify()

    def _expect_open(self) -> None:
        if self._closed:
            raise BrokerClosed("the broker has been closed: open a new one")
