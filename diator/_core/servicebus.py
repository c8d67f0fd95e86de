"""What a message looks like in Azure Service Bus, and what giving it back takes.

What may live here: the mapping of messages to properties and back, and decisions. No SDK, no clock, no I/O.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any, cast
from uuid import uuid4

from .wire import Message

__all__ = (
    "Abandon",
    "Arrived",
    "Numbered",
    "Outgoing",
    "Release",
    "Resend",
    "by_session",
    "describe_death",
    "give_back",
    "in_runs",
    "outgoing",
    "read_death",
    "read_properties",
    "recall",
    "remember",
    "resend",
)

#: Application properties of our own, which are no headers of the message.
_PREFIX = "diator-"
_ATTEMPTS, _DONE, _SUBSCRIPTION, _MESSAGE_ID = "diator-attempts", "diator-done", "diator-subscription", "diator-id"
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
    attempts = kept.pop(_ATTEMPTS, "0")
    return Arrived(
        done=_read_done(kept.pop(_DONE, "[]")),
        subscription=kept.pop(_SUBSCRIPTION, None),
        message=replace(message, message_id=kept.pop(_MESSAGE_ID, message.message_id), properties=kept),
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


# what giving back takes


@dataclass(frozen=True, slots=True)
class Release:
    """Give it back as if it had not been delivered."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """Give it back, so that Service Bus counts a delivery.

    Attributes:
        after: Seconds to keep it before that.
        attempts: Deliveries to remember that Service Bus does not count.
        done: Handlers to remember.
    """

    after: float = 0.0
    attempts: int = 0
    done: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Resend:
    """Send a copy, which remembers more than Service Bus does, and complete the message.

    Attributes:
        copy: What to send.
        after: Seconds until it is to be delivered.
    """

    copy: Outgoing
    after: float = 0.0


def give_back(
    arrived: Arrived,
    begun: int,
    done: frozenset[str],
    *,
    after: float = 0.0,
    keeps_place: bool = False,
    subscription: str | None = None,
) -> Release | Abandon | Resend:
    """Decide how a message becomes one that is to be delivered again.

    Args:
        arrived: The message.
        begun: The highest number of an attempt that has begun; 0 if none has.
        done: All handlers that have succeeded.
        after: Seconds to wait before the next delivery, at least.
        keeps_place: It must stay before those that follow it, so it is never sent again.
        subscription: Where it was received, if that is one of a topic: a copy is for nobody else.
    """
    more = begun - arrived.attempt
    if begun == 0 and not after and done <= arrived.done:
        return Release()
    if keeps_place:
        return Abandon(after, arrived.remembered + max(more, 0), done)
    if more == 0 and not after and done <= arrived.done:
        return Abandon()
    return Resend(_copy(arrived, max(begun, arrived.attempt - 1), done | arrived.done, subscription), after)


def resend(arrived: Arrived, subscription: str | None) -> Outgoing:
    """A copy of a dead letter, of which nobody knows anything yet."""
    return _copy(arrived, 0, frozenset(), subscription)


def _copy(arrived: Arrived, attempts: int, done: frozenset[str], subscription: str | None) -> Outgoing:
    """A copy with an id of its own, or duplicate detection would drop it."""
    properties = {**arrived.message.properties, _MESSAGE_ID: arrived.message.message_id}
    if attempts:
        properties[_ATTEMPTS] = str(attempts)
    if done:
        properties[_DONE] = json.dumps(sorted(done))
    if subscription is not None:
        properties[_SUBSCRIPTION] = subscription
    return replace(arrived.message, message_id=str(uuid4()), properties=properties)


# what the state of a session remembers of the message at its head

_STATE = "diator"


def remember(state: str | None, arrived: Arrived, abandon: Abandon) -> str | None:
    """The new state of a session: the same if there is nothing to remember, or if it belongs to the application."""
    if (state and _read_state(state) is None) or not (abandon.attempts or abandon.done):
        return state
    known = [abandon.attempts, sorted(abandon.done)]
    return json.dumps({_STATE: [arrived.sequence, *known]})


def recall(state: str | None, arrived: Arrived) -> Arrived:
    """A message with what the state of its session says about it."""
    known = _read_state(state or "")
    if known is None or known[0] != arrived.sequence:
        return arrived
    _, attempts, done = known
    done |= arrived.done
    return replace(arrived, attempt=arrived.attempt + attempts, done=done, remembered=attempts)


def _read_state(state: str) -> tuple[int, int, frozenset[str]] | None:
    try:
        sequence, attempts, done = json.loads(state)[_STATE]
        return int(sequence), int(attempts), frozenset(str(name) for name in done)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None


# dead letters

_DEATH_NOTE = re.compile(r"delivery ([1-9][0-9]{0,8}) at (\S{1,40})", re.ASCII)


def describe_death(attempt: int, moment: datetime) -> str:
    """What goes into the description of a dead letter, beside the reason."""
    return f"delivery {attempt} at {moment.isoformat()}"


def read_death(description: str | None, delivery_count: int) -> tuple[int, datetime | None]:
    """In which delivery a message was put aside, and when: from our description, else from the count of the service."""
    found = _DEATH_NOTE.fullmatch(description or "")
    if found is not None:
        try:
            return int(found[1]), datetime.fromisoformat(found[2])
        except ValueError:
            pass
    return max(1, delivery_count), None
