"""Messages, how they become bytes and events, and the brokers that carry them."""

from .._core.envelope import EventTypes, Message, RequestTypes, to_message
from .._core.serializers import JSONSerializer, Serializer
from ..aio.abc import MessageBroker

__all__ = ("EventTypes", "JSONSerializer", "Message", "MessageBroker", "RequestTypes", "Serializer", "to_message")
