import asyncio
import contextvars
import gc
import signal
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Literal

import anyio
import pytest
import trio

from diator._runtime.loop_thread import LoopThread
from diator.errors import BlockingCallError, MissingExtraError, ReentrancyError, RunningLoopError

Backend = Literal["asyncio", "trio"]

#: Seconds after which a test that would wait for ever fails.
PATIENCE = 20.0

color: contextvars.ContextVar[str] = contextvars.ContextVar("color")


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> Backend:
    return request.param


@pytest.fixture
def runner(backend: Backend) -> Iterator[LoopThread]:
    runner = LoopThread(backend)
    yield runner
    runner.close()


async def double(number: int) -> int:
    await anyio.sleep(0)
    return 2 * number


async def current_thread() -> threading.Thread:
    return threading.current_thread()


def started(before: set[threading.Thread]) -> set[threading.Thread]:
    """The threads that have come since then; others, which earlier tests have left, may end meanwhile."""
    return set(threading.enumerate()) - before


async def until(flag: threading.Event) -> None:
    while not flag.is_set():
        await anyio.sleep(0.002)


def in_thread(function: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def joined(thread: threading.Thread) -> bool:
    thread.join(PATIENCE)
    return not thread.is_alive()


# -- the thread


def test_runs_a_coroutine_function_and_returns_its_result(runner: LoopThread) -> None:
    assert runner.run(double, 21) == 42


def test_the_loop_is_the_chosen_one(runner: LoopThread, backend: Backend) -> None:
    async def library() -> str:
        return "trio" if trio.lowlevel.in_trio_run() else "asyncio" if asyncio.get_running_loop() else ""

    assert runner.run(library) == backend


def test_the_first_call_starts_one_daemon_thread_that_serves_all(backend: Backend) -> None:
    before = set(threading.enumerate())
    runner = LoopThread(backend)
    runner.check()
    assert not started(before)
    thread = runner.run(current_thread)
    assert runner.run(current_thread) is thread is not threading.current_thread()
    assert thread.daemon
    assert started(before) == {thread}
    runner.close()


def test_an_unknown_backend_is_refused_at_construction() -> None:
    with pytest.raises(ValueError, match="unknown backend 'curio': use 'asyncio' or 'trio'"):
        LoopThread("curio")  # type: ignore[arg-type]


def test_a_missing_trio_is_reported_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trio", None)
    runner, before = LoopThread("trio"), set(threading.enumerate())
    for attempt in (runner.check, lambda: runner.run(double, 1)):
        with pytest.raises(MissingExtraError, match=r'pip install "diator\[trio\]"') as caught:
            attempt()
        assert caught.value.name == "trio"
    assert not started(before)


def test_a_dropped_runner_stops_its_thread(backend: Backend) -> None:
    runner = LoopThread(backend)
    thread, ref = runner.run(current_thread), weakref.ref(runner)
    del runner
    gc.collect()
    assert ref() is None
    assert joined(thread)


def test_a_runner_that_is_dropped_during_a_call_stops_its_thread_afterwards(backend: Backend) -> None:
    box = [LoopThread(backend)]

    async def drop() -> threading.Thread:
        box.clear()
        return threading.current_thread()

    thread = box[0].run(drop)
    assert joined(thread)


def test_a_thread_that_cannot_start_is_a_clear_error_and_the_next_call_tries_again(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    runner = LoopThread(backend)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(BlockingCallError, match="cannot start a thread"):
            runner.run(double, 1)
    assert runner.run(double, 1) == 2
    runner.close()


def test_a_loop_that_cannot_start_is_a_clear_error_and_the_next_call_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise OSError(24, "Too many open files")

    runner = LoopThread("asyncio")
    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "Runner", fail)
        with pytest.raises(BlockingCallError, match="could not start") as caught:
            runner.run(double, 1)
    assert isinstance(caught.value.__cause__, OSError)
    assert runner.run(double, 1) == 2
    runner.close()


def test_a_trio_loop_that_breaks_cancels_its_calls_and_the_next_call_has_a_new_one() -> None:
    runner = LoopThread("trio")
    threads: list[threading.Thread] = []

    async def break_loop() -> None:
        threads.append(threading.current_thread())
        trio.lowlevel.current_trio_token().run_sync_soon(divmod, 1, 0)
        await trio.sleep(PATIENCE)

    with pytest.raises(trio.Cancelled):
        runner.run(break_loop)
    assert joined(threads[0])
    assert runner.run(double, 1) == 2
    runner.close()


# -- exceptions


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no"),
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        asyncio.CancelledError(),
        BaseExceptionGroup("both", [ValueError(), SystemExit()]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_exception_reaches_the_caller_and_the_loop_lives_on(runner: LoopThread, error: BaseException) -> None:
    async def fail() -> None:
        await anyio.sleep(0)
        raise error

    thread = runner.run(current_thread)
    with pytest.raises(type(error)) as caught:
        runner.run(fail)
    assert caught.value is error
    assert runner.run(current_thread) is thread


def test_a_function_that_fails_before_its_coroutine_exists_fails_in_the_caller(runner: LoopThread) -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        runner.run(double)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_an_exit_in_a_task_of_the_handler_reaches_the_caller_and_the_loop_lives_on(
    runner: LoopThread, error: type[BaseException]
) -> None:
    async def fail() -> None:
        raise error

    async def handler() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(fail)

    thread = runner.run(current_thread)
    with pytest.raises((error, BaseExceptionGroup)) as caught:
        runner.run(handler)
    assert isinstance(caught.value, error) or caught.group_contains(error)
    assert runner.run(current_thread) is thread


def test_a_handler_that_stops_the_loop_does_not_stop_it() -> None:
    runner = LoopThread("asyncio")

    async def stop() -> threading.Thread:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0.001)
        return threading.current_thread()

    assert runner.run(stop) is runner.run(current_thread)
    runner.close()


def test_the_traceback_leads_from_the_caller_into_the_handler(runner: LoopThread) -> None:
    def at_home() -> None:
        raise LookupError

    async def handler() -> None:
        await runner.call_home(at_home)

    with pytest.raises(LookupError) as caught:
        runner.run(handler)
    names = [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert names[:2] == ["test_the_traceback_leads_from_the_caller_into_the_handler", "run"]
    assert names.index("handler") < names.index("at_home") == len(names) - 1
    assert caught.value.__cause__ is caught.value.__context__ is None


class Thing:
    """Something that a weak reference can watch."""


def test_nothing_of_a_call_outlives_it(runner: LoopThread) -> None:
    things: list[weakref.ref[Thing]] = []

    def watched() -> Thing:
        thing = Thing()
        things.append(weakref.ref(thing))
        return thing

    def at_home(argument: Thing) -> Thing:
        local = watched()  # noqa: F841
        if len(things) > 4:
            raise LookupError
        return watched()

    async def handler(argument: Thing) -> Thing:
        local = watched()  # noqa: F841
        return await runner.call_home(at_home, watched())

    runner.run(double, 1)
    gc.collect()
    gc.disable()
    try:
        runner.run(handler, watched())
        with suppress(LookupError):
            runner.run(handler, watched())
        assert len(things) == 9
        runner.run(double, 1)  # by then the loop has left the steps of the calls before
        assert [thing() for thing in things] == [None] * 9
    finally:
        gc.enable()


# -- context variables


def test_the_handler_sees_the_callers_values_and_the_caller_sees_the_handlers(runner: LoopThread) -> None:
    async def handler() -> str:
        seen = color.get()
        await anyio.sleep(0)
        color.set("blue")
        return seen

    def call() -> tuple[str, str]:
        color.set("red")
        return runner.run(handler), color.get()

    assert contextvars.Context().run(call) == ("red", "blue")


def test_the_caller_sees_what_a_failing_handler_has_set(runner: LoopThread) -> None:
    async def handler() -> None:
        color.set("blue")
        raise ValueError

    def call() -> str:
        with pytest.raises(ValueError):  # noqa: PT011
            runner.run(handler)
        return color.get()

    assert contextvars.Context().run(call) == "blue"


def test_a_value_that_the_handler_takes_back_does_not_reach_the_caller(runner: LoopThread) -> None:
    async def handler() -> None:
        token = color.set("blue")
        await anyio.sleep(0)
        color.reset(token)

    def call(start: str | None) -> str | None:
        if start is not None:
            color.set(start)
        runner.run(handler)
        return color.get(None)

    assert contextvars.Context().run(call, None) is None
    assert contextvars.Context().run(call, "red") == "red"


def test_the_caller_keeps_its_right_to_reset_what_the_handler_has_set(runner: LoopThread) -> None:
    async def handler() -> None:
        color.set("blue")

    def call() -> str | None:
        token = color.set("red")
        runner.run(handler)
        color.reset(token)
        return color.get(None)

    assert contextvars.Context().run(call) is None


def test_the_contexts_of_two_threads_never_mix(runner: LoopThread) -> None:
    barrier = threading.Barrier(2)

    async def handler(name: str) -> str:
        before = color.get()
        await anyio.sleep(0)
        color.set(f"{before}, handled")
        await anyio.sleep(0)
        return color.get()

    def call(name: str) -> set[tuple[str, str]]:
        barrier.wait(PATIENCE)
        results = set()
        for _ in range(100):
            color.set(name)
            results.add((runner.run(handler, name), color.get()))
        return results

    with ThreadPoolExecutor(2) as pool:
        for name, results in zip("ab", pool.map(call, "ab"), strict=True):
            assert results == {(f"{name}, handled", f"{name}, handled")}


def test_the_loop_itself_has_nothing_of_the_context_of_its_first_caller(runner: LoopThread, backend: Backend) -> None:
    async def outside_of_the_call() -> str | None:
        if backend == "trio":
            found: list[str | None] = []
            done = trio.Event()

            async def look() -> None:
                found.append(color.get(None))
                done.set()

            trio.lowlevel.spawn_system_task(look)
            await done.wait()
            return found[0]
        (main,) = asyncio.all_tasks() - {asyncio.current_task()}
        return main.get_context().get(color)  # type: ignore[attr-defined]

    if backend == "asyncio" and sys.version_info < (3, 12):
        pytest.skip("asyncio shows no task's context before Python 3.12")
    color_before = color.set("red")
    assert runner.run(outside_of_the_call) is None
    color.reset(color_before)


# -- calling home


def test_home_is_the_thread_of_the_caller(runner: LoopThread) -> None:
    local = threading.local()
    local.value = "mine"

    async def handler() -> tuple[int, str]:
        return await runner.call_home(lambda: (threading.get_ident(), local.value))

    assert runner.run(handler) == (threading.get_ident(), "mine")


def test_home_shares_the_context_variables_of_the_task(runner: LoopThread) -> None:
    seen: list[str | None] = []

    def at_home(value: str) -> None:
        seen.append(color.get(None))
        color.set(value)

    async def handler() -> None:
        color.set("red")
        await runner.call_home(at_home, "green")
        seen.append(color.get(None))
        color.set("blue")
        await runner.call_home(at_home, "black")
        seen.append(color.get(None))

    def call() -> str | None:
        runner.run(handler)
        return color.get(None)

    assert contextvars.Context().run(call) == "black"
    assert seen == ["red", "green", "blue", "black"]


@pytest.mark.parametrize("start", [None, "white"])
def test_a_value_that_is_set_at_home_can_be_reset_there_later(runner: LoopThread, start: str | None) -> None:
    seen: list[str | None] = []

    @contextmanager
    def painted() -> Iterator[None]:
        token = color.set("red")
        yield
        color.reset(token)

    async def handler() -> None:
        paint = painted()
        await runner.call_home(paint.__enter__)
        seen.append(color.get(None))
        await runner.call_home(paint.__exit__, None, None, None)
        seen.append(color.get(None))

    def call() -> str | None:
        if start is not None:
            color.set(start)
        runner.run(handler)
        return color.get(None)

    assert contextvars.Context().run(call) == start
    assert seen == ["red", start]


def test_a_value_that_the_task_resets_is_gone_at_home(runner: LoopThread) -> None:
    async def handler() -> list[str | None]:
        token = color.set("red")
        seen = [await runner.call_home(color.get, None)]
        color.reset(token)
        return [*seen, await runner.call_home(color.get, None)]

    assert contextvars.Context().run(runner.run, handler) == ["red", None]


def test_home_code_of_child_tasks_keeps_their_contexts_apart(runner: LoopThread) -> None:
    async def child(name: str, seen: list[str]) -> None:
        for step in range(3):
            await runner.call_home(color.set, f"{name}{step}")
            seen.append(await runner.call_home(color.get))

    async def handler() -> list[str]:
        color.set("main")
        lists: list[list[str]] = [[], []]
        async with anyio.create_task_group() as group:
            for name, seen in zip("ab", lists, strict=True):
                group.start_soon(child, name, seen)
        return [*lists[0], *lists[1], await runner.call_home(color.get)]

    result = contextvars.Context().run(runner.run, handler)
    assert result == ["a0", "a1", "a2", "b0", "b1", "b2", "main"]


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_every_exception_at_home_reaches_the_awaiting_coroutine(runner: LoopThread, error: type[BaseException]) -> None:
    def fail() -> None:
        raise error

    async def handler() -> str:
        try:
            await runner.call_home(fail)
        except error:
            return "caught"
        return ""

    assert runner.run(handler) == "caught"


def test_home_code_may_run_again_to_any_depth(runner: LoopThread) -> None:
    def at_home(depth: int) -> list[int]:
        return [threading.get_ident(), *(runner.run(handler, depth - 1) if depth else [])]

    async def handler(depth: int) -> list[int]:
        return await runner.call_home(at_home, depth)

    assert runner.run(handler, 10) == [threading.get_ident()] * 11


class Cancelling:
    """Cancels a handler while its code at home runs, and goes on when the cancellation has been delivered."""

    def __init__(self, runner: LoopThread) -> None:
        self.runner = runner
        self.running = threading.Event()
        self.cancelled = threading.Event()
        self.returned = False

    def at_home(self, error: type[BaseException] | None = None) -> str:
        self.running.set()
        assert self.cancelled.wait(PATIENCE)
        self.returned = True
        if error is not None:
            raise error
        return "result"

    async def cancel(self, cancel: Callable[[], object]) -> None:
        await until(self.running)
        cancel()
        for _ in range(3):
            await anyio.sleep(0)
        self.cancelled.set()


def test_a_cancelled_task_waits_for_its_code_at_home(runner: LoopThread) -> None:
    cancelling = Cancelling(runner)

    async def handler() -> bool:
        async with anyio.create_task_group() as group:
            with anyio.CancelScope() as scope:
                group.start_soon(cancelling.cancel, scope.cancel)
                await runner.call_home(cancelling.at_home)
                await anyio.sleep(PATIENCE)
            assert cancelling.returned
        return scope.cancelled_caught

    assert runner.run(handler)


def test_a_cancelled_task_that_waits_for_its_code_at_home_does_not_spin(runner: LoopThread) -> None:
    async def handler() -> float:
        await runner.call_home(int)
        with anyio.CancelScope() as scope:
            scope.cancel()
            before = time.thread_time()
            try:
                await runner.call_home(time.sleep, 0.3)
            finally:
                spent = time.thread_time() - before
        return spent

    assert runner.run(handler) < 0.1


def test_a_task_that_asyncio_cancels_waits_for_its_code_at_home() -> None:
    runner = LoopThread("asyncio")
    cancelling = Cancelling(runner)

    async def handler() -> None:
        task = asyncio.create_task(runner.call_home(cancelling.at_home))
        await cancelling.cancel(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cancelling.returned

    runner.run(handler)
    runner.close()


def test_an_error_at_home_is_worth_more_than_a_cancellation(runner: LoopThread) -> None:
    cancelling = Cancelling(runner)

    async def handler() -> None:
        async with anyio.create_task_group() as group:
            with anyio.CancelScope() as scope:
                group.start_soon(cancelling.cancel, scope.cancel)
                with pytest.raises(LookupError):
                    await runner.call_home(cancelling.at_home, LookupError)

    runner.run(handler)


def test_an_asyncio_timeout_keeps_its_meaning_around_code_at_home() -> None:
    runner = LoopThread("asyncio")
    cancelling = Cancelling(runner)

    async def handler() -> None:
        async with asyncio.TaskGroup() as group, asyncio.timeout(None) as timeout:
            expire = lambda: timeout.reschedule(0)  # noqa: E731
            group.create_task(cancelling.cancel(expire))
            await runner.call_home(cancelling.at_home)

    with pytest.raises(BaseExceptionGroup) as caught:
        runner.run(handler)
    assert caught.group_contains(TimeoutError)
    assert cancelling.returned
    runner.close()


def test_calling_home_outside_of_run_is_a_clear_error(runner: LoopThread, backend: Backend) -> None:
    with pytest.raises(BlockingCallError, match="only inside LoopThread"):
        anyio.run(runner.call_home, int, backend=backend)


def test_calling_home_from_a_loop_that_the_handler_has_started_elsewhere_is_a_clear_error(
    runner: LoopThread, backend: Backend
) -> None:
    async def handler() -> None:
        await anyio.to_thread.run_sync(lambda: anyio.run(runner.call_home, int, backend=backend))

    with pytest.raises(BlockingCallError, match="on its loop"):
        runner.run(handler)


def test_calling_home_after_the_call_has_ended_is_a_clear_error() -> None:
    runner = LoopThread("asyncio")
    ended = threading.Event()
    tasks: list[asyncio.Task[int]] = []

    async def later() -> int:
        await until(ended)
        return await runner.call_home(int)

    async def handler() -> None:
        tasks.append(asyncio.create_task(later()))

    async def wait() -> int:
        return await tasks[0]

    runner.run(handler)
    ended.set()
    with pytest.raises(BlockingCallError, match="while its caller waits"):
        runner.run(wait)
    runner.close()


def test_code_that_a_background_task_has_sent_home_in_time_runs() -> None:
    runner = LoopThread("asyncio")
    tasks: list[asyncio.Task[int]] = []

    async def handler() -> None:
        tasks.append(asyncio.create_task(runner.call_home(threading.get_ident)))
        await asyncio.sleep(0)

    async def wait() -> int:
        return await tasks[0]

    runner.run(handler)
    assert runner.run(wait) == threading.get_ident()
    runner.close()


# -- places where nobody may wait


def test_a_thread_that_runs_a_loop_is_refused_before_anything_starts(backend: Backend) -> None:
    async def main() -> None:
        for attempt in (runner.check, lambda: runner.run(double, 1)):
            with pytest.raises(RunningLoopError, match=rf"running {backend}.*diator\.aio.*`def`"):
                attempt()

    for chosen in ("asyncio", "trio"):
        runner, before = LoopThread(chosen), set(threading.enumerate())
        anyio.run(main, backend=backend)
        assert not started(before)


def test_the_loop_thread_itself_is_refused(runner: LoopThread) -> None:
    async def handler() -> None:
        for attempt in (runner.check, lambda: runner.run(double, 1)):
            with pytest.raises(ReentrancyError, match="await the call"):
                attempt()

    runner.run(handler)


def test_the_loop_thread_of_another_runner_is_refused(runner: LoopThread) -> None:
    other = LoopThread()

    async def handler() -> None:
        with pytest.raises(RunningLoopError):
            other.run(double, 1)

    runner.run(handler)


def test_a_worker_thread_of_the_handler_may_run(runner: LoopThread) -> None:
    async def handler() -> int:
        return await anyio.to_thread.run_sync(runner.run, double, 21)

    assert runner.run(handler) == 42


# -- interruptions


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """What presses Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    ident = threading.main_thread().ident
    assert ident is not None
    yield lambda: signal.pthread_kill(ident, signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_cancels_the_handler_and_waits_for_its_clean_up(runner: LoopThread, ctrl_c: Callable[[], None]) -> None:
    log: list[str] = []

    async def handler() -> None:
        try:
            ctrl_c()
            await anyio.sleep(PATIENCE)
        finally:
            color.set("clean")
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.02)
                await runner.call_home(log.append, "home")
            log.append("cleaned up")

    def call() -> str | None:
        with pytest.raises(KeyboardInterrupt) as caught:
            runner.run(handler)
        assert "Cancelled" in type(caught.value.__context__).__name__  # tells where the handler was
        return color.get(None)

    thread = runner.run(current_thread)
    assert contextvars.Context().run(call) == "clean"
    assert log == ["home", "cleaned up"]
    assert runner.run(current_thread) is thread


def test_ctrl_c_before_the_handler_has_begun_is_not_forgotten(runner: LoopThread, ctrl_c: Callable[[], None]) -> None:
    entered, completed = threading.Event(), threading.Event()

    async def block_the_loop() -> None:
        entered.set()
        time.sleep(0.1)
        ctrl_c()
        time.sleep(0.1)

    async def handler() -> None:
        await anyio.sleep(PATIENCE)
        completed.set()

    blocker = in_thread(lambda: runner.run(block_the_loop))
    with pytest.raises(KeyboardInterrupt):
        assert entered.wait(PATIENCE)
        runner.run(handler)
    assert joined(blocker)
    assert not completed.is_set()


def test_an_error_of_the_clean_up_is_the_context_of_the_interruption(
    runner: LoopThread, ctrl_c: Callable[[], None]
) -> None:
    async def handler() -> None:
        try:
            ctrl_c()
            await anyio.sleep(PATIENCE)
        finally:
            raise LookupError

    with pytest.raises(KeyboardInterrupt) as caught:
        runner.run(handler)
    assert isinstance(caught.value.__context__, LookupError)


def test_ctrl_c_in_code_at_home_reaches_the_handler_first(runner: LoopThread, ctrl_c: Callable[[], None]) -> None:
    log: list[str] = []

    def at_home() -> None:
        ctrl_c()
        threading.Event().wait(PATIENCE)

    async def handler() -> None:
        try:
            await runner.call_home(at_home)
        except KeyboardInterrupt:
            log.append("rolled back")
            raise

    with pytest.raises(KeyboardInterrupt):
        runner.run(handler)
    assert log == ["rolled back"]


def test_a_second_ctrl_c_abandons_a_clean_up_that_hangs(runner: LoopThread, ctrl_c: Callable[[], None]) -> None:
    release, ended = threading.Event(), threading.Event()
    log: list[str] = []

    async def handler() -> None:
        try:
            ctrl_c()
            await anyio.sleep(PATIENCE)
        finally:
            with anyio.CancelScope(shield=True):
                ctrl_c()
                await until(release)
                try:
                    await runner.call_home(log.append, "home")
                except BlockingCallError:
                    log.append("refused")
            ended.set()

    with pytest.raises(KeyboardInterrupt) as caught:
        runner.run(handler)
    assert isinstance(caught.value.__context__, KeyboardInterrupt)
    assert not ended.is_set()
    assert runner.run(double, 1) == 2
    release.set()
    runner.close()  # waits for the abandoned call
    assert ended.is_set()
    assert log == ["refused"]


# -- many threads


def test_each_of_many_threads_gets_its_own_results_and_errors(runner: LoopThread) -> None:
    barrier = threading.Barrier(32)

    async def handler(number: int) -> int:
        if number % 3 == 0:
            await anyio.sleep(0)
        if number % 5 == 0:
            raise LookupError(number)
        if number % 7 == 0:
            return await runner.call_home(lambda: -number)
        return number

    def call(thread: int) -> list[int]:
        barrier.wait(PATIENCE)
        outcomes = []
        for number in range(thread * 200, thread * 200 + 200):
            try:
                outcomes.append(runner.run(handler, number))
            except LookupError as exc:
                outcomes.append(exc.args[0])
        return outcomes

    with ThreadPoolExecutor(32) as pool:
        for thread, outcomes in enumerate(pool.map(call, range(32))):
            numbers = range(thread * 200, thread * 200 + 200)
            assert outcomes == [-n if n % 7 == 0 and n % 5 else n for n in numbers]


# -- closing


def test_close_ends_the_thread_and_a_later_call_starts_a_new_one(runner: LoopThread) -> None:
    runner.close()
    first = runner.run(current_thread)
    runner.close()
    runner.close()
    assert not first.is_alive()
    second = runner.run(current_thread)
    assert second is not first
    assert second.is_alive()


def test_close_waits_for_the_calls_in_progress(runner: LoopThread) -> None:
    entered, release = threading.Event(), threading.Event()
    results: list[str] = []

    async def handler() -> str:
        entered.set()
        await until(release)
        return await runner.call_home(lambda: "done")

    call = in_thread(lambda: results.append(runner.run(handler)))
    assert entered.wait(PATIENCE)
    old = runner.run(current_thread)
    close = in_thread(runner.close)
    while runner.run(current_thread) is old:  # a call that comes too late has a new loop
        pass
    assert close.is_alive()
    assert old.is_alive()
    release.set()
    assert joined(close)
    assert joined(call)
    assert results == ["done"]
    assert not old.is_alive()


def test_close_inside_of_a_call_is_a_clear_error(runner: LoopThread) -> None:
    async def handler() -> None:
        with pytest.raises(ReentrancyError, match="close it after the call"):
            runner.close()
        with pytest.raises(ReentrancyError, match="close it after the call"):
            await runner.call_home(runner.close)

    runner.run(handler)
    assert runner.run(double, 1) == 2


def test_close_while_calls_keep_coming_loses_none(runner: LoopThread) -> None:
    def call() -> int:
        return sum(runner.run(double, 1) for _ in range(100))

    with ThreadPoolExecutor(5) as pool:
        sums = [pool.submit(call) for _ in range(4)]
        while not all(future.done() for future in sums):
            runner.close()
    assert [future.result() for future in sums] == [200] * 4


def test_close_cancels_what_the_handlers_have_left_running_on_asyncio() -> None:
    runner = LoopThread("asyncio")
    cancelled = threading.Event()
    tasks: list[asyncio.Task[None]] = []

    async def background() -> None:
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            cancelled.set()

    async def handler() -> None:
        tasks.append(asyncio.create_task(background()))
        await asyncio.sleep(0)

    runner.run(handler)
    runner.close()
    assert cancelled.is_set()
