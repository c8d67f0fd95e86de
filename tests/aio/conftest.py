"""What the tests need of an event loop; the twin in the other directory has the same names for threads."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from anyio import sleep
from anyio.lowlevel import checkpoint

__all__ = ("checkpoint", "sleep", "together")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


async def together(*calls: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Run calls at the same time, and return their results in order."""
    results: list[Any] = [None] * len(calls)

    async def run(index: int) -> None:
        results[index] = await calls[index]()

    async with anyio.create_task_group() as group:
        for index in range(len(calls)):
            group.start_soon(run, index)
    return results
