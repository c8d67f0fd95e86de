"""py-mediatR: handlers and behaviors as classes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cases import Case
from py_mediatR import IPipelineBehavior, IRequest, Mediator

BACKENDS = ("asyncio",)
DISTRIBUTION = "py-mediatR"


@dataclass(frozen=True, kw_only=True)
class Join(IRequest[int]):
    user_id: int


class PassOn(IPipelineBehavior):
    def handle(self, request: Any, next_handler: Any) -> Any:
        return next_handler()


class Handler:
    async def handle(self, request: Join) -> int:
        return request.user_id


def sending(behaviors: int = 0) -> dict[str, Any]:
    mediator = Mediator(auto_discover=False, behaviors=[PassOn() for _ in range(behaviors)])
    mediator.register_handler(Join, Handler())
    return {"mediator": mediator, "command": Join(user_id=7)}


def cases() -> Iterator[Case]:
    yield Case("singleton", "await mediator.send_async(command)", sending())
    yield Case("middlewares", "await mediator.send_async(command)", sending(behaviors=3))
    yield Case("dataclass", "await mediator.send_async(Join(user_id=7))", {**sending(), "Join": Join})
