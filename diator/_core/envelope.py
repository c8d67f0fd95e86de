"""Events to messages and back.

What may live here: `to_message`, and `EventTypes`, which knows what a received name stands for. No bytes, no broker.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any

from ..errors import MessageDecodeError, MessageEncodeError, RegistrationError
from .messages import Event
from .payloads import check_payload, decode_payload, encode_payload
from .serializers import JSONSerializer, Serializer
from .wire import Message

__all__ = ("EventTypes", "Message", "to_message")

_json = JSONSerializer()


def to_message(
    event: Event,
    serializer: Serializer | None = None,
    *,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    partition_key: str | None = None,
    traceparent: str | None = None,
) -> Message:
    """Wrap an event for a message broker.

    The message is encoded once here, for nothing but to fail where the event is recorded rather than where it is sent.

    Args:
        event: What to send; `EventTypes.event` gives back an equal one.
        serializer: What the broker will encode it with; JSON by default.
        correlation_id: See `Message`, as for the others.
        partition_key: None takes the event's own attribute or property ``partition_key``, if it has one.

    Raises:
        MessageEncodeError: It holds something that would not come back as it is, or is too large.
    """
    cls = type(event)
    serializer = serializer or _json
    moment = event.event_timestamp
    message = Message(
        message_type=cls._event_type,  # pyright: ignore[reportPrivateUsage]
        message_name=cls.__name__,
        message_id=event.event_id,
        payload=encode_payload(event),
        content_type=serializer.content_type,
        schema_version=cls.schema_version,
        occurred_at=moment if moment.tzinfo else moment.replace(tzinfo=UTC),
        correlation_id=correlation_id,
        causation_id=causation_id,
        partition_key=_partition_key(event) if partition_key is None else partition_key,
        traceparent=traceparent,
    )
    serializer.encode(message, headers_inside=True)
    return message


def _partition_key(event: Event) -> str | None:
    key: object = getattr(event, "partition_key", None)
    if key is None or isinstance(key, str):
        return key
    raise MessageEncodeError(
        f"{type(event).__qualname__}.partition_key must be a text or None, not a {type(key).__name__}"
    )


class EventTypes:
    """The events that may be received, by the name that messages give them: that of the class.

    Args:
        event_types: The classes. Nothing else is ever looked up or imported.

    Raises:
        RegistrationError: Two different classes have the same name.
        MessageEncodeError: A class has a field that could not be decoded.
    """

    def __init__(self, event_types: Iterable[type[Event]] = ()) -> None:
        self._types: dict[str, type[Event]] = {}
        for event_type in event_types:
            known = self._types.setdefault(event_type.__name__, event_type)
            if known is not event_type:
                raise RegistrationError(
                    f"{_place(known)} and {_place(event_type)} have the same name, by which events are told apart; "
                    "rename one"
                )
            check_payload(event_type)

    def __iter__(self) -> Iterator[type[Event]]:
        return iter(self._types.values())

    def __len__(self) -> int:
        return len(self._types)

    def event(self, message: Message) -> Event:
        """Make the event that a message stands for, with its own id and timestamp.

        Raises:
            MessageDecodeError: The name is not known here, the schema is newer than the class, or the payload does not
                fit it.
        """
        event_type = self._types.get(message.message_name)
        if event_type is None:
            raise MessageDecodeError("no event with the name of the message is registered here")
        if message.schema_version > event_type.schema_version:
            raise MessageDecodeError(
                f"the message has a newer schema version than {event_type.__qualname__} ({event_type.schema_version}), "
                "which is not guessed at: update this receiver"
            )
        event = decode_payload(event_type, message.payload)
        if event.event_id != message.message_id:
            raise MessageDecodeError("the message and its payload have different ids")
        return event


def _place(cls: type[Any]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
