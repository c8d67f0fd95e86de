"""Messages and the brokers that carry them."""

from .._core.envelope import Message
from ..aio.abc import MessageBroker

__all__ = ("Message", "MessageBroker")
