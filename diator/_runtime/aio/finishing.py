"""Closing what a dispatch has opened, although its task has been cancelled."""

import asyncio
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from math import inf
from typing import Any

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint_if_cancelled

from ..._core.notes import note_failure
from .loops import current_loop

__all__ = ("finish",)


async def finish(closing: Awaitable[Any], doing: str, grace: float) -> None:
    """Wait for something in spite of cancellation, which comes through afterwards.

    Args:
        closing: What to wait for.
        doing: What that does, for a note in the cancellation if it fails as well.
        grace: Seconds that it may take if it is cancelled from the start; at least half of it is left to it afterwards.

    Raises:
        TimeoutError: It took longer, and was cancelled.
        BaseException: What it raised.
    """
    failure: BaseException | None = None
    cancelled = anyio.get_cancelled_exc_class()
    shield = anyio.CancelScope(shield=True)
    try:
        async with anyio.create_task_group() as group:
            with shield, _limited(group, shield, grace):
                try:
                    await closing
                except cancelled:
                    raise
                except BaseException as error:  # noqa: BLE001 - raised below, not as a group
                    failure = error
            group.cancel_scope.cancel()
        if shield.cancelled_caught:
            failure = TimeoutError(f"it took longer than {grace} seconds")
            await checkpoint_if_cancelled()
    except cancelled as cancellation:
        if failure is not None:
            note_failure(cancellation, doing, failure)
        raise
    if failure is not None:
        context = failure.__context__
        try:
            raise failure
        except BaseException:
            failure.__context__ = context  # which tells what else has failed, and has just been replaced
            raise


@contextmanager
def _limited(group: TaskGroup, shield: anyio.CancelScope, grace: float) -> Generator[None]:
    """Look out for a cancellation: on asyncio after a while only, as a task takes longer than most closing does."""
    loop = current_loop()
    if isinstance(loop, asyncio.AbstractEventLoop):
        timer = loop.call_later(grace / 2, group.start_soon, _limit, shield, grace / 2)
        try:
            yield
        finally:
            timer.cancel()
    else:
        group.start_soon(_limit, shield, grace)
        yield


async def _limit(shield: anyio.CancelScope, grace: float) -> None:
    """Wait for the cancellation that the shield keeps out, unless it has come already, which AnyIO tells only once."""
    try:
        if anyio.current_effective_deadline() > -inf:
            await anyio.sleep_forever()
    finally:
        shield.deadline = anyio.current_time() + grace
