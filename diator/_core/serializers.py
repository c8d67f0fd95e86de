"""Messages to bytes and back.

What may live here: the `Serializer` interface and the formats that come with diator. No event, no broker.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

import msgspec

from ..errors import MessageDecodeError, MessageEncodeError, MessageError
from . import strict_json
from .wire import Message, check_headers

__all__ = ("JSONSerializer", "Serializer")

#: The attribute of a message that holds its payload as JSON, once this has been found to come back as it was.
_CHECKED = "_checked_json"
_NONE: Mapping[str, str] = MappingProxyType({})
_CONTENT = re.compile(r"content[-_](?:(type)|encoding)", re.ASCII | re.IGNORECASE)
_JSON = re.compile(r'\s*application/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?', re.ASCII | re.IGNORECASE)


class Serializer(Protocol):
    """Turns messages into the bytes that a broker carries, and back. It must be safe to share between threads."""

    @property
    def content_type(self) -> str:
        """The media type of what `encode` makes."""
        ...

    def encode(self, message: Message, *, headers_inside: bool = False) -> bytes:
        """Make the body.

        Args:
            message: Its payload consists of JSON values.
            headers_inside: The broker has no header channel, so put the headers into the body.

        Raises:
            MessageEncodeError: `decode` would refuse it, or not give back the same message.
        """
        ...

    def decode(self, body: bytes, headers: Mapping[str, str] = _NONE) -> Message:
        """Read a body that anybody may have sent.

        Args:
            body: The bytes.
            headers: What came through the broker's header channel. They win over headers inside the body.

        Raises:
            MessageDecodeError: Whatever is wrong with it; nothing else is raised. The text is fit for logs: it holds no
                part of the body or the headers.
        """
        ...


class JSONSerializer:
    """JSON with the keys ``message_type``, ``message_name``, ``message_id``, ``payload``, and ``headers`` if wanted."""

    content_type = "application/json"

    def encode(self, message: Message, *, headers_inside: bool = False) -> bytes:
        """Make the body; see `Serializer.encode`."""
        envelope: dict[str, Any] = {
            "message_type": message.message_type,
            "message_name": message.message_name,
            "message_id": str(message.message_id),
            "payload": message.payload,
        }
        if headers_inside:
            envelope["headers"] = message.headers()
        # a message that was encoded when it was recorded: all but its payload cannot have changed since
        checked = vars(message).get(_CHECKED)
        if checked is not None and checked == strict_json.unchecked(message.payload):
            body = strict_json.unchecked({**envelope, "payload": msgspec.Raw(checked)})
            if body is not None and len(body) <= strict_json.MAX_BODY:
                return body
        headers = message.headers()
        check_headers(headers, MessageEncodeError)
        _check_format(headers, MessageEncodeError)
        body = strict_json.encode(envelope, f"the message {message.message_name}")
        vars(message)[_CHECKED] = strict_json.unchecked(message.payload)
        return body

    def decode(self, body: bytes, headers: Mapping[str, str] = _NONE) -> Message:
        """Read a body; see `Serializer.decode`."""
        check_headers(headers, MessageDecodeError)
        _check_format(headers, MessageDecodeError)
        try:
            envelope = msgspec.convert(strict_json.decode(body), _Envelope)
        except msgspec.ValidationError as error:
            raise MessageDecodeError(f"the body is not a message: {strict_json.reason(error)}") from None
        if envelope.headers:
            check_headers(envelope.headers, MessageDecodeError)
            _check_format(envelope.headers, MessageDecodeError)
        return Message.from_headers(
            {**envelope.headers, **headers},
            message_type=envelope.message_type,
            message_name=envelope.message_name,
            message_id=envelope.message_id,
            payload=envelope.payload,
        )


class _Envelope(msgspec.Struct):
    message_type: str
    message_name: str
    message_id: UUID
    payload: dict[str, Any]
    headers: dict[str, str] = {}


def _check_format(headers: Mapping[str, str], refuse: type[MessageError]) -> None:
    for name, value in headers.items():
        found = _CONTENT.fullmatch(name)
        if found is None:
            continue
        if found[1] is None:
            if value != "identity":
                raise refuse("the body has a content encoding: the producer has to send plain JSON")
        elif not _JSON.fullmatch(value):
            raise refuse("the header content_type is not application/json in UTF-8")
