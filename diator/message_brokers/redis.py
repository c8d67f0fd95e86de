"""The message brokers on Redis."""

from ..aio.message_brokers.redis import RedisMessageBroker, RedisStreamsMessageBroker

__all__ = ("RedisMessageBroker", "RedisStreamsMessageBroker")
