import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest

Backend = Literal["asyncio", "trio"]

PATIENCE = 30.0

COMMON = """
import contextvars, os, signal, sys, threading, time
from diator.errors import BlockingCallError, GreenletError
from diator._runtime.loop_thread import LoopThread

runner = LoopThread({backend!r})

async def double(number):
    import anyio
    await anyio.sleep(0)
    return 2 * number

async def until(flag):
    import anyio
    while not flag.is_set():
        await anyio.sleep(0.002)

async def wait_for_ever(entered=None):
    import anyio
    if entered is not None:
        entered.set()
    await anyio.sleep(1000)

def say(*words):
    print(*words, flush=True)

def reap(pid):
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    say("child", status)

def in_progress():
    entered = threading.Event()
    threading.Thread(target=runner.run, args=(wait_for_ever, entered), daemon=True).start()
    assert entered.wait(20)
"""

FORK = """
import warnings
warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*multi-threaded, use of fork")
"""


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> Backend:
    return request.param


def command(script: str, backend: Backend) -> list[str]:
    return [sys.executable, "-W", "error", "-c", COMMON.format(backend=backend) + script]


def output(script: str, backend: Backend = "asyncio", code: int = 0, *, covered: bool = True) -> list[str]:
    """Run a script that must end by itself and say nothing on stderr; return the lines that it printed.

    With ``covered=False`` no coverage is measured in it, as that would trace the script, too.
    """
    environment = {name: value for name, value in os.environ.items() if covered or not name.startswith("COVERAGE_")}
    done = subprocess.run(
        command(script, backend), capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False
    )
    assert (done.stderr, done.returncode) == ("", code)
    return done.stdout.splitlines()


def test_importing_and_constructing_loads_no_event_loop() -> None:
    script = """
LoopThread("trio").check()
say(*{"anyio", "asyncio", "trio"} & set(sys.modules), threading.active_count())
"""
    assert output(script) == ["1"]


def test_a_loop_that_breaks_fails_its_calls_and_the_next_call_has_a_new_one() -> None:
    script = """
import asyncio

def call():
    try:
        runner.run(wait_for_ever, entered)
    except BlockingCallError as error:
        say(error)

async def break_loop():
    asyncio.get_running_loop()._selector.close()
    await asyncio.sleep(1000)

entered = threading.Event()
thread = threading.Thread(target=call)
thread.start()
entered.wait(20)
try:
    runner.run(break_loop)
except BlockingCallError as error:
    thread.join()
    say(error, error.__cause__ is not None)
say(runner.run(double, 1))
os._exit(0)  # what is left of the broken loop warns when it is collected
"""
    message = "the event loop ended before the handler did"
    assert output(script) == [message, f"{message} True", "2"]


# -- exit


def test_the_interpreter_exits_without_close(backend: Backend) -> None:
    assert output("say(runner.run(double, 21))", backend) == ["42"]


def test_the_interpreter_exits_while_a_daemon_thread_waits_in_a_call(backend: Backend) -> None:
    assert output("in_progress(); say('end')", backend) == ["end"]


def test_the_interpreter_exits_while_a_task_is_left_running() -> None:
    script = """
import asyncio
tasks = []
async def leave():
    tasks.append(asyncio.create_task(wait_for_ever()))
runner.run(leave)
"""
    assert output(script) == []


def test_exit_functions_find_the_loop_running(backend: Backend) -> None:
    script = """
import atexit
atexit.register(lambda: say(runner.run(double, 21)))
say(runner.run(double, 1))
atexit.register(lambda: say(runner.run(double, 2)))
"""
    assert output(script, backend) == ["2", "4", "42"]


def test_an_exit_function_that_would_start_the_loop_works_or_fails_clearly(backend: Backend) -> None:
    script = """
import atexit
@atexit.register
def run():
    try:
        say(runner.run(double, 21))
    except BlockingCallError as error:
        say(error)
"""
    (line,) = output(script, backend)  # it depends on the version whether Python starts a thread while it exits
    assert line == "42" or "run an async handler earlier, or write this one with `def`" in line


def test_the_interpreter_exits_while_daemon_threads_keep_calling(backend: Backend) -> None:
    script = """
def call():
    while True:
        runner.run(double, 1)
        called.set()

called = threading.Event()
for _ in range(3):
    threading.Thread(target=call, daemon=True).start()
called.wait(20)
"""
    assert output(script, backend) == []


# -- fork


