"""mediatr: handlers and behaviors in global registries; a new handler for each request."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cases import Case
from mediatr import Mediator

BACKENDS = ("asyncio",)
DISTRIBUTION = "mediatr"


@dataclass(frozen=True, kw_only=True)
class Join:
    user_id: int


@dataclass(frozen=True, kw_only=True)
class JoinWithBehaviors:
    user_id: int


@Mediator.handler
class Handler:
    async def handle(self, request: Join) -> Any:
        return request.user_id


@Mediator.handler
async def handle(request: JoinWithBehaviors) -> Any:
    return request.user_id


def add_behavior() -> None:
    @Mediator.behavior
    async def pass_on(request: JoinWithBehaviors, next: Any) -> Any:  # noqa: A002 - its name in the library
        return await next()


def cases() -> Iterator[Case]:
    for _ in range(3):
        add_behavior()
    names = {"mediator": Mediator(), "Join": Join}
    yield Case("new", "await mediator.send_async(command)", {**names, "command": Join(user_id=7)})
    yield Case("middlewares", "await mediator.send_async(command)", {**names, "command": JoinWithBehaviors(user_id=7)})
    yield Case("dataclass", "await mediator.send_async(Join(user_id=7))", names)
