"""What the hand-written code needs packages for: other kinds of messages, JSON, and an event loop for blocking code."""

import atexit
import dataclasses
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec
from anyio.abc import BlockingPortal
from anyio.from_thread import start_blocking_portal
from pydantic import BaseModel


class JoinStruct(msgspec.Struct, frozen=True, kw_only=True):
    user_id: int


class JoinModel(BaseModel, frozen=True):
    user_id: int


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
class Ordered:
    event_id: UUID
    event_timestamp: datetime
    order_id: UUID
    customer: str
    lines: tuple[Line, ...]


LINES = tuple(Line(uuid4(), count, Price(Decimal("9.95"), "EUR")) for count in (1, 2, 3))
EVENT = Ordered(
    event_id=uuid4(), event_timestamp=datetime.now(UTC), order_id=uuid4(), customer="Ada Lovelace", lines=LINES
)


def encode(event: Ordered) -> bytes:
    return json.dumps(dataclasses.asdict(event), default=str).encode()


def decode(body: bytes) -> Ordered:
    found = json.loads(body)
    lines = (
        Line(
            UUID(line["product_id"]), line["count"], Price(Decimal(line["price"]["amount"]), line["price"]["currency"])
        )
        for line in found["lines"]
    )
    return Ordered(
        event_id=UUID(found["event_id"]),
        event_timestamp=datetime.fromisoformat(found["event_timestamp"]),
        order_id=UUID(found["order_id"]),
        customer=found["customer"],
        lines=tuple(lines),
    )


def portal() -> BlockingPortal:
    """An event loop in a thread, kept open until the process ends."""
    opened = start_blocking_portal()
    found = opened.__enter__()
    atexit.register(opened.__exit__, None, None, None)
    return found
