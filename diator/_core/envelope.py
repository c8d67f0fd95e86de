"""Events and requests to messages and back.

What may live here: `to_message`, and what knows which name of a received message stands for what. No bytes, no broker.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ..errors import MessageDecodeError, MessageEncodeError, RegistrationError, UnknownMessage
from .causality import causation_id as current_cause
from .causality import correlation_id as current_correlation
from .causality import current_traceparent
from .messages import Command, Event, Query, Request
from .payloads import check_payload, decode_payload, encode_payload
from .serializers import JSONSerializer, Serializer
from .wire import Message

__all__ = ("EventTypes", "Message", "RequestTypes", "to_message")

_json = JSONSerializer()


def to_message(
    content: Event | Request[Any],
    serializer: Serializer | None = None,
    *,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    partition_key: str | None = None,
    traceparent: str | None = None,
) -> Message:
    """Wrap an event or a request for a message broker.

    The message is encoded once here, for nothing but to fail where the event is recorded rather than where it is sent.

    Args:
        content: What to send; `EventTypes.event` or `RequestTypes.request` gives back an equal one.
        serializer: What the broker will encode it with; JSON by default.
        correlation_id: See `Message`, as for the others. None takes what the context of this call has.
        partition_key: None takes the content's own attribute or property ``partition_key``, if it has one.

    Raises:
        MessageEncodeError: It holds something that would not come back as it is, or is too large.
    """
    cls = type(content)
    serializer = serializer or _json
    message_type, message_id, moment = _identity(content)
    message = Message(
        message_type=message_type,
        message_name=cls.__name__,
        message_id=message_id,
        payload=encode_payload(content),
        content_type=serializer.content_type,
        schema_version=_version(cls),
        occurred_at=moment if moment.tzinfo else moment.replace(tzinfo=UTC),
        correlation_id=current_correlation.get() if correlation_id is None else correlation_id,
        causation_id=current_cause.get() if causation_id is None else causation_id,
        partition_key=_partition_key(content) if partition_key is None else partition_key,
        traceparent=current_traceparent() if traceparent is None else traceparent,
    )
    serializer.encode(message, headers_inside=True)
    return message


def _identity(content: Event | Request[Any]) -> tuple[str, UUID, datetime]:
    """The kind, the id and the time of what is sent."""
    if isinstance(content, Event):
        return content._event_type, content.event_id, content.event_timestamp  # pyright: ignore[reportPrivateUsage]
    kind = "command" if isinstance(content, Command) else "query" if isinstance(content, Query) else "request"
    return kind, content.request_id, datetime.now(UTC)


def _partition_key(content: Event | Request[Any]) -> str | None:
    key: object = getattr(content, "partition_key", None)
    if key is None:
        return None
    if isinstance(key, str | int | UUID):
        return str(key)
    name = type(content).__qualname__
    raise MessageEncodeError(f"{name}.partition_key must be a text, a number or a UUID, not a {type(key).__name__}")


def _version(cls: type[Any]) -> int:
    version: int = getattr(cls, "schema_version", 1)  # requests need not have one
    return version


class _Types:
    """Classes by their names."""

    def __init__(self, classes: Iterable[type[Any]], kind: str) -> None:
        self._classes: dict[str, type[Any]] = {}
        self._kind = kind
        for cls in classes:
            known = self._classes.setdefault(cls.__name__, cls)
            if known is not cls:
                raise RegistrationError(
                    f"{_place(known)} and {_place(cls)} have the same name, by which {kind}s are told apart; rename one"
                )
            check_payload(cls)

    def __iter__(self) -> Iterator[type[Any]]:
        return iter(self._classes.values())

    def __len__(self) -> int:
        return len(self._classes)

    def read(self, message: Message) -> Any:
        cls = self._classes.get(message.message_name)
        if cls is None:
            raise UnknownMessage(f"no {self._kind} with the name of the message is registered here")
        if message.schema_version > _version(cls):
            raise MessageDecodeError(
                f"the message has a newer schema version than {cls.__qualname__} ({_version(cls)}), "
                "which is not guessed at: update this receiver"
            )
        return decode_payload(cls, message.payload)


class EventTypes(_Types):
    """The events that may be received, by the name that messages give them: that of the class.

    Args:
        event_types: The classes. Nothing else is ever looked up or imported.

    Raises:
        RegistrationError: Two different classes have the same name.
        MessageEncodeError: A class has a field that could not be decoded.
    """

    def __init__(self, event_types: Iterable[type[Event]] = ()) -> None:
        super().__init__(event_types, "event")

    def event(self, message: Message) -> Event:
        """Make the event that a message stands for, with its own id and timestamp.

        Raises:
            UnknownMessage: The name is not known here.
            MessageDecodeError: The schema is newer than the class, or the payload does not fit it.
        """
        event: Event = self.read(message)
        _compare_ids(event.event_id, message)
        return event


class RequestTypes(_Types):
    """The requests that may be received, by the name that messages give them: that of the class.

    Args:
        request_types: The classes. Nothing else is ever looked up or imported.

    Raises:
        RegistrationError: Two different classes have the same name.
        MessageEncodeError: A class has a field that could not be decoded.
    """

    def __init__(self, request_types: Iterable[type[Request[Any]]] = ()) -> None:
        super().__init__(request_types, "request")

    def request(self, message: Message) -> Request[Any]:
        """Make the request that a message stands for, with its own id.

        Raises:
            UnknownMessage: The name is not known here.
            MessageDecodeError: The schema is newer than the class, or the payload does not fit it.
        """
        request: Request[Any] = self.read(message)
        _compare_ids(request.request_id, message)
        return request


def _compare_ids(own: UUID, message: Message) -> None:
    if own != message.message_id:
        raise MessageDecodeError("the message and its payload have different ids")


def _place(cls: type[Any]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