def test_a_forked_child_starts_its_own_loop_and_the_parent_keeps_its_own(backend: Backend) -> None:
    script = """
async def where():
    return os.getpid(), threading.current_thread()

parent, thread = runner.run(where)
assert parent == os.getpid()
in_progress()
pid = os.fork()
if pid == 0:
    child, own = runner.run(where)
    assert child == os.getpid() and own is not thread
    grandchild = os.fork()
    if grandchild == 0:
        assert runner.run(where)[0] == os.getpid()
        sys.exit(4)
    reap(grandchild)
    runner.close()
    assert runner.run(where)[0] == os.getpid()
    sys.exit(3)
reap(pid)
pid = os.fork()
if pid == 0:
    runner.run(where)
    os._exit(5)
reap(pid)
pid = os.fork()
if pid == 0:
    sys.exit()  # without a call
reap(pid)
assert runner.run(where) == (parent, thread)
"""
    assert output(FORK + script, backend) == ["child 4", "child 3", "child 5", "child 0"]


def test_children_forked_while_other_threads_call_do_not_hang(backend: Backend) -> None:
    script = """
stop = threading.Event()
def call():
    while not stop.is_set():
        runner.run(double, 1)
threads = [threading.Thread(target=call) for _ in range(3)]
for thread in threads:
    thread.start()
pids = []
for _ in range(20):
    runner.run(double, 1)
    pid = os.fork()
    if pid == 0:
        assert runner.run(double, 21) == 42
        os._exit(0)
    pids.append(pid)
for pid in pids:
    reap(pid)
stop.set()
for thread in threads:
    thread.join()
"""
    assert output(FORK + script, backend) == ["child 0"] * 20


def test_a_lock_that_another_thread_holds_during_a_fork_does_not_block_the_child(backend: Backend) -> None:
    script = """
runner.run(double, 1)
thread = threading.Thread(target=runner._lock.acquire)
thread.start()
thread.join()
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    sys.exit(runner.run(double, 3))
reap(pid)
runner._lock.release()
"""
    assert output(FORK + script, backend) == ["child 6"]


def test_multiprocessing_forks_work_in_a_script_and_in_a_handler(backend: Backend) -> None:
    script = """
import multiprocessing
context = multiprocessing.get_context("fork")

def work(queue):
    queue.put(runner.run(double, 21))

def spawn():
    queue = context.SimpleQueue()
    process = context.Process(target=work, args=(queue,))
    process.start()
    say(queue.get())
    process.join()
    say("child", process.exitcode)

async def handler():
    await runner.call_home(spawn)

runner.run(double, 1)
spawn()
runner.run(handler)
"""
    assert output(FORK + script, backend) == ["42", "child 0"] * 2


def test_a_child_that_is_forked_at_home_does_not_wait_for_the_parents_handler(backend: Backend) -> None:
    script = """
def fork(leave):
    pid = os.fork()
    if pid == 0:
        leave()
    else:
        reap(pid)

async def handler(leave):
    await runner.call_home(fork, leave)
    say("parent")

def call(leave):
    before = os.getpid()
    try:
        runner.run(handler, leave)
    except BlockingCallError as error:
        say("forked inside of this call" in str(error), runner.run(double, 21))
    if os.getpid() != before:
        sys.exit(4)

call(sys.exit)
call(lambda: sys.exit(3))
call(int)
runner.close()
"""
    expected = ["child 0", "parent", "child 3", "parent", "True 42", "child 4", "parent"]
    assert output(FORK + script, backend) == expected


APP = """
import os
from diator._runtime.loop_thread import LoopThread

runner = LoopThread({backend!r})

async def answer(path):
    import anyio
    await anyio.sleep(0.001)
    return f"{{os.getpid()}} {{path}} {{await runner.call_home(os.getpid)}}"

runner.run(answer, "warm up in the parent")

def app(environ, start_response):
    body = runner.run(answer, environ["PATH_INFO"]).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


@pytest.mark.parametrize("worker", ["sync", "gthread"])
def test_gunicorn_workers_that_share_a_preloaded_application_each_have_a_loop(
    backend: Backend, worker: str, tmp_path: Path
) -> None:
    (tmp_path / "preloaded.py").write_text(APP.format(backend=backend))
    options = ["--preload", "--worker-class", worker, "--workers", "2", "--threads", "3", "--timeout", "20"]
    log = tmp_path / "log"
    with log.open("w") as stderr:
        master = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                *options,
                "--bind",
                "127.0.0.1:0",
                "--no-control-socket",
                "preloaded:app",
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])},
            stderr=stderr,
        )
    try:
        port = listening_port(log, master)

        def get(number: int) -> tuple[int, str]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("GET", f"/{number}")
            response = connection.getresponse()
            body = response.read().decode()
            connection.close()
            return response.status, body

        pids: set[int] = set()
        deadline = time.monotonic() + PATIENCE
        while len(pids) < 2:  # until both have answered: gunicorn loses a SIGTERM that strikes a worker in its start
            assert time.monotonic() < deadline
            with ThreadPoolExecutor(4) as pool:
                answers = list(pool.map(get, range(24)))
            assert Counter(status for status, _ in answers) == {200: 24}
            for number, (_, body) in enumerate(answers):
                loop_pid, path, home_pid = body.split()
                assert (path, home_pid) == (f"/{number}", loop_pid)
                pids.add(int(loop_pid))
        assert master.pid not in pids
        master.send_signal(signal.SIGTERM)
        assert master.wait(PATIENCE) == 0
    finally:
        if master.poll() is None:
            master.kill()
            master.wait()
    assert not re.search("Traceback|CRITICAL|ERROR", log.read_text())


def listening_port(log: Path, master: "subprocess.Popen[bytes]") -> int:
    while not (match := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", log.read_text())):
        with pytest.raises(subprocess.TimeoutExpired):  # it has not ended
            master.wait(0.02)
    return int(match[1])


# -- Ctrl-C


def test_ctrl_c_cancels_the_handler_and_leaves_a_usable_loop(backend: Backend) -> None:
    script = """
