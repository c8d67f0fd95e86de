"""A send costs a fixed number of Python frames and C calls: the measure of speed that no busy machine disturbs."""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import pytest

import diator.aio
import diator.sync
from diator import Command, CommandHandler, DomainEvent, EventHandler, EventMap, Events, RequestMap


@dataclass(frozen=True, kw_only=True)
class Join(Command[int]):
    pass


@dataclass(frozen=True, kw_only=True)
class Joined(DomainEvent):
    pass


class AsyncHandler(CommandHandler[Join, int]):
    async def handle(self, command: Join) -> int:
        return 1


class PlainHandler(CommandHandler[Join, int]):
    def handle(self, command: Join) -> int:
        return 1


async def async_function(command: Join) -> int:
    return 1


def plain_function(command: Join) -> int:
    return 1


class BuiltHandler(AsyncHandler):
    def __init__(self) -> None:
        self.ready = True


class BuiltPlainHandler(PlainHandler):
    def __init__(self) -> None:
        self.ready = True


class AsyncRecording(CommandHandler[Join, int]):
    async def handle(self, command: Join, events: Events) -> int:
        events.append(JOINED)
        return 1


class PlainRecording(CommandHandler[Join, int]):
    def handle(self, command: Join, events: Events) -> int:
        events.append(JOINED)
        return 1


class AsyncEventHandler(EventHandler[Joined]):
    async def handle(self, event: Joined) -> None: ...


class PlainEventHandler(EventHandler[Joined]):
    def handle(self, event: Joined) -> None: ...


JOIN, JOINED = Join(), Joined()

#: What `Events.append` calls, its own frame apart: ``time`` notes when the event was recorded, so that
#: `Event.event_timestamp` can wait for its first read, and ``append`` queues it.
APPEND = 2


def send_blocking(mediator: Any) -> None:
    mediator.send(JOIN)


def send_awaiting(mediator: Any) -> None:
    for _ in awaiting(mediator).__await__():
        raise AssertionError("nothing waits here")


async def awaiting(mediator: Any) -> None:
    await mediator.send(JOIN)


MEASURING = {"setprofile", "__await__", "send_blocking", "send_awaiting", "awaiting"}


def calls_of(send: Callable[[Any], None], mediator: Any) -> Counter[str]:
    """Count the Python frames and the C calls of a send, by name."""
    found: list[str] = []

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        name = code.co_name if event == "call" else argument.__name__ if event == "c_call" else ""
        if name and name not in MEASURING:
            found.append(name if event == "c_call" else f"{code.co_qualname} in {code.co_filename.rpartition('/')[2]}")

    for _ in range(3):  # compile the route, and let the interpreter specialise
        send(mediator)
    vars(JOINED).clear()  # it has not been recorded yet
    sys.setprofile(profile)
    try:
        send(mediator)
    finally:
        sys.setprofile(None)
    return Counter(found)


def mediator_of(side: Any, handler: Any, event_handler: Any = None) -> Any:
    requests, events = RequestMap(), EventMap()
    requests.bind(Join, handler)
    if event_handler is not None:
        events.bind(Joined, event_handler)
    return side.Mediator(requests, event_map=events)


def expect(calls: Counter[str], expected: int) -> None:
    listed = "\n".join(f"  {number} x {name}" for name, number in calls.items())
    assert calls.total() == expected, f"{calls.total()} frames and C calls instead of {expected}:\n{listed}"


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (AsyncHandler(), 2),
        (async_function, 2),
        (AsyncHandler().handle, 2),
        (AsyncHandler, 3),
        (BuiltHandler, 4),  # its own __init__
        (PlainHandler(), 2 + 1),
        (plain_function, 2 + 1),
        (PlainHandler, 3 + 1),
        (BuiltPlainHandler, 4 + 1),
    ],
)
def test_an_awaited_send_costs_little_more_than_the_handler(handler: Any, expected: int) -> None:
    expect(calls_of(send_awaiting, mediator_of(diator.aio, handler)), expected)


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (PlainHandler(), 2),
        (plain_function, 2),
        (PlainHandler().handle, 2),
        (PlainHandler, 3),
        (BuiltPlainHandler, 4),
    ],
)
def test_a_blocking_send_costs_little_more_than_the_handler(handler: Any, expected: int) -> None:
    expect(calls_of(send_blocking, mediator_of(diator.sync, handler)), expected)


@pytest.mark.parametrize(
    ("handler", "event_handler", "expected"),
    [
        (AsyncRecording(), AsyncEventHandler(), 6),
        (AsyncRecording, AsyncEventHandler, 6),
        (PlainRecording, AsyncEventHandler, 6 + 1),
        (PlainRecording, PlainEventHandler(), 6 + 2),
    ],
)
def test_an_awaited_send_with_an_event_costs_six(handler: Any, event_handler: Any, expected: int) -> None:
    expect(calls_of(send_awaiting, mediator_of(diator.aio, handler, event_handler)), expected + APPEND)


@pytest.mark.parametrize("handler", [PlainRecording(), PlainRecording])
@pytest.mark.parametrize("event_handler", [PlainEventHandler(), PlainEventHandler])
def test_a_blocking_send_with_an_event_costs_six(handler: Any, event_handler: Any) -> None:
    expect(calls_of(send_blocking, mediator_of(diator.sync, handler, event_handler)), 6 + APPEND)


def test_a_failure_names_what_was_called() -> None:
    with pytest.raises(AssertionError, match=r"instead of 1:\s+1 x Mediator.send in mediator.py\s+1 x .*handle in"):
        expect(calls_of(send_blocking, mediator_of(diator.sync, PlainHandler())), 1)
