"""Messages as entries of Redis streams, and what Redis replies about them.

What may live here: the fields of entries, and the shapes of replies (RESP2). No socket, no command is sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import msgspec

from .delivery import DeadMessage

__all__ = (
    "Entry",
    "Note",
    "Pending",
    "dead_fields",
    "dead_message",
    "entries_of",
    "fields_of",
    "lowest_needed",
    "number_of",
    "partition_of",
    "text_of",
)

#: The field with the body; all others are headers, but for those that begin with MARK.
BODY = b"body"
MARK = b"diator:"
_GROUP = MARK + b"group"
_REASON, _ATTEMPT, _SOURCE = MARK + b"reason", MARK + b"attempt", MARK + b"source"


@dataclass(slots=True)
class Entry:
    """An entry of a stream.

    Attributes:
        id: Its id in the stream.
        body: The bytes of the message.
        headers: The fields beside the body.
        group: The only group it is meant for, if that exists; None for all.
        marks: The fields that diator has added.
    """

    id: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    group: str | None = None
    marks: Mapping[bytes, bytes] = field(default_factory=dict[bytes, bytes], repr=False)

    @classmethod
    def from_reply(cls, reply: Sequence[Any]) -> "Entry":
        """Read ``[id, [field, value, ...]]``. Whoever wrote it, it can be read."""
        parts = iter(reply[1] or ())
        body = b""
        headers: dict[str, str] = {}
        marks: dict[bytes, bytes] = {}
        for name, value in zip(parts, parts, strict=True):
            if name == BODY:
                body = value
            elif name.startswith(MARK):
                marks[name] = value
            else:
                headers[text_of(name)] = text_of(value)
        group = text_of(marks[_GROUP]) if _GROUP in marks else None
        return cls(reply[0].decode(), body, headers, group, marks)


def fields_of(body: bytes, headers: Mapping[str, str], group: str | None = None) -> list[bytes | str]:
    """The fields of an entry, one after another with their values."""
    fields: list[bytes | str] = [BODY, body]
    for header in headers.items():
        # what came from somebody else may be no text, and what was sent from here is in ASCII mostly
        fields += header if header[0].isascii() and header[1].isascii() else map(_bytes, header)
    return fields if group is None else [*fields, _GROUP, _bytes(group)]


def text_of(value: bytes) -> str:
    """What somebody wrote; what is no text is refused when the message is decoded."""
    return value.decode(errors="surrogateescape")


def _bytes(value: str) -> bytes:
    return value.encode(errors="surrogateescape")


def entries_of(reply: Any) -> dict[str, list[Entry]]:
    """Read a reply to XREADGROUP: what came, by the name of the stream."""
    return {name.decode(): [Entry.from_reply(entry) for entry in entries] for name, entries in reply or ()}


@dataclass(frozen=True, slots=True)
class Pending:
    """A row of the reply to XPENDING: a message that was delivered and is not acknowledged.

    Attributes:
        id: Its id in the stream.
        consumer: Who has it.
        count: How many deliveries of it have been counted.
    """

    id: str
    consumer: str
    count: int

    @classmethod
    def rows(cls, reply: Any) -> list["Pending"]:
        return [cls(row[0].decode(), row[1].decode(), row[3]) for row in reply or ()]


@dataclass(frozen=True, slots=True)
class Note:
    """What is kept about a message between two deliveries.

    Attributes:
        due: When the next one may begin at the earliest, in milliseconds of the server's clock.
        done: The names of the handlers that have succeeded.
    """

    due: int = 0
    done: frozenset[str] = frozenset()

    @classmethod
    def read(cls, text: bytes | None) -> "Note":
        """Read ``due:[done, ...]``; what cannot be read is no note."""
        due, _, done = (text or b"").partition(b":")
        try:
            return cls(int(due), frozenset(msgspec.json.decode(done, type=list[str])))
        except (ValueError, msgspec.MsgspecError):
            return cls()

    @staticmethod
    def text(done: Iterable[str]) -> bytes:
        """The part of a note that says what is done."""
        return msgspec.json.encode(sorted(done))


def dead_fields(
    body: bytes, headers: Mapping[str, str], *, reason: str, attempt: int, group: str, source: str
) -> list[bytes | str]:
    """The fields of a dead letter: those of the message, and what has become of it.

    Args:
        body: The bytes of the message.
        headers: What came beside them.
        reason: Why it was put aside.
        attempt: Which delivery was the last one.
        group: The group that gave up on it.
        source: The stream it came from.
    """
    marks = {_REASON: reason[:1024], _ATTEMPT: str(attempt), _SOURCE: source}
    return fields_of(body, headers, group) + [part for name, text in marks.items() for part in (name, _bytes(text))]


def dead_message(entry: Entry) -> DeadMessage:
    """Read an entry of the stream of dead letters."""
    attempt = entry.marks.get(_ATTEMPT, b"1")
    return DeadMessage(
        dead_id=entry.id,
        reason=text_of(entry.marks.get(_REASON, b"")),
        body=entry.body,
        headers=entry.headers,
        attempt=int(attempt) if attempt.isdigit() else 1,
        dead_at=datetime.fromtimestamp(int(entry.id.partition("-")[0]) / 1000, UTC),
    )


def partition_of(key: str, partitions: int) -> int:
    """Which partition messages with this key go to: the same in every process and version."""
    return crc32(key.encode(errors="surrogateescape")) % partitions


def number_of(entry_id: str) -> tuple[int, int]:
    """What ids are ordered by."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)


def lowest_needed(groups: Any, pending: Sequence[Any]) -> str | None:
    """The id below which no group needs an entry of a stream any more.

    Args:
        groups: The reply to XINFO GROUPS.
        pending: For each group the reply to XPENDING without a range.

    Returns:
        The id, or None if every entry may be needed.
    """
    if not groups:
        return None
    needed: list[str] = []
    for group, summary in zip(groups, pending, strict=True):
        info = dict(zip(group[::2], group[1::2], strict=True))
        needed.append(summary[1].decode() if summary[0] else info[b"last-delivered-id"].decode())
    return min(needed, key=number_of)
