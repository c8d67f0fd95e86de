"""Messages as bytes: what a broker reads of them, and what it writes into them."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from proton import Data, symbol, timestamp, uint

__all__ = ("WireMessage", "moment", "unpack_batch")

# the sections of a message, by the code of their descriptor (AMQP 1.0, part 3.2)
HEADER, DELIVERY_ANNOTATIONS, ANNOTATIONS, PROPERTIES, APPLICATION_PROPERTIES, DATA = range(0x70, 0x76)
_SECTIONS = range(0x70, 0x79)
# positions in the lists of two of them
_TTL, _DELIVERY_COUNT = 2, 4
_MESSAGE_ID, _SUBJECT, _CORRELATION_ID, _GROUP_ID = 0, 3, 5, 10

#: Bytes after the constructor of a value, by its upper half (AMQP 1.0, part 1.2.1).
_FIXED_SIZES = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
#: Bytes that hold the size of a value, likewise.
_SIZE_FIELDS = {0xA: 1, 0xB: 4, 0xC: 1, 0xD: 4, 0xE: 1, 0xF: 4}


def moment(seconds: float) -> timestamp:
    """A time of `time.time` for the wire."""
    return timestamp(int(seconds * 1000))


@dataclass(frozen=True)
class WireMessage:
    """An encoded message, section by section. What nobody asks for is never decoded, and passed on byte by byte."""

    sections: tuple[tuple[int, bytes], ...]
    size: int

    @classmethod
    def parse(cls, raw: bytes) -> "WireMessage":
        """Split a message.

        Raises:
            ValueError: These bytes are no message.
        """
        return cls(tuple(s for s in _split(raw) if s[0] != DELIVERY_ANNOTATIONS), len(raw))

    @cached_property
    def _header(self) -> list[Any]:
        return list(self._decoded(HEADER) or [])

    @cached_property
    def _properties(self) -> list[Any]:
        return list(self._decoded(PROPERTIES) or [])

    @cached_property
    def application_properties(self) -> dict[str, Any]:
        return self._decoded(APPLICATION_PROPERTIES) or {}

    @cached_property
    def annotations(self) -> dict[str, Any]:
        return self._decoded(ANNOTATIONS) or {}

    @property
    def data(self) -> list[bytes]:
        """The parts of a body that is bytes."""
        return [_decode(value) for code, value in self.sections if code == DATA]

    @property
    def message_id(self) -> Any:
        return _item(self._properties, _MESSAGE_ID)

    @property
    def subject(self) -> str | None:
        return _item(self._properties, _SUBJECT)  # type: ignore[no-any-return]

    @property
    def correlation_id(self) -> Any:
        return _item(self._properties, _CORRELATION_ID)

    @property
    def session_id(self) -> str | None:
        return _item(self._properties, _GROUP_ID)  # type: ignore[no-any-return]

    @property
    def time_to_live(self) -> float:
        milliseconds = _item(self._header, _TTL)
        return float("inf") if milliseconds is None else milliseconds / 1000

    @property
    def scheduled_for(self) -> float:
        """When to enqueue it, in `time.time`; 0 for now."""
        value = self.annotations.get("x-opt-scheduled-enqueue-time", 0)
        return value.timestamp() if isinstance(value, datetime) else value / 1000

    def with_properties(self, more: Mapping[str, str]) -> "WireMessage":
        """The same message with further application properties."""
        section = (APPLICATION_PROPERTIES, _encode({**self.application_properties, **more}))
        others = [s for s in self.sections if s[0] != APPLICATION_PROPERTIES]
        return replace(self, sections=tuple(sorted([*others, section], key=lambda s: s[0])))

    def encode(self, delivery_count: int, annotations: Mapping[str, Any], lock_token: uuid.UUID | None) -> bytes:
        """The bytes for a receiver."""
        header = [*self._header, *[None] * (5 - len(self._header))]
        header[_DELIVERY_COUNT] = uint(delivery_count)
        written = {
            HEADER: _encode(header),
            ANNOTATIONS: _encode({symbol(name): v for name, v in {**self.annotations, **annotations}.items()}),
        }
        if lock_token is not None:
            written[DELIVERY_ANNOTATIONS] = _encode({symbol("x-opt-lock-token"): lock_token})
        kept = [s for s in self.sections if s[0] not in written]
        parts = sorted([*written.items(), *kept], key=lambda s: s[0])  # stable: a body may have several sections
        return b"".join(b"\x00\x53" + bytes([code]) + value for code, value in parts)

    def _decoded(self, code: int) -> Any:
        return next((_decode(value) for section, value in self.sections if section == code), None)


def unpack_batch(raw: bytes) -> list[WireMessage]:
    """The messages in a transfer: those of a batch, or else just the one.

    Each data section of a batch is an encoded message. The message format says whether a transfer is a batch, but
    Proton does not tell it, so this looks at the content.
    """
    outer = WireMessage.parse(raw)
    if outer.data:
        try:
            inner = [WireMessage.parse(part) for part in outer.data]
        except (ValueError, IndexError):
            inner = []
        if inner and all(message.sections for message in inner):
            return inner
    return [outer]


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else None


def _split(raw: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(raw):
        start = _end_of_value(raw, at + 1)
        code = int.from_bytes(raw[at + 2 : start], "big")
        if raw[at] != 0 or code not in _SECTIONS:
            raise ValueError("not a section of a message")
        at = _end_of_value(raw, start)
        if at > len(raw):
            raise ValueError("the message ends too early")
        yield code, raw[start:at]


def _end_of_value(raw: bytes, at: int) -> int:
    """Where the value ends whose constructor is here."""
    if raw[at] == 0:  # a described value: its descriptor, then itself
        return _end_of_value(raw, _end_of_value(raw, at + 1))
    kind, at = raw[at] >> 4, at + 1
    if kind in _FIXED_SIZES:
        return at + _FIXED_SIZES[kind]
    if kind not in _SIZE_FIELDS:
        raise ValueError("not a value")
    length = _SIZE_FIELDS[kind]
    return at + length + int.from_bytes(raw[at : at + length], "big")


def _encode(value: Any) -> bytes:
    data = Data()
    data.put_object(value)
    return data.encode()


def _decode(raw: bytes) -> Any:
    data = Data()
    data.decode(raw)
    data.rewind()
    data.next()
    return _own(data.get_object())


def _own(value: Any) -> Any:
    """Copy what points into the memory of a `Data`, which does not outlive it."""
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, dict):
        return {_own(key): _own(item) for key, item in value.items()}
    return [_own(item) for item in value] if isinstance(value, list) else value
