"""The controlled schedules are what they say: reproducible, many, and quick."""

import asyncio
import time
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from . import schedules

both = pytest.mark.parametrize("backend", ["asyncio", "trio"])


async def _three_tasks() -> str:
    """Three tasks with three steps each; the result tells their order."""
    steps: list[str] = []

    async def task(name: str) -> None:
        for n in range(3):
            steps.append(f"{name}{n}")
            await checkpoint()

    async with anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(task, name)
    return " ".join(steps)


@both
def test_a_seed_stands_for_one_schedule(backend: schedules.Backend) -> None:
    for seed in range(20):
        assert schedules.run(backend, seed, _three_tasks) == schedules.run(backend, seed, _three_tasks)


@both
def test_many_seeds_stand_for_many_schedules(backend: schedules.Backend) -> None:
    seen = {schedules.run(backend, seed, _three_tasks) for seed in range(100)}
    assert len(seen) > 60


@both
def test_each_task_keeps_its_own_order(backend: schedules.Backend) -> None:
    for seed in range(20):
        steps = schedules.run(backend, seed, _three_tasks).split()
        assert all([s for s in steps if s[0] == name] == [f"{name}{n}" for n in range(3)] for name in "abc")


@both
def test_time_is_virtual(backend: schedules.Backend) -> None:
    async def sleep() -> float:
        start = anyio.current_time()
        await anyio.sleep(3600)
        return anyio.current_time() - start

    start = time.monotonic()
    assert schedules.run(backend, 0, sleep) >= 3600
    assert time.monotonic() - start < 10


@both
def test_timers_fire_in_the_order_of_their_times(backend: schedules.Backend) -> None:
    async def main() -> list[int]:
        woken: list[int] = []

        async def sleeper(seconds: int) -> None:
            await anyio.sleep(seconds)
            woken.append(seconds)

        async with anyio.create_task_group() as group:
            for seconds in (3, 1, 2):
                group.start_soon(sleeper, seconds)
        return woken

    for seed in range(10):
        assert schedules.run(backend, seed, main) == [1, 2, 3]


@both
def test_every_step_is_observed(backend: schedules.Backend) -> None:
    observed: list[int] = []
    schedules.run(backend, 0, _three_tasks, observe=observed.append)
    assert observed == list(range(1, len(observed) + 1))
    assert len(observed) >= 9


@both
def test_worker_threads_can_be_waited_for(backend: schedules.Backend) -> None:
    async def main() -> Any:
        return await anyio.to_thread.run_sync(time.sleep, 0.01)

    schedules.run(backend, 0, main)


@both
def test_errors_come_through(backend: schedules.Backend) -> None:
    async def main() -> None:
        raise LookupError("as it is")

    with pytest.raises(LookupError, match="as it is"):
        schedules.run(backend, 0, main)


def test_plain_callbacks_keep_their_order_on_asyncio() -> None:
    async def main() -> list[int]:
        called: list[int] = []
        loop = asyncio.get_running_loop()
        for n in range(10):
            loop.call_soon(called.append, n)
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(checkpoint)
        while len(called) < 10:
            await checkpoint()
        return called

    for seed in range(20):
        assert schedules.run("asyncio", seed, main) == list(range(10))


def test_a_deadlock_becomes_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """On trio, too, but there it leaves broken pieces behind."""
    monkeypatch.setattr(schedules, "PATIENCE", 0.2)

    async def main() -> None:
        await anyio.Event().wait()

    with pytest.raises(TimeoutError, match="deadlock"):
        schedules.run("asyncio", 0, main)
