"""What trio lacks: functions that wait for their turn, and a short way in for other threads."""

import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
import trio.testing

from diator._runtime.trio_run import TrioRun


def test_there_is_one_for_each_run() -> None:
    async def main() -> tuple[TrioRun, TrioRun]:
        return TrioRun.current(), TrioRun.current()

    one, same = trio.run(main)
    other, _ = trio.run(main)
    assert one is same
    assert one is not other


def test_a_function_waits_for_all_tasks_that_have_been_woken() -> None:
    """Trio shuffles the tasks of a round, so it is tried many times."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(200):
                ran: list[str] = []
                called, woken = trio.Event(), trio.Event()

                async def wait(woken: trio.Event = woken, ran: list[str] = ran) -> None:
                    await woken.wait()
                    ran.append("task")

                for _ in range(5):
                    nursery.start_soon(wait)
                await trio.testing.wait_all_tasks_blocked()
                woken.set()
                TrioRun.current().call_soon(lambda ran=ran, called=called: (ran.append("function"), called.set()))
                await called.wait()
                assert ran == [*["task"] * 5, "function"]

    trio.run(main)


def test_functions_called_soon_keep_their_order_and_may_call_others() -> None:
    async def main() -> list[int]:
        loop, ran, over = TrioRun.current(), list[int](), trio.Event()

        def second() -> None:
            ran.append(2)
            loop.call_soon(over.set)

        loop.call_soon(lambda: ran.append(1))
        loop.call_soon(second)
        with trio.fail_after(10):
            await over.wait()
        return ran

    assert trio.run(main) == [1, 2]


def test_functions_of_many_threads_all_run_in_order() -> None:
    async def main() -> None:
        loop, ran, over = TrioRun.current(), list[tuple[int, int]](), trio.Event()

        def send(thread: int) -> None:
            for number in range(2000):
                loop.call_soon_threadsafe(take, thread, number)

        def take(thread: int, number: int) -> None:
            assert trio.lowlevel.in_trio_run()
            ran.append((thread, number))
            if len(ran) == 8000:
                over.set()

        threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        with trio.fail_after(60):
            await over.wait()
        for thread in threads:
            thread.join()
        assert sorted(ran, key=lambda pair: pair[0]) == [(thread, n) for thread in range(4) for n in range(2000)]

    trio.run(main)


def test_a_function_for_a_run_that_has_ended_is_refused() -> None:
    async def main() -> TrioRun:
        return TrioRun.current()

    loop = trio.run(main)
    with pytest.raises(RuntimeError):
        loop.call_soon_threadsafe(print)


@pytest.mark.parametrize("is_known", [True, False])
def test_functions_run_while_the_run_is_ending(is_known: bool) -> None:
    """An asynchronous generator that nobody has closed ends after all tasks."""
    ran: list[str] = []

    async def endless() -> AsyncIterator[None]:
        try:
            yield
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(10):
                soon, posted = trio.Event(), trio.Event()
                TrioRun.current().call_soon(soon.set)
                await soon.wait()
                ran.append("soon")
                threading.Thread(target=TrioRun.current().call_soon_threadsafe, args=(posted.set,)).start()
                await posted.wait()
                ran.append("posted")

    async def main() -> Any:
        if is_known:
            TrioRun.current()
        generator = endless()
        await anext(generator)
        return generator  # not collected before the run has ended

    trio.run(main)
    assert ran == ["soon", "posted"]


def test_what_comes_at_the_very_end_still_runs() -> None:
    """Trio ends its system tasks, and ours among them, in any order, so it is tried many times."""

    async def end(loop: TrioRun, ran: list[str]) -> None:
        try:
            await trio.sleep_forever()
        finally:
            loop.call_soon(lambda: ran.append("soon"))
            loop.call_soon_threadsafe(ran.append, "posted")

    async def main(ran: list[str]) -> None:
        loop = TrioRun.current()
        trio.lowlevel.spawn_system_task(end, loop, ran)
        await trio.testing.wait_all_tasks_blocked()

    for _ in range(50):
        ran: list[str] = []
        trio.run(main, ran)
        assert sorted(ran) == ["posted", "soon"]
