"""pymediator: a new handler for each request; ``send`` returns what its ``handle`` does, so it can be awaited."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cases import Case
from parts import AsyncHandler
from pymediator import Mediator, SingletonRegistry

BACKENDS = ("asyncio",)
DISTRIBUTION = "pymediator"


@dataclass(frozen=True, kw_only=True)
class Join:
    user_id: int


def cases() -> Iterator[Case]:
    registry: Any = SingletonRegistry()
    registry.register(Join, AsyncHandler)
    names = {"mediator": Mediator(registry=registry), "command": Join(user_id=7), "Join": Join}
    yield Case("new", "await mediator.send(command)", names)
    yield Case("dataclass", "await mediator.send(Join(user_id=7))", names)
