"""bubus: an event bus, whose events are pydantic models and give results; each one has to be new."""

import logging
from collections.abc import Iterator
from typing import Any

from bubus import BaseEvent, EventBus
from cases import Case

BACKENDS = ("asyncio",)
DISTRIBUTION = "bubus"


class Join(BaseEvent[int]):
    user_id: int


async def handle(event: Join) -> int:
    return event.user_id


def cases() -> Iterator[Case]:
    logging.getLogger("bubus").setLevel(logging.CRITICAL)
    bus: Any = EventBus(name="benchmark")
    bus.on(Join, handle)
    yield Case("model", "await (await bus.dispatch(Join(user_id=7))).event_result()", {"bus": bus, "Join": Join})
