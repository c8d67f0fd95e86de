"""Worker processes on a private Redis, and what they have done."""

import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from diator._core.envelope import to_message
from diator._core.serializers import JSONSerializer
from diator.sync.message_brokers.redis import RedisStreamsMessageBroker
from tests.servers.redis import RedisServer

from .worker_process import GROUP, STREAM, Counted, Options

ROOT = Path(__file__).parents[2]
#: Seconds after which a test gives up; everything here takes much less on a quiet machine.
PATIENCE = 120


class Crew:
    """Some workers of one group.

    Attributes:
        rng: The source of all that is random here.
        kills: How many workers were killed.
    """

    def __init__(self, server: RedisServer, options: Options, rng: random.Random, size: int) -> None:
        self.server = server
        self.options = options
        self.rng = rng
        self.kills = 0
        self.workers: list[subprocess.Popen[bytes]] = []
        self._log = Path(options.ledger).with_suffix(".log").open("ab")
        self.broker = RedisStreamsMessageBroker(server.url, stream=STREAM, group=GROUP, partitions=options.partitions)
        for _ in range(size):
            self.hire()

    def hire(self, **changes: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.faults.worker_process", replace(self.options, **changes).text()]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self._log, stderr=self._log)
        self.workers.append(worker)
        return worker

    def replace_dead(self) -> int:
        """Start a worker for each one that has died, and return how many had."""
        dead = [worker for worker in self.workers if worker.poll() is not None]
        for worker in dead:
            self.workers.remove(worker)
            self.hire()
        return len(dead)

    def kill_one(self) -> None:
        worker = self.rng.choice(self.workers)
        worker.kill()
        worker.wait()
        self.kills += 1
        self.replace_dead()

    def send(self, events: Iterable[Counted]) -> None:
        """Send events, each in a call of its own."""
        for event in events:
            self.broker.send_message(to_message(event))

    def stop(self) -> list[int]:
        """Ask all workers to stop, and return their exit codes."""
        for worker in self.workers:
            worker.send_signal(signal.SIGCONT)
            worker.terminate()
        codes = [self._wait_for(worker) for worker in self.workers]
        self.workers = []
        return codes

    def _wait_for(self, worker: subprocess.Popen[bytes]) -> int:
        try:
            return worker.wait(self.options.drain + 20)
        except subprocess.TimeoutExpired as error:
            worker.send_signal(signal.SIGUSR1)
            sleep(0.5)
            raise AssertionError(f"a worker does not stop; this is where it is:\n{self.log[-5000:]}") from error

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.broker.close()
        self._log.close()

    @property
    def log(self) -> str:
        return Path(self._log.name).read_text(errors="replace")

    # -- what was done

    def seconds_to_end(self) -> list[float]:
        """How long each worker that was asked to stop took to end."""
        return [float(seconds) for seconds in re.findall(r"^ended after (\S+) s$", self.log, re.MULTILINE)]

    def lines(self) -> list[list[str]]:
        """The ledger: number, process and key of all that was handled, in that order."""
        path = Path(self.options.ledger)
        return [line.split(" ") for line in path.read_text().splitlines()] if path.exists() else []

    def handled(self) -> Counter[int]:
        return Counter(int(line[0]) for line in self.lines())

    def pending(self) -> int:
        """How many messages were delivered and are not settled."""
        with self.server.client(decode_responses=True) as client:
            streams = [key for key in client.scan_iter(f"*{STREAM}*", _type="stream") if "dead" not in key]
            return sum(group["pending"] for stream in streams for group in client.xinfo_groups(stream))

    def dead(self) -> list[int]:
        """The numbers of the events among the dead letters."""
        found = self.broker.dead_letters.list(1000)
        return sorted(JSONSerializer().decode(each.body, each.headers).payload["number"] for each in found)

    def wait_until(self, done: Callable[[], object], *, keep_alive: bool = True) -> None:
        """Wait for something, and replace workers that die."""
        deadline = monotonic() + PATIENCE
        while not done():
            if keep_alive:
                self.replace_dead()
            assert monotonic() < deadline, (
                f"not done: {len(self.handled())} handled, {self.pending()} pending\n{self.log[-3000:]}"
            )
            sleep(0.05)

    def wait_until_all_is_handled(self, numbers: Iterable[int]) -> None:
        expected = set(numbers)
        self.wait_until(lambda: expected <= set(self.handled()) and self.pending() == 0)


@contextmanager
def crew(server: RedisServer, options: Options, seed: int, size: int) -> Iterator[Crew]:
    """Start some workers; say the seed if what follows fails."""
    group = Crew(server, options, random.Random(seed), size)
    try:
        yield group
    except BaseException as error:
        error.add_note(f"seed {seed} (DIATOR_FAULT_SEED), side {options.side}")
        raise
    finally:
        group.close()
