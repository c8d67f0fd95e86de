"""The messages of diator's cases."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec
from pydantic import BaseModel

from diator import Command, DomainEvent, NotificationEvent


@dataclass(frozen=True, kw_only=True)
class Join(Command[int]):
    user_id: int


class JoinStruct(msgspec.Struct, Command[int], frozen=True, kw_only=True):
    user_id: int


class JoinModel(BaseModel, Command[int], frozen=True):
    user_id: int


@dataclass(frozen=True, kw_only=True)
class Joined(DomainEvent):
    user_id: int


JOIN, JOINED = Join(user_id=7), Joined(user_id=7)


@dataclass(frozen=True)
class Price:
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Line:
    product_id: UUID
    count: int
    price: Price


@dataclass(frozen=True, kw_only=True)
class Ordered(NotificationEvent):
    order_id: UUID
    customer: str
    lines: tuple[Line, ...]


LINES = tuple(Line(uuid4(), count, Price(Decimal("9.95"), "EUR")) for count in (1, 2, 3))
ORDERED = Ordered(order_id=uuid4(), customer="Ada Lovelace", lines=LINES)
