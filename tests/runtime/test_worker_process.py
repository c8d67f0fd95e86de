"""Workers in processes of their own, which get signals."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

PATIENCE = 30

SCRIPT = """
import sys, time
from dataclasses import dataclass
import anyio
from diator import EventMap, NotificationEvent, RequestMap
from diator.message_brokers import to_message

@dataclass(frozen=True, kw_only=True)
class Work(NotificationEvent):
    seconds: float

events = EventMap()

def say(*words):
    print(*words, flush=True)

async def handle_async(event: Work):
    say("begun")
    try:
        await anyio.sleep(event.seconds)
    except BaseException:
        say("cancelled")
        raise
    say("ended")

def handle_def(event: Work):
    say("begun")
    time.sleep(event.seconds)
    say("ended")

side, colour, seconds, drain_timeout = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
events.bind(Work, handle_async if colour == "async" else handle_def)

if colour == "async":  # what is cancelled ends, however slow the machine is
    from diator.aio import worker as aio_worker
    from diator.sync import worker as sync_worker
    aio_worker.GRACE = sync_worker.GRACE = 20

async def main_async():
    from diator.aio import InMemoryMessageBroker, Mediator, Worker
    broker = InMemoryMessageBroker()
    await broker.send_message(to_message(Work(seconds=seconds)))
    await Worker(Mediator(RequestMap(), event_map=events), broker, drain_timeout=drain_timeout).run()
    say("left", len(broker))

def main_sync():
    from diator.sync import InMemoryMessageBroker, Mediator, Worker
    broker = InMemoryMessageBroker()
    broker.send_message(to_message(Work(seconds=seconds)))
    Worker(Mediator(RequestMap(), event_map=events), broker, drain_timeout=drain_timeout).run()
    say("left", len(broker))

if side == "sync":
    main_sync()
else:
    anyio.run(main_async, backend=side)
say("bye")
"""

SIDES = ["asyncio", "trio", "sync"]


@contextmanager
def working(
    side: str, *, seconds: float, drain_timeout: float, colour: str = "async"
) -> Iterator["subprocess.Popen[str]"]:
    """A worker that is running a handler which takes so long."""
    command = [sys.executable, "-W", "error", "-c", SCRIPT, side, colour, str(seconds), str(drain_timeout)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n", process.stderr and process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate()


def output(process: "subprocess.Popen[str]", warned: str = "") -> list[str]:
    """What it still says; it must end by itself, and well."""
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (stderr, process.returncode) == (warned, 0)
    return stdout.splitlines()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_handlers_end(side: str, number: signal.Signals) -> None:
    with working(side, seconds=0.5, drain_timeout=PATIENCE) as process:
        process.send_signal(number)
        assert output(process) == ["ended", "left 0", "bye"]


@pytest.mark.parametrize("side", SIDES)
def test_at_the_deadline_handlers_are_cancelled_and_the_message_is_left(side: str) -> None:
    with working(side, seconds=1000, drain_timeout=0.3) as process:
        process.send_signal(signal.SIGTERM)
        assert output(process) == ["cancelled", "left 1", "bye"]


@pytest.mark.parametrize("side", SIDES)
def test_a_second_signal_cancels_at_once(side: str) -> None:
    with working(side, seconds=1000, drain_timeout=1000) as process:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert output(process) == ["cancelled", "left 1", "bye"]


def test_a_thread_that_cannot_be_cancelled_does_not_keep_the_process() -> None:
    with working("sync", seconds=1000, drain_timeout=0.3, colour="def") as process:
        process.send_signal(signal.SIGTERM)
        warned = "1 messages are still in progress: their handlers take no notice of being cancelled\n"
        assert output(process, warned) == ["left 1", "bye"]
