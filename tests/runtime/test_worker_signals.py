"""A signal stops a worker, whichever thread the system gives it to."""

import subprocess
import sys

import pytest

SCRIPT = """
import signal, threading, time
import anyio
from diator import {names}
from diator import EventMap, NotificationEvent, RequestMap

class Counted(NotificationEvent):
    pass

events = EventMap()

@events.handler
def count(event: Counted) -> None: ...

worker = side.Worker(side.Mediator(RequestMap(), event_map=events), side.InMemoryMessageBroker())

def interrupt():
    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # the worker has not begun
        time.sleep(0.01)
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(60)

threading.Thread(target=interrupt, daemon=True).start()
{run}
print("stopped", flush=True)
"""
RUNS = {
    "asyncio": ("aio as side", "anyio.run(worker.run)"),
    "trio": ("aio as side", "anyio.run(worker.run, backend='trio')"),
    "sync": ("sync as side", "worker.run()"),
}


@pytest.mark.parametrize("side", RUNS)
def test_a_signal_in_another_thread_stops_a_worker(side: str) -> None:
    names, run = RUNS[side]
    script = SCRIPT.format(names=names, run=run)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("stopped\n", "", 0)
