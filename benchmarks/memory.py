"""How much memory diator takes: for each mediator, each route and each send, and that it does not grow.

Prints one JSON object: bytes, and for the two sides how many blocks a million sends have left behind.
"""

import asyncio
import gc
import itertools
import json
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import make_dataclass
from typing import Any

from contenders import diator_aio, diator_sync
from contenders.diator_messages import JOIN
from parts import AsyncEventHandler, EventHandler, Handler

from diator import Command, RequestMap
from diator.sync import Mediator

SENDS = 1_000_000
#: How many blocks a million sends may leave behind: caches of the interpreter, but nothing for each send.
NOISE = 100
MANY = 500


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


def per_mediator() -> int:
    requests = RequestMap()
    return allocated(lambda: [Mediator(requests) for _ in range(MANY)]) // MANY


def per_route() -> int:
    """Of a class that is built for each request; of the binding itself, too."""
    types = [make_dataclass(f"Request{number}", (), bases=(Command,), frozen=True) for number in range(MANY)]

    def bound() -> Any:
        requests = RequestMap()
        for request_type in types:
            requests.bind(request_type, Handler)
        mediator = Mediator(requests)
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


def blocks_left(run: Callable[[int], None]) -> int:
    """By how many blocks the memory of the interpreter grows over many sends."""
    run(10_000)
    gc.collect()
    before = sys.getallocatedblocks()
    run(SENDS)
    gc.collect()
    return sys.getallocatedblocks() - before


def main() -> None:
    aio = diator_aio.sending(diator_aio.Recording, None, AsyncEventHandler)["mediator"]
    sync = diator_sync.sending(diator_sync.Recording, None, EventHandler)["mediator"]
    simple = diator_sync.sending(Handler)["mediator"]

    async def awaited(times: int) -> None:
        for _ in itertools.repeat(None, times):
            await aio.send(JOIN)

    def blocking(times: int) -> None:
        for _ in itertools.repeat(None, times):
            sync.send(JOIN)

    left = {"aio": blocks_left(lambda times: asyncio.run(awaited(times))), "sync": blocks_left(blocking)}
    figures = {
        "mediator": per_mediator(),
        "route": per_route(),
        "send": per_send(lambda: simple.send(JOIN)),
        "send_event": per_send(lambda: sync.send(JOIN)),
        "sends": SENDS,
        "left": left,
        "grows": max(left.values()) > NOISE,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
