"""Sharing round trips under cancellation: everybody gets his own outcome, nobody another's, and nothing gets stuck."""

import os
import random
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import anyio
import pytest

from diator._runtime.aio.group_commit import Done, GroupCommit
from diator._runtime.aio.loops import current_loop

SEEDS = range(150 if os.environ.get("DIATOR_LONG") else 15)


class Server:
    """Doubles numbers, refuses the multiples of 97, and sometimes breaks down.

    It works in tasks of its own, as a transport does: a caller that is cancelled does not stop it.
    """

    def __init__(self, seed: int, group: Any) -> None:
        self.random = random.Random(seed)
        self.group = group
        self.sent: list[int] = []
        self.busy = 0

    def start(self, items: Sequence[int], done: Done[int]) -> None:
        self.busy += 1
        assert self.busy == 1, "two round trips at a time"
        self.group.start_soon(self.work, items, done)

    async def work(self, items: Sequence[int], done: Done[int]) -> None:
        await anyio.sleep(self.random.choice([0, 0, 0.001, 0.003]))
        self.busy -= 1
        if self.random.random() < 0.05:
            done(OSError("broken down"))
            return
        self.sent += items
        done([ValueError(item) if item % 97 == 0 else item * 2 for item in items])


@pytest.mark.parametrize("seed", SEEDS)
async def test_cancelling_at_random_mixes_nothing_up(seed: int) -> None:
    outcomes: Counter[str] = Counter()
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            server = Server(seed, group)
            dice = server.random
            commit = GroupCommit(server.start, max_weight=dice.choice([1, 3, 10, 100]))

            async def submit(item: int, delay: float, patience: float) -> None:
                await anyio.sleep(delay)
                with anyio.move_on_after(patience) as scope:
                    try:
                        outcomes["ok" if await commit.submit(item) == item * 2 else "mixed up"] += 1
                    except ValueError as error:
                        outcomes["refused" if error.args == (item,) else "mixed up"] += 1
                    except OSError:
                        outcomes["failed"] += 1
                outcomes["cancelled"] += scope.cancelled_caught

            for item in range(1, 301):
                patience = dice.choice([0, 0.0005, 0.002, 0.01, 10])
                group.start_soon(submit, item, dice.random() * 0.02, patience)
        assert server.busy == 0
        queue = commit._line(current_loop()).queue
        assert (len(queue), queue.is_busy) == (0, False)
    assert outcomes["mixed up"] == 0
    assert outcomes.total() == 300
    assert len(server.sent) == len(set(server.sent))


async def test_who_is_cancelled_before_the_round_trip_is_never_sent() -> None:
    trips: list[tuple[Sequence[str], Done[None]]] = []
    commit: GroupCommit[str, None] = GroupCommit(lambda items, done: trips.append((items, done)))
    async with anyio.create_task_group() as group:
        group.start_soon(commit.submit, "first")
        await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0.01):
            await commit.submit("cancelled")
        group.start_soon(commit.submit, "second")
        await anyio.wait_all_tasks_blocked()
        trips[0][1]([None])
        trips[1][1]([None])
    assert [items for items, _ in trips] == [["first"], ["second"]]


async def test_a_cancelled_caller_does_not_wait_for_the_round_trip_and_others_go_on() -> None:
    trips: list[Done[str]] = []
    commit: GroupCommit[str, str] = GroupCommit(lambda items, done: trips.append(done))
    results: list[str] = []

    async def submit() -> None:
        results.append(await commit.submit("second"))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            with anyio.move_on_after(0.01) as scope:
                await commit.submit("first")
            assert scope.cancelled_caught
            group.start_soon(submit)
            await anyio.wait_all_tasks_blocked()
            assert len(trips) == 1
            trips[0](["nobody's"])
            trips[1](["own"])
    assert results == ["own"]


async def test_those_who_come_back_at_once_go_together_with_those_who_wait() -> None:
    sizes: list[int] = []

    async def work(items: Sequence[int], done: Done[int]) -> None:
        sizes.append(len(items))
        await anyio.sleep(0.001)
        done(items)

    async with anyio.create_task_group() as group:
        commit: GroupCommit[int, int] = GroupCommit(lambda items, done: group.start_soon(work, items, done))

        async def submit(item: int) -> None:
            for _ in range(10):
                assert await commit.submit(item) == item

        async with anyio.create_task_group() as submitters:
            for item in range(8):
                submitters.start_soon(submit, item)
    assert sizes == [1, 7, *[8] * 9]


def test_what_an_event_loop_left_behind_does_not_disturb_the_next(anyio_backend_name: str) -> None:
    trips: list[Done[int]] = []
    commit: GroupCommit[int, int] = GroupCommit(lambda items, done: trips.append(done))

    async def abandon() -> None:
        with anyio.move_on_after(0.001):
            await commit.submit(1)

    async def use() -> int:
        async with anyio.create_task_group() as group:
            group.start_soon(partial(anyio.sleep, 0))
            await anyio.sleep(0)

            async def answer() -> None:
                await anyio.sleep(0.001)
                trips[-1]([2])

            group.start_soon(answer)
            return await commit.submit(2)

    anyio.run(abandon, backend=anyio_backend_name)
    assert anyio.run(use, backend=anyio_backend_name) == 2


async def test_a_round_trip_that_cannot_be_started_fails_for_those_it_was_for_and_no_others() -> None:
    trips: list[Done[str]] = []

    def start(items: Sequence[str], done: Done[str]) -> None:
        if items[0].startswith("bad"):
            raise OSError("it cannot be started")
        trips.append(done)

    commit = GroupCommit(start, max_weight=1)
    outcomes: dict[str, object] = {}

    async def submit(item: str) -> None:
        try:
            outcomes[item] = await commit.submit(item)
        except OSError as error:
            outcomes[item] = str(error)

    with anyio.fail_after(10):
        await submit("bad")
        async with anyio.create_task_group() as group:
            for item in ("good", *[f"bad {number}" for number in range(2000)], "better"):
                group.start_soon(submit, item)
            await anyio.wait_all_tasks_blocked()
            trips[0](["first"])
            await anyio.wait_all_tasks_blocked()
            trips[1](["second"])
    assert (outcomes.pop("good"), outcomes.pop("better")) in {("first", "second"), ("second", "first")}
    assert len(outcomes) == 2001
    assert set(outcomes.values()) == {"it cannot be started"}
