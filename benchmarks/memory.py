"""How much memory diator takes: for each mediator, each route and each send, and that it does not grow.

Prints one JSON object with bytes for each side, and how many blocks a million sends have left behind.
"""

import asyncio
import gc
import itertools
import json
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, make_dataclass
from typing import Any

from contenders import diator_aio, diator_sync
from contenders.diator_messages import JOIN
from parts import AsyncEventHandler, AsyncHandler, EventHandler, Handler

import diator.aio
import diator.sync
from diator import Command, RequestMap

SENDS = 1_000_000
#: How many blocks a million sends may leave behind: caches of the interpreter, but nothing for each send.
NOISE = 100
MANY = 500


@dataclass(frozen=True)
class Side:
    """What is measured on a side.

    Attributes:
        mediator: The class.
        handler: A handler that records nothing.
        simple: Sends a command to it.
        with_event: Sends a command whose handler records an event.
        many: Does that so many times.
    """

    mediator: Any
    handler: Any
    simple: Callable[[], Any]
    with_event: Callable[[], Any]
    many: Callable[[int], Any]


def awaiting() -> Side:
    simple = diator_aio.sending(AsyncHandler)["mediator"]
    recording = diator_aio.sending(diator_aio.Recording, None, AsyncEventHandler)["mediator"]

    async def many(times: int) -> None:
        for _ in itertools.repeat(None, times):
            await recording.send(JOIN)

    return Side(
        diator.aio.Mediator,
        AsyncHandler,
        lambda: run(simple.send(JOIN)),
        lambda: run(recording.send(JOIN)),
        lambda times: asyncio.run(many(times)),
    )


def run(coroutine: Any) -> None:
    """Run what waits for nothing without an event loop, whose own memory would count."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("nothing waits here")


def blocking() -> Side:
    simple = diator_sync.sending(Handler)["mediator"]
    recording = diator_sync.sending(diator_sync.Recording, None, EventHandler)["mediator"]

    def many(times: int) -> None:
        for _ in itertools.repeat(None, times):
            recording.send(JOIN)

    return Side(diator.sync.Mediator, Handler, lambda: simple.send(JOIN), lambda: recording.send(JOIN), many)


def allocated(make: Callable[[], Any]) -> int:
    """The bytes that an object holds on to."""
    make()  # what is allocated once
    gc.collect()
    tracemalloc.start()
    kept = make()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del kept
    return size


def per_mediator(side: Side) -> int:
    requests = RequestMap()
    return allocated(lambda: [side.mediator(requests) for _ in range(MANY)]) // MANY


def per_route(side: Side) -> int:
    """Of a class that is built for each request; of the binding itself, too."""
    types = [make_dataclass(f"Request{number}", (), bases=(Command,), frozen=True) for number in range(MANY)]

    def bound() -> Any:
        requests = RequestMap()
        for request_type in types:
            requests.bind(request_type, side.handler)
        mediator = side.mediator(requests)
        mediator.check()
        return mediator, [mediator._routes[request_type] for request_type in types]

    return allocated(bound) // MANY


def per_send(send: Callable[[], Any]) -> int:
    """The most that is allocated during a send, and free again after it."""
    for _ in range(100):
        send()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    send()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - before


def blocks_left(many: Callable[[int], Any], sends: int) -> int:
    """By how many blocks the memory of the interpreter grows over many sends."""
    many(min(sends, 10_000))
    gc.collect()
    before = sys.getallocatedblocks()
    many(sends)
    gc.collect()
    return sys.getallocatedblocks() - before


def measured(side: Side, sends: int) -> dict[str, int]:
    return {
        "mediator": per_mediator(side),
        "route": per_route(side),
        "send": per_send(side.simple),
        "send_event": per_send(side.with_event),
        "left": blocks_left(side.many, sends),
    }


def main(arguments: list[str]) -> None:
    sends = int(arguments[0]) if arguments else SENDS
    found = {"aio": measured(awaiting(), sends), "sync": measured(blocking(), sends)}
    grows = max(each["left"] for each in found.values()) > NOISE
    print(json.dumps({**found, "sends": sends, "grows": grows}))


if __name__ == "__main__":
    main(sys.argv[1:])
