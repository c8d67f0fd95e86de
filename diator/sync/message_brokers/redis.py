# Generated from diator/aio/message_brokers/redis.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Message brokers on Redis: Pub/Sub, at most once and compatible with diator 0.1.2; and Streams, at least once."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..._core.channels import Channels
from ..._core.delivery import Capability
from ..._core.serializers import JSONSerializer, Serializer
from ..._core.wire import Message
from ..._runtime.sync.redis import Command
from ...errors import BrokerError
from ._redis_client import RedisClient
from .redis_pubsub_receiver import RedisPubSubReceiver
from .redis_streams import RedisStreamsMessageBroker

__all__ = ("RedisMessageBroker", "RedisStreamsMessageBroker")


class RedisMessageBroker:
    """Publishes messages to channels of Redis, and receives them: at most once.

    Whoever is subscribed at that moment gets a message; when nobody is, it is gone. A subscriber that is slow, or cut
    off for a moment, loses messages without a sign. Use `RedisStreamsMessageBroker` for what must not be lost.

    Args:
        client_or_url: ``redis://``, ``rediss://`` or ``unix://``; or a client of redis-py (also of a sentinel), whose
            settings are used for connections of our own: it is never closed or changed.
        channel_prefix: What the names of channels begin with.
        channel: How they go on: a text with ``{prefix}``, ``{type}``, ``{name}``, ``{id}`` and ``{key}``.
        pattern: What to subscribe to; by default what all channels of this prefix match.
        require_subscribers: Raise an error when nobody got a message.
        on_published: Called with each message and the number of subscribers that got it, for a metric.
        timeout: Seconds to wait for a connection, and for a reply.
        retry_timeout: Seconds in which sending is tried again, but only while the message has surely not been sent.
        max_batch: The most messages that share a round trip.
        serializer: Turns messages into bytes; JSON by default.

    Attributes:
        dead_letters: None: messages that are put aside are counted and logged.
        unheard: How many messages nobody was subscribed to.

    Raises:
        TypeError: The client cannot be used.
        ValueError: The URL, the channel or a number makes no sense.
    """

    capabilities: frozenset[Capability] = frozenset()
    dead_letters: None = None

    def __init__(
        self,
        client_or_url: Any,
        *,
        channel_prefix: str | None = None,
        channel: str = "{prefix}:{type}:{id}",
        pattern: str | None = None,
        require_subscribers: bool = False,
        on_published: Callable[[Message, int], object] | None = None,
        timeout: float = 5.0,
        retry_timeout: float = 10.0,
        max_batch: int = 100,
        serializer: Serializer | None = None,
    ) -> None:
        self.unheard = 0
        self._client = RedisClient(client_or_url, timeout=timeout, retry_timeout=retry_timeout, max_batch=max_batch)
        self._channels = Channels(channel_prefix or "python_diator_channel", channel)
        self._pattern = pattern or self._channels.pattern
        self._require_subscribers = require_subscribers
        self._on_published = on_published
        self._serializer = serializer or JSONSerializer()
        self._receivers: list[RedisPubSubReceiver] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} pattern={self._pattern!r}>"

    def send_message(self, message: Message) -> None:
        """Publish a message.

        Raises:
            MessageEncodeError: It cannot be sent.
            BrokerClosed: The broker has been closed.
            BrokerUnavailable: The server did not answer; it may have been published.
            BrokerError: The server refused it, or nobody got it and ``require_subscribers`` is set.
        """
        self.send_messages([message])

    def send_messages(self, messages: Sequence[Message]) -> None:
        """Publish messages in their order; raises what `send_message` raises."""
        commands = [self._command(message) for message in messages]
        self._client.expect_open()
        size = self._client.max_batch
        for first in range(0, len(commands), size):
            unit = commands[first : first + size]
            counts = self._client.persist(partial(self._client.submit, unit), only_undone=True)
            self._report(messages[first : first + size], counts)

    def receiver(self, *, visibility_timeout: float = 30.0, concurrency: int = 1) -> RedisPubSubReceiver:
        """Make a receiver, which gets what is published from its first `receive` on."""
        self._receivers = [known for known in self._receivers if not known.is_closed]
        receiver = RedisPubSubReceiver(self._client, self._pattern)
        self._receivers.append(receiver)
        return receiver

    def close(self) -> None:
        """Close the connections, but never the client that was passed; wake those who wait."""
        self._client.refuse()
        for receiver in self._receivers:
            receiver.close()
        self._client.close()

    def _command(self, message: Message) -> Command:
        body = self._serializer.encode(message, headers_inside=True)
        return ("PUBLISH", self._channels.name(message), body)

    def _report(self, messages: Sequence[Message], counts: Sequence[int]) -> None:
        unheard = sum(not count for count in counts)
        self.unheard += unheard
        if self._on_published is not None:
            for message, count in zip(messages, counts, strict=True):
                self._on_published(message, count)
        if unheard and self._require_subscribers:
            raise BrokerError(
                f"{unheard} of {len(counts)} messages reached nobody: no subscriber listens to the channel"
            )
