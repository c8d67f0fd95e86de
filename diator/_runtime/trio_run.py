"""A run of trio, with what the event loops of asyncio offer."""

from collections.abc import Callable
from typing import Any

import trio
from trio.lowlevel import RunVar, cancel_shielded_checkpoint, current_trio_token, spawn_system_task, wait_readable

from .mailbox import Mailbox

__all__ = ("TrioRun",)


class TrioRun:
    """Runs functions for other threads, and functions that have to wait for their turn.

    Trio's own `run_sync_soon` takes longer, and comes before or after tasks that have just been woken: by chance.
    """

    Event = trio.Event
    time = staticmethod(trio.current_time)

    def __init__(self) -> None:
        self._token = current_trio_token()
        self._mailbox = Mailbox()
        self._due: list[Callable[[], object]] = []
        self._has_due = trio.Event()
        try:
            spawn_system_task(self._serve, name="diator: calls of other threads")
            spawn_system_task(self._take_turns, name="diator: calls that wait for their turn")
        except RuntimeError:  # the run is ending
            self._close()

    @classmethod
    def current(cls) -> "TrioRun":
        """The one of this run."""
        try:
            return _current.get()
        except LookupError:
            run = cls()
            _current.set(run)
            return run

    def call_soon(self, function: Callable[[], object]) -> None:
        """Run a function when all tasks have run that are about to."""
        if self._mailbox.is_closed:  # the run is ending
            self._token.run_sync_soon(function)
        else:
            self._due.append(function)
            self._has_due.set()

    def call_soon_threadsafe(self, function: Callable[..., object], *args: Any) -> None:
        """Run a function soon; this may be called from any thread.

        Raises:
            RuntimeError: The run has ended.
        """
        try:
            self._mailbox.post(function, *args)
        except RuntimeError:  # the run is ending, or has ended
            self._token.run_sync_soon(function, *args)

    async def _serve(self) -> None:
        try:
            while True:
                await wait_readable(self._mailbox.fileno())
                self._mailbox.call_all()
        finally:
            self._close()

    async def _take_turns(self) -> None:
        while True:
            await self._has_due.wait()
            await cancel_shielded_checkpoint()  # those who have been woken come first
            self._call_due()

    def _call_due(self) -> None:
        self._has_due = trio.Event()
        due, self._due = self._due, []
        for function in due:
            function()

    def _close(self) -> None:
        self._mailbox.close()
        self._mailbox.call_all()
        self._call_due()


_current: RunVar[TrioRun] = RunVar("diator_trio_run")
