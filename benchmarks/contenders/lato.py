"""lato: functions as handlers, each command in a transaction context of its own."""

from collections.abc import Iterator
from typing import Any

from cases import Case
from lato import Application, Command, Event, TransactionContext

BACKENDS = ("asyncio",)
DISTRIBUTION = "lato"


class Join(Command):
    user_id: int


class Joined(Event):
    user_id: int


JOIN, JOINED = Join(user_id=7), Joined(user_id=7)


def application(events: int = 0, middlewares: int = 0) -> dict[str, Any]:
    app = Application("benchmark")

    if events:

        @app.handler(Join)
        async def record(command: Join, ctx: TransactionContext) -> Any:
            for _ in range(events):
                await ctx.publish_async(JOINED)
            return command.user_id

        @app.handler(Joined)
        async def on_joined(event: Joined) -> None:
            pass

    else:

        @app.handler(Join)
        async def handle(command: Join) -> Any:
            return command.user_id

    for _ in range(middlewares):

        @app.transaction_middleware
        async def pass_on(ctx: TransactionContext, call_next: Any) -> Any:
            return await call_next()

    return {"app": app, "command": JOIN}


def cases() -> Iterator[Case]:
    execute = "await app.execute_async(command)"
    yield Case("singleton", execute, application())
    yield Case("event", execute, application(events=1))
    yield Case("events", execute, application(events=10))
    yield Case("middlewares", execute, application(middlewares=3))
    yield Case("model", "await app.execute_async(Join(user_id=7))", {**application(), "Join": Join})