import anyio
signal.signal(signal.SIGINT, signal.default_int_handler)

async def handler():
    try:
        say("waiting")
        await wait_for_ever()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.05)
        say("cleaned up")

try:
    runner.run(handler)
except KeyboardInterrupt:
    say("interrupted")
say(runner.run(double, 21))
"""
    assert interrupted(script, backend, ["waiting"]) == ["cleaned up", "interrupted", "42"]


def test_a_second_ctrl_c_abandons_a_clean_up_that_hangs(backend: Backend) -> None:
    script = """
import anyio
signal.signal(signal.SIGINT, signal.default_int_handler)

async def handler():
    try:
        say("waiting")
        await wait_for_ever()
    finally:
        with anyio.CancelScope(shield=True):
            say("cleaning up")
            await wait_for_ever()

try:
    runner.run(handler)
except KeyboardInterrupt:
    say("interrupted")
say(runner.run(double, 21))
"""
    assert interrupted(script, backend, ["waiting", "cleaning up"]) == ["interrupted", "42"]


def interrupted(script: str, backend: Backend, moments: list[str]) -> list[str]:
    """Run a script, press Ctrl-C whenever it says one of the words in turn, and return what it says afterwards."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command(script, backend), stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            for moment in moments:
                assert process.stdout.readline().strip() == moment
                process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert (errors, process.returncode) == ("", 0)
    return rest.splitlines()


def test_an_interruption_between_any_two_steps_of_the_caller_neither_hangs_nor_leaves_anything(
    backend: Backend,
) -> None:
    script = """
import dis

class Interruption(BaseException):
    pass

class Interrupt:
    "Raises at the n-th place below `LoopThread.run` where Python looks for signals: after calls and when it loops."

    def __init__(self, places):
        self.places, self.previous = places, {}

    def __call__(self, frame, event, arg):
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            name = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            previous = self.previous.get(frame, "RESUME")
            self.previous[frame] = name
            if name == "JUMP_BACKWARD" or previous == "RESUME" or previous.startswith("CALL"):
                self.places -= 1
                if self.places < 0:
                    raise Interruption
        return self

begun = ended = 0
at_home = []

def home(*step):
    at_home.append(step)
    return step[1]

async def handler():
    global begun, ended
    begun += 1
    try:
        return await runner.call_home(home, begun, 1) + await runner.call_home(home, begun, 2)
    finally:
        ended += 1

places, results = 0, []
runner.run(double, 1)
sys._getframe().f_trace_opcodes = True  # Python 3.12 asks for it before the first `settrace`
while not results:
    sys.settrace(Interrupt(places))
    try:
        results.append(runner.run(handler))
    except Interruption:
        pass
    finally:
        sys.settrace(None)
    places += 1
runner.close()
say(results, begun == ended, 0 < begun < places, len(at_home) == len(set(at_home)))
"""
    assert output(script, backend, covered=False) == ["[3] True True True"]


# -- gevent


def test_gevents_threads_are_refused_before_anything_starts(backend: Backend) -> None:
    script = """
from gevent import monkey
monkey.patch_all()
before = threading.active_count()
for attempt in runner.check, lambda: runner.run(double, 1):
    try:
        attempt()
    except GreenletError as error:
        say("write this handler with `def`" in str(error), threading.active_count() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", COMMON.format(backend=backend) + script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.stderr, done.stdout.splitlines()) == ("", ["True 0", "True 0"])


def test_gevent_that_has_patched_nothing_is_no_obstacle() -> None:
    script = """
import gevent.monkey
say(runner.run(double, 21))
"""
    done = subprocess.run(
        [sys.executable, "-c", COMMON.format(backend="asyncio") + script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.stderr, done.stdout) == ("", "42\n")
