"""Sharing round trips between threads: everybody gets his own outcome, and an interruption stops nobody else."""

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from diator._runtime.sync.group_commit import Done, GroupCommit
from diator.errors import BrokerUnavailable


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("frequent_switches")
@pytest.mark.parametrize("seed", range(5))
def test_interruptions_at_random_mix_nothing_up(seed: int) -> None:
    dice = random.Random(seed)
    sent: list[int] = []
    busy = threading.Semaphore(1)

    def start(items: Sequence[int], done: Done[int]) -> None:
        assert busy.acquire(blocking=False), "two round trips at a time"
        try:
            time.sleep(dice.choice([0, 0, 0.0005]))
            chance = dice.random()
            if chance < 0.05:
                raise KeyboardInterrupt
            if chance < 0.1:
                done(OSError("broken down"))
                return
            sent.extend(items)
            done([ValueError(item) if item % 97 == 0 else item * 2 for item in items])
        finally:
            busy.release()

    commit: GroupCommit[int, int] = GroupCommit(start, max_weight=dice.choice([1, 3, 10, 100]))

    def submit(item: int) -> str:
        try:
            return "ok" if commit.submit(item) == item * 2 else "mixed up"
        except ValueError as error:
            return "refused" if error.args == (item,) else "mixed up"
        except BrokerUnavailable:
            return "with somebody interrupted"
        except OSError:
            return "failed"
        except KeyboardInterrupt:
            return "interrupted"

    with ThreadPoolExecutor(16) as pool:
        outcomes = Counter(pool.map(submit, range(1, 1001)))
    assert outcomes["mixed up"] == 0
    assert outcomes.total() == 1000
    assert outcomes["ok"] > 500
    assert len(sent) == len(set(sent))
    assert (len(commit._queue), commit._queue.is_busy) == (0, False)


class Interruption(BaseException):
    """Stands for a Ctrl-C."""


def test_a_follower_that_is_interrupted_withdraws_and_lets_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    may_go = threading.Event()
    sent: list[str] = []

    def start(items: Sequence[str], done: Done[str]) -> None:
        assert may_go.wait(20)
        sent.extend(items)
        done(list(items))

    commit: GroupCommit[str, str] = GroupCommit(start)

    class Broken(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            raise Interruption

    with ThreadPoolExecutor(3) as pool:
        leader = pool.submit(commit.submit, "leader")
        while not commit._queue.is_busy:
            time.sleep(0.001)
        with monkeypatch.context() as patch:
            patch.setattr("diator._runtime.sync.group_commit.Event", Broken)
            with pytest.raises(Interruption):
                commit.submit("interrupted")
        follower = pool.submit(commit.submit, "follower")
        may_go.set()
        assert (leader.result(20), follower.result(20)) == ("leader", "follower")
    assert sent == ["leader", "follower"]
