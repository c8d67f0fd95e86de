# Generated from diator/aio/message_brokers/redis_streams.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""A message broker on Redis Streams: messages are kept until every group has handled them, or put them aside."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from ..._core.delivery import Capability
from ..._core.serializers import JSONSerializer, Serializer
from ..._core.stream_health import concerns
from ..._core.stream_scripts import SETTLE_NUMBER
from ..._core.wire import Message
from ..._runtime.sync.redis import Command
from ...errors import BrokerError, BrokerUnavailable
from ._redis_client import RedisClient
from ._redis_place import StreamPlace
from .redis_dead_letters import RedisDeadLetters
from .redis_receiver import RedisStreamsReceiver

__all__ = ("RedisStreamsMessageBroker",)

_logger = logging.getLogger("diator.redis")


class RedisStreamsMessageBroker:
    """Sends messages to a stream of Redis, and receives them as a consumer group: at least once.

    Every group gets every message, and the receivers of a group share them. Works with Redis 6.2 and newer, and Valkey.

    Args:
        client_or_url: ``redis://``, ``rediss://`` or ``unix://``; or a client of redis-py (also of a sentinel), whose
            settings are used for connections of our own: it is never closed or changed.
        stream: The name of the stream; with partitions, what their names begin with.
        group: The name of the consumer group.
        consumer: The name of the receiver, unique among those that run; by default a new one each time.
        partitions: Above 1, the ``partition_key`` of a message chooses one of so many streams, and each of them has one
            receiver at a time, so that messages of one key stay in order. It cannot be changed while messages are left.
        max_batch: The most messages that share a round trip.
        retention: Seconds that messages stay in the stream after all groups are done with them; None: for ever.
        require_aof: Raise an error, rather than log a warning, if the server keeps nothing on disk.
        dead_stream: The stream of the dead letters; ``{stream}:dead`` by default.
        timeout: Seconds to wait for a connection, and for a reply.
        retry_timeout: Seconds in which what failed is tried again: always the same message, so that receivers can tell.
        serializer: Turns messages into bytes; JSON by default.

    Attributes:
        dead_letters: The messages that were put aside.

    Raises:
        TypeError: The client cannot be used.
        ValueError: The URL or a number makes no sense.
    """

    capabilities = frozenset(Capability)

    def __init__(
        self,
        client_or_url: Any,
        *,
        stream: str,
        group: str,
        consumer: str | None = None,
        partitions: int = 1,
        max_batch: int = 100,
        retention: float | None = 3600.0,
        require_aof: bool = False,
        dead_stream: str | None = None,
        timeout: float = 5.0,
        retry_timeout: float = 10.0,
        serializer: Serializer | None = None,
    ) -> None:
        self._client = RedisClient(client_or_url, timeout=timeout, retry_timeout=retry_timeout, max_batch=max_batch)
        self._serializer = serializer or JSONSerializer()
        self._place = StreamPlace(
            client=self._client,
            stream=stream,
            partitions=partitions,
            group=group,
            dead_stream=dead_stream or f"{stream}:dead",
            retention=retention,
        )
        self.dead_letters = RedisDeadLetters(self._place, self._serializer)
        self._consumer = consumer
        self._require_aof = require_aof
        self._is_checked = False
        self._receivers: list[RedisStreamsReceiver] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} stream={self._place.stream!r} group={self._place.group!r}>"

    def send_message(self, message: Message) -> None:
        """Send a message, and return when the server has it.

        Raises:
            MessageEncodeError: It cannot be sent.
            BrokerClosed: The broker has been closed.
            BrokerUnavailable: The server did not answer until the time was over; it may have been sent.
            BrokerError: The server refused it.
        """
        command = self._command(message)
        self._check()
        self._client.persist(partial(self._client.submit, [command]))

    def send_messages(self, messages: Sequence[Message]) -> None:
        """Send messages in their order, in transactions of ``max_batch``; raises what `send_message` raises."""
        commands = [self._command(message) for message in messages]
        self._check()
        size = self._client.max_batch
        for first in range(0, len(commands), size):
            unit = [("MULTI",), *commands[first : first + size], ("EXEC",)]
            self._client.persist(partial(self._client.submit, unit))

    def receiver(self, *, visibility_timeout: float = 30.0, concurrency: int = 1) -> RedisStreamsReceiver:
        """Make a receiver; see `ReceivingMessageBroker.receiver`."""
        self._receivers = [known for known in self._receivers if not known.is_closed]
        receiver = RedisStreamsReceiver(self._place, self._check, self._consumer, visibility_timeout)
        self._receivers.append(receiver)
        return receiver

    def close(self) -> None:
        """Close the connections, but never the client that was passed; wake those who wait."""
        self._client.refuse()
        for receiver in self._receivers:
            receiver.close()
        self._client.close()

    def _check(self) -> None:
        """Look once whether the server keeps what it is given.

        Raises:
            BrokerError: It does not, and ``require_aof`` is set; or others use another number of partitions.
        """
        self._client.expect_open()
        if self._is_checked:
            return
        self._client.persist(self._expect_partitions)
        found = concerns(self._client.persist(self._read_info))
        if self._require_aof and found.is_volatile:
            raise BrokerError(f"{found.is_volatile} `require_aof` is set, so nothing is sent or received")
        if self._is_checked:  # by somebody else meanwhile
            return
        self._is_checked = True
        for concern in found.texts:
            _logger.warning("Redis stream %s: %s", self._place.stream, concern)

    def _read_info(self) -> list[Any]:
        replies = self._client.transport.exchange([("INFO", "persistence"), ("INFO", "memory")])
        for reply in replies:
            if isinstance(reply, BrokerUnavailable):
                raise reply
        return replies

    def _expect_partitions(self) -> None:
        key, ours = self._place.key("partitions"), len(self._place.streams)
        [count] = self._client.exchange(("EVAL", SETTLE_NUMBER, 1, key, ours))
        if int(count) != ours:
            raise BrokerError(
                f"the stream {self._place.stream} has {int(count)} partitions, not {ours}: use the same number "
                f"everywhere, or handle all that is left and delete the key {key}"
            )

    def _command(self, message: Message) -> Command:
        return self._place.add(self._serializer.encode(message), message.headers(), message.message_id)
