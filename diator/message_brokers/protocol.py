"""Messages, and what the emitter needs of a broker."""

from .._core.envelope import Message
from ..aio.abc import MessageBroker

__all__ = ("Message", "MessageBroker")
