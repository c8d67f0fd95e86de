"""Where the messages of a broker on Redis Streams are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..._core.stream_entries import fields_of, partition_of
from ..._runtime.aio.redis import Command
from ._redis_client import RedisClient

__all__ = ("StreamPlace",)


@dataclass(frozen=True, kw_only=True)
class StreamPlace:
    """The keys of a broker.

    Attributes:
        client: Sends commands.
        stream: The name of the stream, or what the names of the partitions begin with.
        partitions: How many there are.
        group: The consumer group.
        dead_stream: The stream of the dead letters.
        retention: Seconds that messages stay after all groups are done with them; None: for ever.
        streams: The names of the partitions.
    """

    client: RedisClient
    stream: str
    partitions: int
    group: str
    dead_stream: str
    retention: float | None
    streams: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.partitions < 1:
            raise ValueError(f"partitions must be at least 1, not {self.partitions}")
        if self.retention is not None and not self.retention >= 0:
            raise ValueError(f"retention must be a number of seconds from 0, not {self.retention}")
        several = [f"{self.stream}:{number}" for number in range(self.partitions)]
        object.__setattr__(self, "streams", tuple(several) if self.partitions > 1 else (self.stream,))

    def notes(self, stream: str) -> str:
        """The hash with what is known about messages of a stream between two deliveries."""
        return f"{stream}:{self.group}:notes"

    def key(self, name: str) -> str:
        """The name of another key that belongs to the stream."""
        return f"{self.stream}:{name}"

    def add(self, body: bytes, headers: Mapping[str, str], message_id: object, group: str | None = None) -> Command:
        """The command that adds a message.

        Args:
            body: The bytes.
            headers: What goes beside them.
            message_id: Chooses the partition of a message without a key.
            group: The only group it is meant for; None for all.
        """
        stream = self.streams[0]
        if self.partitions > 1:
            stream = self.streams[partition_of(headers.get("partition_key", str(message_id)), self.partitions)]
        return ("XADD", stream, "*", *fields_of(body, headers, group))
