"""asyncio beside trio, when there is not enough of something to start it."""

import asyncio
import os
import threading
from typing import Any

import pytest
import trio

from diator._runtime.asyncio_thread import AsyncioThread


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


def fail(error: Exception) -> Any:
    def raise_(*args: object) -> None:
        raise error

    return raise_


def test_a_thread_that_cannot_be_started_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        before = open_files()
        with monkeypatch.context() as broken:
            broken.setattr(threading.Thread, "start", fail(RuntimeError("can't start new thread")))
            for _ in range(10):
                with pytest.raises(RuntimeError, match="can't start new thread"):
                    AsyncioThread()
        assert open_files() == before
        await AsyncioThread().aclose()

    trio.run(main)


def test_a_loop_that_cannot_be_made_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        before = open_files()
        with monkeypatch.context() as broken:
            broken.setattr(threading, "excepthook", lambda args: None)
            broken.setattr(asyncio, "SelectorEventLoop", fail(OSError("too many open files")))
            with pytest.raises(RuntimeError, match="no event loop could be started in a thread"):
                AsyncioThread()
        assert open_files() == before
        thread = AsyncioThread()
        assert await thread.run(asyncio.sleep, 0, "result") == "result"
        await thread.aclose()

    trio.run(main)
