"""Threads that run blocking calls nobody has to wait for."""

import os
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

__all__ = ("run_in_thread",)

#: Seconds after which a thread that has nothing to do ends.
_IDLE: Final = 10.0

_idle: list["_Thread"] = []


def run_in_thread(job: Callable[[], None]) -> None:
    """Run a job, which must not raise, in a daemon thread: one that is idle, or a new one.

    There is no limit to the threads, so that no job waits for another one, which may wait for it.
    """
    try:
        thread = _idle.pop()
    except IndexError:
        thread = _Thread()
        thread.start()
    thread.jobs.put(job)


class _Thread(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="diator", daemon=True)
        self.jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def run(self) -> None:
        while True:
            try:
                job = self.jobs.get(timeout=_IDLE)
            except Empty:
                try:
                    _idle.remove(self)
                except ValueError:  # somebody has just taken it, and is about to give it a job
                    continue
                return
            job()
            del job  # it may hold a message
            _idle.append(self)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)
