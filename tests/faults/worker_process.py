"""A worker as an application runs it, in a process of its own that tests kill, pause and ask to stop.

python -m tests.faults.worker_process OPTIONS-AS-JSON
"""

import faulthandler
import json
import logging
import math
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import anyio

from diator import EventMap, NotificationEvent, RequestMap, aio, sync
from diator.aio.message_brokers.redis import RedisStreamsMessageBroker
from diator.delivery import RetryPolicy
from diator.sync.message_brokers.redis import RedisStreamsMessageBroker as BlockingRedisStreamsMessageBroker

__all__ = ("Counted", "Options")


@dataclass(frozen=True, kw_only=True)
class Counted(NotificationEvent):
    """What the tests send: its handler writes a line to the ledger; ``poison`` kills the process instead."""

    number: int
    key: str = ""
    poison: bool = False

    @property
    def partition_key(self) -> str | None:
        return self.key or None


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the worker runs.

    Attributes:
        side: ``"asyncio"``, ``"trio"`` or ``"sync"``.
        ledger: A file to which each handled event adds a line: number, process, key.
        work: Seconds that a handler takes before it writes.
        visibility: Seconds until another worker takes over.
    """

    side: str
    url: str
    ledger: str
    partitions: int = 1
    concurrency: int = 10
    work: float = 0.002
    visibility: float = 1.0
    drain: float = 10.0
    max_deliveries: int = 5

    def text(self) -> str:
        return json.dumps(asdict(self))


STREAM, GROUP = "diator-faults", "workers"


class Timed:
    """Takes the time from the first `stop` of a worker to its end, as no test outside of the process could."""

    stopped_at = math.inf

    def stop(self) -> None:
        self.stopped_at = min(self.stopped_at, time.monotonic())
        super().stop()  # type: ignore[misc]

    def say_how_long(self) -> None:
        print(f"ended after {time.monotonic() - self.stopped_at:.3f} s", flush=True)


class AsyncWorker(Timed, aio.Worker):
    pass


class BlockingWorker(Timed, sync.Worker):
    pass


def main(options: Options) -> None:
    logging.basicConfig(level=logging.WARNING)
    faulthandler.register(signal.SIGUSR1)  # says where all threads are
    ledger = os.open(options.ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(event: Counted) -> None:
        if event.poison:
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(ledger, f"{event.number} {os.getpid()} {event.key}\n".encode())

    async def count(event: Counted) -> None:
        await anyio.sleep(options.work)
        write(event)

    def count_blocking(event: Counted) -> None:
        time.sleep(options.work)
        write(event)

    events = EventMap()
    events.bind(Counted, count_blocking if options.side == "sync" else count)
    settings = {
        "concurrency": options.concurrency,
        "visibility_timeout": options.visibility,
        "drain_timeout": options.drain,
        "max_deliveries": options.max_deliveries,
        "retry": RetryPolicy(first_delay=0.05),
    }
    places = {"stream": STREAM, "group": GROUP, "partitions": options.partitions}
    if options.side == "sync":
        broker = BlockingRedisStreamsMessageBroker(options.url, **places)
        worker = BlockingWorker(sync.Mediator(RequestMap(), event_map=events), broker, **settings)
        worker.run()
        worker.say_how_long()
        broker.close()
    else:
        anyio.run(partial(run, events, options.url, places, settings), backend=options.side)


async def run(events: EventMap, url: str, places: dict[str, Any], settings: dict[str, Any]) -> None:
    broker = RedisStreamsMessageBroker(url, **places)
    worker = AsyncWorker(aio.Mediator(RequestMap(), event_map=events), broker, **settings)
    await worker.run()
    worker.say_how_long()
    await broker.aclose()


if __name__ == "__main__":
    main(Options(**json.loads(sys.argv[1])))
