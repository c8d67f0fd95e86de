"""Closing what a dispatch has opened, although its task has been cancelled."""

from collections.abc import Awaitable
from typing import Any

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from ..._core.notes import note_failure

__all__ = ("finish",)


async def finish(closing: Awaitable[Any], doing: str, grace: float) -> None:
    """Wait for something in spite of cancellation, which comes through afterwards.

    Args:
        closing: What to wait for.
        doing: What that does, for a note in the cancellation if it fails as well.
        grace: Seconds that it may still take from the cancellation on.

    Raises:
        TimeoutError: It took longer, and was cancelled.
        BaseException: What it raised.
    """
    failure: BaseException | None = None
    cancelled = anyio.get_cancelled_exc_class()
    shield = anyio.CancelScope(shield=True)
    try:
        async with anyio.create_task_group() as group:
            with shield:
                group.start_soon(_limit, shield, grace)
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


async def _limit(shield: anyio.CancelScope, grace: float) -> None:
    """Wait for the cancellation that the shield keeps out."""
    try:
        await anyio.sleep_forever()
    finally:
        shield.deadline = anyio.current_time() + grace
