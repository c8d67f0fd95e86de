"""asyncio in a thread of its own, for trio tasks that need a library which knows no other event loop."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeVar

import trio

from .mailbox import Mailbox
from .trio_run import TrioRun

__all__ = ("AsyncioThread",)

T = TypeVar("T")


class AsyncioThread:
    """An asyncio event loop in a daemon thread, which starts at once."""

    def __init__(self) -> None:
        self._started = threading.Event()
        self._mailbox = Mailbox()
        self._loop: Any = None
        self._stopping: asyncio.Event
        self._thread = threading.Thread(target=self._run, name="diator-asyncio", daemon=True)
        try:
            self._thread.start()
        except BaseException:
            self._mailbox.close()
            raise
        self._started.wait()
        if self._loop is None:
            raise RuntimeError("no event loop could be started in a thread: there may be too many open files")

    def _run(self) -> None:
        try:
            # not the loop that Windows would choose, which cannot watch a mailbox
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(self._main())
        finally:
            self._mailbox.close()
            self._started.set()

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self._loop.add_reader(self._mailbox.fileno(), self._mailbox.call_all)
        self._started.set()
        await self._stopping.wait()

    async def run(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        """Await ``function(*args)`` on the other loop. Cancelling cancels it there, and waits until it is out."""
        arrived = trio.Event()
        crossing: _Crossing[T] = _Crossing(self._loop, arrived.set)
        self.post(crossing.begin, function, *args)
        try:
            await arrived.wait()
        except trio.Cancelled:
            self.post(crossing.cancel)
            with trio.CancelScope(shield=True):
                await arrived.wait()
            if crossing.was_cancelled:
                raise
        return crossing.result()

    def start(
        self,
        function: Callable[..., Coroutine[Any, Any, T]],
        args: tuple[Any, ...],
        done: Callable[[T | Exception], None],
    ) -> None:
        """Begin something there that nobody can cancel, and call back on the current loop."""

        def arrived() -> None:
            try:
                outcome: T | Exception = crossing.result()
            except Exception as error:  # noqa: BLE001 - whoever waits raises it
                outcome = error
            done(outcome)

        crossing: _Crossing[T] = _Crossing(self._loop, arrived)
        self.post(crossing.begin, function, *args)

    def post(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function there, soon and in order."""
        self._mailbox.post(function, *args)

    async def aclose(self) -> None:
        """Stop the loop. What is still running there is cancelled."""
        self.post(self._stopping.set)
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._thread.join)


class _Crossing(Generic[T]):
    """A coroutine on the other loop, and the way back to this one."""

    def __init__(self, loop: asyncio.AbstractEventLoop, arrived: Callable[[], object]) -> None:
        self._loop, self._arrived = loop, arrived
        self._here = TrioRun.current()
        self._task: asyncio.Task[T]

    def begin(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> None:
        self._task = self._loop.create_task(function(*args))
        # not a `finally` inside of it: a task that is cancelled before its first step never gets there
        self._task.add_done_callback(self._finish)

    def _finish(self, task: "asyncio.Task[T]") -> None:
        with suppress(RuntimeError):  # the run of trio has ended
            self._here.call_soon_threadsafe(self._arrived)

    def cancel(self) -> None:
        self._task.cancel()

    @property
    def was_cancelled(self) -> bool:
        return self._task.cancelled()

    def result(self) -> T:
        if self._task.cancelled():
            raise InterruptedError("the asyncio loop ended before this was done")
        return self._task.result()
