# Generated from diator/aio/message_brokers/redis_dead_letters.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The dead letters of Redis Streams: entries of a stream of their own."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..._core.delivery import DeadMessage
from ..._core.serializers import Serializer
from ..._core.stream_entries import Entry, dead_message, number_of
from ..._core.stream_scripts import SEND_AGAIN
from ..._runtime.sync.redis import Command
from ...errors import DeadLetterDoesNotExist, MessageDecodeError
from ._redis_place import StreamPlace

__all__ = ("RedisDeadLetters",)


class RedisDeadLetters:
    """The messages that the groups of a stream have put aside; see `DeadLetters`.

    What is sent again goes only to the group that had put it aside.
    """

    def __init__(self, place: StreamPlace, serializer: Serializer) -> None:
        self._client = place.client
        self._place = place
        self._serializer = serializer

    def list(self, limit: int = 100, after: str | None = None) -> Sequence[DeadMessage]:
        """Return the oldest ones, or those that follow ``after``."""
        return [dead_message(entry) for entry in self._read(limit, after)]

    def show(self, dead_id: str) -> DeadMessage:
        """Return one; see `DeadLetters.show`."""
        found = self._find([dead_id])
        if not found:
            raise DeadLetterDoesNotExist("there is no dead letter with this id: it may have been sent again")
        return dead_message(found[0])

    def retry(self, *dead_ids: str) -> int:
        """Send messages again; see `DeadLetters.retry`."""
        entries = self._find(sorted(set(filter(_is_id, dead_ids)), key=number_of))
        for entry in entries:
            self._serializer.decode(entry.body, entry.headers)
        return self._send_again(entries)

    def retry_all(self) -> int:
        """Send all messages again that can be read. What is put aside meanwhile stays, or this might never end."""
        newest = self._call("XREVRANGE", self._place.dead_stream, "+", "-", "COUNT", 1)
        count, after, last = 0, None, Entry.from_reply(newest[0]).id if newest else "0"
        while entries := self._read(self._client.max_batch, after, last):
            count += self._send_again([entry for entry in entries if self._is_readable(entry)])
            after = entries[-1].id
        return count

    def delete(self, *dead_ids: str) -> int:
        """Delete messages, and return how many there were."""
        ids = list(filter(_is_id, dead_ids))
        return self._call("XDEL", self._place.dead_stream, *ids) if ids else 0

    def _read(self, limit: int, after: str | None, last: str = "+") -> Sequence[Entry]:
        first = "-" if after is None else f"({after}"
        entries = self._call("XRANGE", self._place.dead_stream, first, last, "COUNT", limit)
        return [Entry.from_reply(entry) for entry in entries]

    def _find(self, dead_ids: Sequence[str]) -> Sequence[Entry]:
        found = [self._call("XRANGE", self._place.dead_stream, i, i) for i in dead_ids if _is_id(i)]
        return [Entry.from_reply(entry) for entries in found for entry in entries]

    def _send_again(self, entries: Sequence[Entry]) -> int:
        """Add each to its stream and remove it here in one step, so that it is in exactly one of them at any time."""
        count = 0
        for entry in entries:
            add = self._place.add(entry.body, entry.headers, entry.id, entry.group)
            remove = ("EVAL", SEND_AGAIN, 2, self._place.dead_stream, add[1], entry.id)
            *_, [_, is_sent] = self._client.submit([("MULTI",), add, remove, ("EXEC",)])
            count += is_sent
        return count

    def _call(self, *command: Any) -> Any:
        self._client.expect_open()
        as_one: Command = command
        return (self._client.persist(partial(self._client.exchange, as_one)))[0]

    def _is_readable(self, entry: Entry) -> bool:
        try:
            self._serializer.decode(entry.body, entry.headers)
        except MessageDecodeError:
            return False
        return True


def _is_id(dead_id: str) -> bool:
    milliseconds, _, sequence = dead_id.partition("-")
    return milliseconds.isdigit() and sequence.isdigit()
