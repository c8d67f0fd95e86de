"""What the tests need of threads; the twin in the other directory has the same names for event loops."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any

__all__ = ("checkpoint", "sleep", "together")


def checkpoint() -> None:
    """Let other threads run."""
    sleep(0.0001)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Run calls at the same time, and return their results in order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))
