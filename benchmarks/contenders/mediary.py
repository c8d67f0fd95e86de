"""mediary: handlers and behaviors as classes or functions, on asyncio."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cases import Case
from mediary import Mediator, Returns, handler, request

BACKENDS = ("asyncio",)
DISTRIBUTION = "mediary"


@request
@dataclass(frozen=True, kw_only=True)
class Join(Returns[int]):
    user_id: int


class Handler:
    async def handle(self, request: Join) -> int:
        return request.user_id


@handler(lifetime="singleton")
class SingletonHandler(Handler):
    async def handle(self, request: Join) -> int:
        return request.user_id


def sending(handler: Any, middlewares: int = 0) -> dict[str, Any]:
    mediator = Mediator()
    mediator.register(Join, handler)
    for _ in range(middlewares):

        async def pass_on(message: object, next: Any) -> Any:  # noqa: A002 - its name in the library
            return await next()

        mediator.use(pass_on)
    return {"mediator": mediator, "command": Join(user_id=7)}


def cases() -> Iterator[Case]:
    send = "await mediator.send(command)"
    yield Case("singleton", send, sending(SingletonHandler))
    yield Case("new", send, sending(Handler))
    yield Case("middlewares", send, sending(SingletonHandler, 3))
    yield Case("dataclass", "await mediator.send(Join(user_id=7))", {**sending(SingletonHandler), "Join": Join})
