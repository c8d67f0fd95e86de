"""Lets blocking code call coroutine functions.

`LoopThread` differs from a stock portal in what it survives: a fork, the exit of the interpreter, Ctrl-C, and every
exception that a handler can raise. Forking *on* the loop thread, inside of a coroutine, is not supported.
"""

import os
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Any, Literal, TypeVar

from ..errors import BlockingCallError, GreenletError, MissingExtraError, ReentrancyError, RunningLoopError
from .event_loops import AsyncioLoop, EventLoop, TrioLoop
from .loop_calls import Call, cancellation, current_call

__all__ = ("LoopThread",)

T = TypeVar("T")

_LOOPS: dict[str, type[EventLoop]] = {"asyncio": AsyncioLoop, "trio": TrioLoop}

_loop_threads: "weakref.WeakSet[LoopThread]" = weakref.WeakSet()


class LoopThread:
    """Runs coroutine functions for blocking callers on an event loop in a daemon thread of its own.

    The first call starts the thread. Nobody has to end it: it stops when this object is dropped, and the interpreter
    exits without waiting for it. Until then it serves calls, those of ``atexit`` functions included.
    """

    def __init__(self, backend: Literal["asyncio", "trio"] = "asyncio") -> None:
        if backend not in _LOOPS:
            raise ValueError(f"unknown backend {backend!r}: use 'asyncio' or 'trio'")
        self._backend = backend
        self._lock = threading.Lock()
        self._loop: EventLoop | None = None
        self._finalizer: weakref.finalize[..., LoopThread] | None = None
        _loop_threads.add(self)

    def check(self) -> None:
        """Make sure that `run` works here and now; start nothing.

        Raises:
            RunningLoopError: The current thread is running an event loop.
            ReentrancyError: That loop is this object's own.
            GreenletError: gevent has patched the threads.
            MissingExtraError: trio is not installed.
        """
        monkey = sys.modules.get("gevent.monkey")
        if monkey is not None and monkey.is_module_patched("threading"):
            raise GreenletError(
                "async handlers cannot run in a process that gevent has patched, where every greenlet would find "
                "their event loop running: write this handler with `def`"
            )
        loop = self._loop
        library = _running_library()
        if library is not None:
            if loop is not None and loop.thread_id == threading.get_ident():
                raise ReentrancyError(
                    "an async handler cannot make a blocking call that needs its own event loop: "
                    "await the call, or write the handler with `def`"
                )
            raise RunningLoopError(
                f"this thread is running {library}, so it cannot wait for an async handler: "
                "use diator.aio and await it there, or write the handler with `def`"
            )
        if loop is None and self._backend == "trio" and find_spec("trio") is None:
            raise MissingExtraError('trio is not installed: pip install "diator[trio]"', name="trio")

    def run(self, function: Callable[..., Awaitable[T]], /, *args: Any) -> T:
        """Run the coroutine function on the loop and wait for it.

        It sees the caller's context variables, and the caller sees afterwards what it has set.

        An exception that a signal handler raises here (Ctrl-C: KeyboardInterrupt) cancels the function and is raised
        when it has cleaned up. A second one is raised at once, and leaves the function to itself.

        Raises:
            BlockingCallError: `check` objects; or the loop cannot start, has ended, or was left behind by a fork.
            BaseException: Whatever the function raises.
        """
        self.check()
        call: Call[T] = Call(function, args)
        watch = cancellation.get()
        try:
            while (loop := self._loop) is None or not loop.enter(call):
                self._open()
            if watch is not None:
                watch.add(call)
            call.serve()
        except BaseException as exc:
            call.interrupt(exc)
            raise
        finally:
            if watch is not None:
                watch.discard(call)
        return call.take()

    async def call_home(self, function: Callable[..., T], /, *args: Any) -> T:
        """Inside `run`: run plain code in the thread that waits there, and may itself call `run` again.

        It sees the context variables of the awaiting task, which sees afterwards what it has set. It cannot be
        cancelled: a cancellation takes effect when it has returned.

        Raises:
            BlockingCallError: There is no such thread.
            BaseException: Whatever the function raises.
        """
        call = current_call.get(None)
        if call is None:
            raise BlockingCallError("call_home works only inside LoopThread.run: call the function directly")
        return await call.call_home(function, args)

    def close(self) -> None:
        """Wait for the calls in progress, then stop the loop. A later `run` starts a new one.

        Raises:
            ReentrancyError: This code runs inside a call in progress.
        """
        with self._lock:
            loop = self._loop
        if loop is not None:
            loop.close()

    def _open(self) -> None:
        with self._lock:
            loop = self._loop
            if loop is None or loop.ended:
                loop = self._start()
            loop.wait_until_ready()

    def _start(self) -> EventLoop:
        loop = _LOOPS[self._backend]()
        self._forget()
        self._loop = loop  # before it starts: a Ctrl-C must not lose it
        self._finalizer = weakref.finalize(self, loop.post, loop.shut)  # posts: it may strike inside of any lock
        self._finalizer.atexit = False
        try:
            loop.start()
        except BlockingCallError:
            self._forget()
            raise
        return loop

    def _forget(self) -> None:
        self._loop = None
        if self._finalizer is not None:
            self._finalizer.detach()

    def after_fork(self) -> None:
        """Start afresh in the child of a fork, where nobody will release a lock that another thread held."""
        self._lock = threading.Lock()
        if self._loop is not None:
            self._loop.forked()
        self._forget()


def _running_library() -> str | None:
    """Name the event loop that the current thread runs; a module that is not imported yet runs none."""
    for library, module, function in (
        ("asyncio", "asyncio.events", "_get_running_loop"),
        ("trio", "trio.lowlevel", "in_trio_run"),
    ):
        running = getattr(sys.modules.get(module), function, None)  # None: another thread is importing it just now
        if running is not None and running():
            return library
    return None


def _after_fork() -> None:
    for loop_thread in list(_loop_threads):
        loop_thread.after_fork()


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_after_fork)
