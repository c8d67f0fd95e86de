"""What `send` looks like to code that asks whether it has to be awaited."""

import inspect
import sys
from dataclasses import dataclass

import pytest

from diator import Command, RequestMap
from diator.aio import Mediator


@dataclass(frozen=True, kw_only=True)
class Join(Command[int]):
    pass


async def join(command: Join) -> int:
    return 1


def mediator() -> Mediator:
    requests = RequestMap()
    requests.bind(Join, join)
    return Mediator(requests)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="plain functions cannot be marked before Python 3.12")
def test_send_says_that_it_gives_a_coroutine() -> None:
    assert inspect.iscoroutinefunction(mediator().send)


async def test_send_gives_a_coroutine() -> None:
    sending = mediator().send(Join())
    assert inspect.iscoroutine(sending)
    assert await sending == 1
