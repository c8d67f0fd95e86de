"""What a message looks like in Azure Service Bus.

What may live here: the mapping of messages to properties and back. No SDK, no clock, no I/O.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, cast

from .wire import Message

__all__ = (
    "ATTEMPTS",
    "DONE",
    "MESSAGE_ID",
    "SUBSCRIPTION",
    "Arrived",
    "Numbered",
    "Outgoing",
    "by_session",
    "in_runs",
    "outgoing",
    "read_properties",
)

#: Application properties of our own, which are no headers of the message.
_PREFIX = "diator-"
ATTEMPTS, DONE, SUBSCRIPTION, MESSAGE_ID = "diator-attempts", "diator-done", "diator-subscription", "diator-id"
#: What the service itself writes into application properties.
_DEATH = {"DeadLetterReason", "DeadLetterErrorDescription", "DeadLetterSource"}
#: Bytes that a message takes beside its body and its properties, generously.
_FRAME = 512


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message in the terms of Service Bus.

    Attributes:
        properties: The application properties: text only, for other kinds break receivers of other SDKs.
        session_id: Messages with the same one stay in order, on entities with sessions.
    """

    body: bytes = field(repr=False)
    message_id: str
    subject: str | None = None
    content_type: str | None = None
    correlation_id: str | None = None
    session_id: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @property
    def size(self) -> int:
        """Bytes on the wire, about."""
        texts = sum(len(name) + len(value) for name, value in self.properties.items())
        return len(self.body) + texts + _FRAME


def outgoing(message: Message, body: bytes) -> Outgoing:
    """Put a message in the terms of Service Bus. All headers are properties, so that they come back as they are."""
    headers = message.headers()
    return Outgoing(
        body=body,
        message_id=str(message.message_id),
        subject=message.message_name,
        content_type=message.content_type,
        correlation_id=message.correlation_id,
        session_id=message.partition_key,
        properties=headers,
    )


#: A message, and the number of the parcel that it belongs to.
Numbered = tuple[int, Outgoing]


def by_session(messages: Iterable[Numbered]) -> list[list[Numbered]]:
    """Group messages by session, as a batch must be."""
    groups: dict[str | None, list[Numbered]] = {}
    for number, message in messages:
        groups.setdefault(message.session_id, []).append((number, message))
    return list(groups.values())


def in_runs(messages: Iterable[Numbered]) -> list[list[Numbered]]:
    """Group messages that follow each other and have the same session."""
    return [list(run) for _, run in groupby(messages, key=lambda numbered: numbered[1].session_id)]


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A message that was received, without anything of the SDK.

    Attributes:
        message: The same as it would be sent.
        sequence: Its number in the entity.
        attempt: Which delivery this is, counted from 1.
        done: The handlers that succeeded in earlier deliveries.
        remembered: How many of the attempts only the state of its session knows of.
        subscription: The only subscription that it is meant for, if there is one.
    """

    message: Outgoing
    sequence: int
    attempt: int = 1
    done: frozenset[str] = frozenset()
    remembered: int = 0
    subscription: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers. What other programs do not send as properties is taken from where Service Bus has it."""
        message = self.message
        native = {
            "content_type": message.content_type,
            "correlation_id": message.correlation_id,
            "partition_key": message.session_id,
        }
        given = {name: value for name, value in message.properties.items() if not name.startswith(_PREFIX)}
        return {name: value for name, value in native.items() if value is not None} | given


def read_properties(message: Outgoing, properties: Mapping[Any, Any], sequence: int, delivery_count: int) -> Arrived:
    """Make sense of the application properties of a received message.

    Args:
        message: Everything else about it.
        properties: As the SDK returns them: names and texts are bytes, and there may be values of other kinds.
        sequence: Its number in the entity.
        delivery_count: How many deliveries Service Bus has counted before this one.
    """
    texts = {_text(name): _text(value) for name, value in properties.items() if isinstance(value, str | bytes)}
    kept = {name: value for name, value in texts.items() if name not in _DEATH}
    attempts = kept.pop(ATTEMPTS, "0")
    return Arrived(
        done=_read_done(kept.pop(DONE, "[]")),
        subscription=kept.pop(SUBSCRIPTION, None),
        message=replace(message, message_id=kept.pop(MESSAGE_ID, message.message_id), properties=kept),
        sequence=sequence,
        attempt=delivery_count + 1 + (int(attempts) if re.fullmatch("[0-9]{1,9}", attempts, re.ASCII) else 0),
    )


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _read_done(text: str) -> frozenset[str]:
    try:
        names: Any = json.loads(text)
    except (ValueError, RecursionError):
        return frozenset()
    found = cast("list[object]", names) if isinstance(names, list) else []
    return frozenset(name for name in found if isinstance(name, str))
