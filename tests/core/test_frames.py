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

# What a send may call, by name, besides the functions of this module.
SEND = "Mediator.send in mediator.py"
BUILD = "CompiledHandler._simplify.<locals>.<lambda> in handlers.py"  # builds the handler, and calls it
INLINE = "inline in concurrency.py"  # makes something to await of what a `def` handler returns, on aio
ROUTE = "recording_route.<locals>.route in request_routes.py"  # only if something has to run after the handler
#: ``time`` notes when the event was recorded, so that `Event.event_timestamp` can wait for its first read.
APPEND = ("Events.append in events.py", "time", "append")
DRAIN = "EventEmitter.drain in events.py"  # not for the only handler of an event, if that is a class


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


def own(function: Any) -> str:
    return f"{function.__qualname__} in {__file__.rpartition('/')[2]}"


def expect(calls: Counter[str], *expected: str) -> None:
    """Compare what was called with what should be, and tell what was added and what is gone."""
    planned = Counter(expected)
    changes = [f"  added: {number} x {name}" for name, number in (calls - planned).items()]
    changes += [f"  gone:  {number} x {name}" for name, number in (planned - calls).items()]
    if changes:
        pytest.fail("\n".join([f"{calls.total()} frames and C calls instead of {len(expected)}:", *changes]))


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (AsyncHandler(), [SEND, own(AsyncHandler.handle)]),
        (async_function, [SEND, own(async_function)]),
        (AsyncHandler().handle, [SEND, own(AsyncHandler.handle)]),
        (AsyncHandler, [SEND, BUILD, own(AsyncHandler.handle)]),
        (BuiltHandler, [SEND, BUILD, own(BuiltHandler.__init__), own(AsyncHandler.handle)]),
        (PlainHandler(), [SEND, INLINE, own(PlainHandler.handle)]),
        (plain_function, [SEND, INLINE, own(plain_function)]),
        (PlainHandler, [SEND, INLINE, BUILD, own(PlainHandler.handle)]),
        (BuiltPlainHandler, [SEND, INLINE, BUILD, own(BuiltPlainHandler.__init__), own(PlainHandler.handle)]),
    ],
)
def test_an_awaited_send_costs_little_more_than_the_handler(handler: Any, expected: list[str]) -> None:
    expect(calls_of(send_awaiting, mediator_of(diator.aio, handler)), *expected)


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (PlainHandler(), [SEND, own(PlainHandler.handle)]),
        (plain_function, [SEND, own(plain_function)]),
        (PlainHandler().handle, [SEND, own(PlainHandler.handle)]),
        (PlainHandler, [SEND, BUILD, own(PlainHandler.handle)]),
        (BuiltPlainHandler, [SEND, BUILD, own(BuiltPlainHandler.__init__), own(PlainHandler.handle)]),
    ],
)
def test_a_blocking_send_costs_little_more_than_the_handler(handler: Any, expected: list[str]) -> None:
    expect(calls_of(send_blocking, mediator_of(diator.sync, handler)), *expected)


@pytest.mark.parametrize(
    ("handler", "event_handler", "inline"),
    [
        (AsyncRecording(), AsyncEventHandler(), 0),
        (AsyncRecording, AsyncEventHandler, 0),
        (PlainRecording, AsyncEventHandler, 1),
        (PlainRecording, PlainEventHandler(), 2),
    ],
)
def test_an_awaited_send_with_an_event_costs_six_at_most(handler: Any, event_handler: Any, inline: int) -> None:
    calls = calls_of(send_awaiting, mediator_of(diator.aio, handler, event_handler))
    drain = [] if event_handler is AsyncEventHandler else [DRAIN]
    expect(calls, SEND, ROUTE, own(handler.handle), *APPEND, *drain, own(event_handler.handle), *[INLINE] * inline)


@pytest.mark.parametrize("handler", [PlainRecording(), PlainRecording])
@pytest.mark.parametrize("event_handler", [PlainEventHandler(), PlainEventHandler])
def test_a_blocking_send_with_an_event_costs_six_at_most(handler: Any, event_handler: Any) -> None:
    calls = calls_of(send_blocking, mediator_of(diator.sync, handler, event_handler))
    drain = [] if event_handler is PlainEventHandler else [DRAIN]
    expect(calls, SEND, ROUTE, own(handler.handle), *APPEND, *drain, own(event_handler.handle))


def test_a_failure_names_what_was_added_and_what_is_gone() -> None:
    calls = calls_of(send_blocking, mediator_of(diator.sync, PlainHandler()))
    with pytest.raises(pytest.fail.Exception) as caught:
        expect(calls, SEND, BUILD, BUILD, "time")
    assert str(caught.value).splitlines() == [
        "2 frames and C calls instead of 4:",
        "  added: 1 x PlainHandler.handle in test_frames.py",
        f"  gone:  2 x {BUILD}",
        "  gone:  1 x time",
    ]
