"""The classes of a program's messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from diator import Command, DomainEvent, ECSTEvent, Event, NotificationEvent

from .model import Path
from .programs import Kind, Message


@dataclass(frozen=True, kw_only=True)
class Order(Command[Any]):
    """What is sent.

    Attributes:
        number: Its place in the program.
        path: What identifies it, as the model names it.
    """

    number: ClassVar[int]
    path: Path


@dataclass(frozen=True, kw_only=True)
class Fact(Event):
    """What is recorded; ``send`` is the path of the send that it belongs to."""

    number: ClassVar[int]
    path: Path
    send: Path


_KINDS = {Kind.DOMAIN: DomainEvent, Kind.NOTIFICATION: NotificationEvent, Kind.ECST: ECSTEvent, Kind.PLAIN: Event}


def message_types(messages: Sequence[Message]) -> list[type[Any]]:
    """One class for each message; events derive from later ones."""
    types: list[type[Any]] = []
    for number in reversed(range(len(messages))):
        message = messages[number]
        base = None if message.base is None else types[message.base - number - 1]
        types.insert(0, _message_type(number, message.kind, base))
    return types


@cache
def _message_type(number: int, kind: Kind, base: type[Any] | None) -> type[Any]:
    if kind is Kind.COMMAND:
        return type(f"Order{number}", (Order,), {"number": number})
    bases = (base,) if base is not None else (Fact, _KINDS[kind])
    return type(f"Fact{number}", bases, {"number": number})
