"""Nothing is lost, whatever happens to the processes: real workers on a real Redis that are killed, paused, stopped."""

import random
import signal
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import sleep

import pytest

from tests.servers.redis import RedisServer, running_redis
from tests.servers.seeds import seeds

from .crew import crew
from .worker_process import Counted, Options

SIDES = ("asyncio", "trio", "sync")
#: One run of each unless more are wanted: each starts several processes.
SEEDS = seeds(1)
#: The server writes every command to the disk before it answers, as nothing less loses nothing.
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
#: Seconds that a busy machine may take on top of what is promised.
BUSY = 0.7
#: A worker that was asked to stop ends well; one that had only just started, by the signal.
ENDED = {0, -signal.SIGTERM}

pytestmark = [pytest.mark.parametrize("seed", SEEDS), pytest.mark.parametrize("side", SIDES)]


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis("system", *DURABLE) as server:
        yield server


def options(side: str, server: RedisServer, tmp_path: Path, **more: object) -> Options:
    return Options(side=side, url=server.url, ledger=str(tmp_path / "ledger"), **more)  # type: ignore[arg-type]


def numbered(count: int, **more: object) -> list[Counted]:
    return [Counted(number=number, **more) for number in range(count)]  # type: ignore[arg-type]


def test_workers_that_are_killed_lose_nothing(side: str, seed: int, server: RedisServer, tmp_path: Path) -> None:
    count, kills = 1000, 14
    with crew(server, options(side, server, tmp_path), seed, size=3) as group:
        sent = iter(numbered(count))
        for kill in range(kills):
            group.send(islice(sent, count // kills))
            group.wait_until(lambda kill=kill: len(group.handled()) >= kill * count // kills // 2)  # type: ignore[misc]
            sleep(group.rng.uniform(0, 0.1))
            group.kill_one()
        group.send(sent)
        group.wait_until_all_is_handled(range(count))
        assert set(group.stop()) <= ENDED, group.log
        handled = group.handled()
        assert set(handled) == set(range(count))
        again = handled.total() - count
        assert again <= kills * group.options.concurrency, f"{again} were handled again after {kills} kills"
        assert group.dead() == []


def test_a_worker_that_hangs_longer_than_the_visibility_timeout_loses_nothing(
    side: str, seed: int, server: RedisServer, tmp_path: Path
) -> None:
    count, hangs = 300, 3
    with crew(server, options(side, server, tmp_path, work=0.01), seed, size=2) as group:
        sent = iter(numbered(count))
        for _ in range(hangs):
            group.send(islice(sent, count // hangs))
            hanging = group.rng.choice(group.workers)
            hanging.send_signal(signal.SIGSTOP)
            sleep(group.options.visibility * 2)
            hanging.send_signal(signal.SIGCONT)
        group.wait_until_all_is_handled(range(count))
        assert set(group.stop()) <= ENDED, group.log
        again = group.handled().total() - count
        assert again <= hangs * group.options.concurrency, f"{again} were handled again after {hangs} hangs"
        assert group.dead() == []


def test_a_server_that_is_killed_loses_nothing_that_it_has_taken(
    side: str, seed: int, server: RedisServer, tmp_path: Path
) -> None:
    kills, taken = 4, []
    with crew(server, options(side, server, tmp_path), seed, size=2) as group:
        rng = random.Random(seed)
        number = 0
        for _ in range(kills):
            until = number + rng.randrange(50, 150)
            while number < until:
                number += 1
                group.send([Counted(number=number)])
                taken.append(number)
            server.kill()
            sleep(rng.uniform(0, 0.5))
            server.start()
        group.wait_until_all_is_handled(taken)
        assert set(group.stop()) <= ENDED, group.log
        again = group.handled().total() - len(taken)
        assert again <= kills * group.options.concurrency * 2, f"{again} were handled again after {kills} kills"
        assert group.dead() == []


@pytest.mark.parametrize("max_deliveries", [1, 2, 4])
def test_what_kills_the_process_ends_in_the_dead_letters_and_nothing_else_does(
    side: str, seed: int, max_deliveries: int, server: RedisServer, tmp_path: Path
) -> None:
    count = 200
    poison = {17, 18, 140}
    # what stands still for longer than that has used up one of its deliveries, too
    limits = {"visibility": 2.0 / max_deliveries, "max_deliveries": max_deliveries}
    with crew(server, options(side, server, tmp_path, **limits), seed, size=2) as group:
        group.send(Counted(number=number, poison=number in poison) for number in range(count))
        healthy = set(range(count)) - poison
        group.wait_until(lambda: healthy <= set(group.handled()) and group.pending() == 0)
        group.wait_until(lambda: len(group.dead()) == len(poison))
        assert set(group.stop()) <= ENDED, group.log
        assert group.dead() == sorted(poison)
        assert set(group.handled()) == healthy


def test_the_order_of_each_key_survives_the_death_of_its_worker(
    side: str, seed: int, server: RedisServer, tmp_path: Path
) -> None:
    count, keys, kills = 400, 8, 4
    with crew(server, options(side, server, tmp_path, partitions=4), seed, size=3) as group:
        sent = iter([Counted(number=number, key=f"key{number % keys}") for number in range(count)])
        for _ in range(kills):
            group.send(islice(sent, count // kills))
            sleep(group.rng.uniform(0.1, 0.5))
            group.kill_one()
        group.send(sent)
        group.wait_until_all_is_handled(range(count))
        assert set(group.stop()) <= ENDED, group.log
        first_times: dict[str, list[int]] = defaultdict(list)
        for number, _, key in group.lines():
            if int(number) not in first_times[key]:
                first_times[key].append(int(number))
        assert len(first_times) == keys
        for key, numbers in first_times.items():
            assert numbers == sorted(numbers), key


def test_a_worker_that_is_asked_to_stop_finishes_what_it_has_begun(
    side: str, seed: int, server: RedisServer, tmp_path: Path
) -> None:
    count = 60
    with crew(server, options(side, server, tmp_path, work=0.3, concurrency=4), seed, size=1) as group:
        group.send(numbered(count))
        group.wait_until(lambda: len(group.handled()) >= 4)
        assert group.stop() == [0], group.log
        [seconds] = group.seconds_to_end()
        assert seconds < group.options.work + 1 + BUSY, "what the handlers took, and a second"
        handled = group.handled()
        assert handled.total() == len(handled) < count
        group.hire(work=0.0)
        group.wait_until_all_is_handled(range(count))
        assert group.handled().total() == count, "nothing was handled twice"


def test_a_worker_whose_handlers_do_not_end_leaves_them_to_others(
    side: str, seed: int, server: RedisServer, tmp_path: Path
) -> None:
    with crew(server, options(side, server, tmp_path, work=600, drain=1, concurrency=4), seed, size=1) as group:
        group.send(numbered(10))
        group.wait_until(lambda: group.pending() >= 4)
        sleep(0.5)
        group.workers[0].terminate()
        group.workers[0].wait(30)
        [seconds] = group.seconds_to_end()
        assert seconds < group.options.drain + 1 + BUSY, "the deadline, and a second"
        group.workers.clear()
        assert group.handled().total() == 0
        group.hire(work=0.0)
        group.wait_until_all_is_handled(range(10))
