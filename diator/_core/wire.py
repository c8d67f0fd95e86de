"""What goes to a message broker.

What may live here: `Message`, and its headers as text. No event, no serializer, no broker.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

from ..errors import MessageDecodeError, MessageError

__all__ = ("MAX_HEADERS", "Message", "check_headers")

#: Bytes of all header names and values together: what web servers commonly allow (Apache's and nginx's default
#: for one header field or line).
MAX_HEADERS = 8 * 1024

_OPTIONAL = ("correlation_id", "causation_id", "partition_key", "traceparent")
_TEXTS = ("content_type", *_OPTIONAL)
_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Message:
    """An event or a request on its way through a message broker.

    Attributes:
        message_type: The kind: ``"notification_event"`` or ``"ecst_event"``, or ``"command"`` for example.
        message_name: The name of the class.
        message_id: The id of the event or the request.
        payload: The fields, with the id and for an event the timestamp, as JSON values.
        content_type: The format of the body.
        schema_version: The version of the fields.
        occurred_at: When the event was recorded, or the request was wrapped.
        correlation_id: Shared by all messages that one cause outside led to.
        causation_id: The id of the message that led to this one.
        partition_key: Messages with the same key stay in order, where the broker can do that.
        traceparent: The trace this belongs to, as in W3C Trace Context.
    """

    message_type: str
    message_name: str
    message_id: UUID = field(default_factory=uuid4)
    payload: dict[str, Any] = field(repr=False)
    content_type: str = "application/json"
    schema_version: int = 1
    occurred_at: datetime | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    partition_key: str | None = None
    traceparent: str | None = None

    def headers(self) -> dict[str, str]:
        """Everything but the first four, as text; what is None is left out."""
        known: dict[str, str] | None = vars(self).get("_headers")  # a message never changes
        if known is not None:
            return known.copy()
        headers = {"schema_version": str(self.schema_version), "content_type": self.content_type}
        for name in _OPTIONAL:
            value = getattr(self, name)
            if value is not None:
                headers[name] = value
        if self.occurred_at is not None:
            headers["occurred_at"] = self.occurred_at.isoformat()
        vars(self)["_headers"] = headers
        return headers.copy()

    @classmethod
    def from_headers(
        cls,
        headers: Mapping[str, str],
        *,
        message_type: str,
        message_name: str,
        message_id: UUID,
        payload: dict[str, Any],
    ) -> Self:
        """Put a message together from a body and headers that `check_headers` has seen; unknown ones are ignored.

        Raises:
            MessageDecodeError: The time in them is malformed.
        """
        return cls(
            message_type=message_type,
            message_name=message_name,
            message_id=message_id,
            payload=payload,
            **_values(headers),
        )


def check_headers(headers: Mapping[Any, Any], refuse: type[MessageError]) -> None:
    """Refuse headers that are not text, more than `MAX_HEADERS`, or of a version that is no number.

    Args:
        headers: What goes beside a body, or came with one.
        refuse: The error to raise.
    """
    try:
        size = len("".join((*headers, *headers.values())).encode())
    except (TypeError, UnicodeEncodeError):
        raise refuse("a header is not text") from None
    if not _VERSION.fullmatch(headers.get("schema_version", "1")):
        raise refuse("the header schema_version is not a positive integer")
    if size > MAX_HEADERS:
        raise refuse(f"the headers have {size} bytes; at most {MAX_HEADERS} are allowed")


def _values(headers: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: headers[name] for name in _TEXTS if name in headers}
    if "schema_version" in headers:
        values["schema_version"] = int(headers["schema_version"])
    if "occurred_at" in headers:
        try:
            moment = datetime.fromisoformat(headers["occurred_at"])
        except ValueError:
            raise MessageDecodeError("the header occurred_at is not a date and time in ISO 8601") from None
        values["occurred_at"] = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return values
