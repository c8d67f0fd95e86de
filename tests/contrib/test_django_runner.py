"""`async def` code on the `DjangoRunner`: where it runs, and what comes back from there."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from diator import Command, DomainEvent, EventMap, Events, MiddlewareChain, RequestMap
from diator.contrib.django import DjangoRunner
from diator.errors import RunningLoopError
from diator.sync import Mediator

ROOT = Path(__file__).parents[2]
here = threading.get_ident
variable: ContextVar[str] = ContextVar("variable", default="unset")


@dataclass(frozen=True)
class Act(Command[Any]):
    pass


@dataclass(frozen=True)
class Acted(DomainEvent):
    pass


def make_mediator(
    handler: Callable[..., Any], on_acted: Callable[..., Any] | None = None, *middlewares: Callable[..., Any]
) -> Mediator:
    requests, events, chain = RequestMap(), EventMap(), MiddlewareChain()
    requests.bind(Act, handler)
    if on_acted is not None:
        events.bind(Acted, on_acted)
    chain.set(middlewares)
    return Mediator(requests, event_map=events, middleware_chain=chain, runner=DjangoRunner())


def test_thread_sensitive_work_of_async_code_comes_home_and_so_does_every_def_below_it() -> None:
    threads: dict[str, int] = {}

    async def middleware(request: Act, handle: Callable[[Act], Any]) -> Any:
        threads["loop"] = here()
        threads["async middleware"] = await sync_to_async(here)()
        return await handle(request)

    def inner_middleware(request: Act, handle: Callable[[Act], Any]) -> Any:
        threads["middleware"] = here()
        return handle(request)

    async def handler(command: Act, events: Events) -> None:
        threads["handler"] = await sync_to_async(here)()
        events.append(Acted())

    def on_acted(event: Acted) -> None:
        threads["event handler"] = here()

    make_mediator(handler, on_acted, middleware, inner_middleware).send(Act())
    assert threads.pop("loop") != here()
    assert threads == dict.fromkeys(["async middleware", "middleware", "handler", "event handler"], here())


def test_blocking_sends_nest_through_async_handlers() -> None:
    depths: list[int] = []

    async def handler(command: Act) -> None:
        depths.append(await sync_to_async(here)())
        if len(depths) < 4:
            await sync_to_async(mediator.send)(Act())

    mediator = make_mediator(handler)
    mediator.send(Act())
    assert depths == [here()] * 4


def test_context_variables_go_both_ways() -> None:
    seen: list[str] = []

    async def middleware(request: Act, handle: Callable[[Act], Any]) -> Any:
        seen.append(variable.get())
        variable.set("middleware")
        await handle(request)
        seen.append(variable.get())
        variable.set("after")

    def handler(command: Act) -> None:
        seen.append(variable.get())
        variable.set("handler")

    token = variable.set("caller")
    try:
        make_mediator(handler, None, middleware).send(Act())
        assert seen == ["caller", "middleware", "handler"]
        assert variable.get() == "after"
    finally:
        variable.reset(token)


@pytest.mark.parametrize("where", ["in the coroutine", "at home"])
@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError(), GeneratorExit()], ids=repr
)
def test_every_exception_comes_back_as_it_is(error: BaseException, where: str) -> None:
    def handler(command: Act) -> None:
        raise error

    async def async_handler(command: Act) -> None:
        raise error

    async def middleware(request: Act, handle: Callable[[Act], Any]) -> Any:
        return await handle(request)

    mediator = make_mediator(handler, None, middleware) if where == "at home" else make_mediator(async_handler)
    with pytest.raises(type(error)) as caught:
        mediator.send(Act())
    assert caught.value is error


def test_a_stop_iteration_at_home_does_not_hang_the_loop() -> None:
    def handler(command: Act) -> None:
        raise StopIteration

    async def middleware(request: Act, handle: Callable[[Act], Any]) -> Any:
        return await handle(request)

    with pytest.raises(RuntimeError, match="StopIteration"):
        make_mediator(handler, None, middleware).send(Act())


async def test_a_thread_that_runs_a_loop_is_refused_before_anything_runs() -> None:
    ran: list[str] = []

    def middleware(request: Act, handle: Callable[[Act], Any]) -> Any:
        ran.append("middleware")
        return handle(request)

    async def handler(command: Act) -> None:
        ran.append("handler")

    mediator = make_mediator(handler, None, middleware)
    with pytest.raises(RunningLoopError, match=r"await sync_to_async\(mediator.send\)\(request\).*diator.aio"):
        mediator.send(Act())
    assert ran == []


async def test_def_handlers_work_in_a_thread_that_runs_a_loop() -> None:
    assert make_mediator(lambda command: here()).send(Act()) == here()


def test_below_sync_to_async_async_handlers_run_on_the_loop_of_the_caller() -> None:
    async def handler(command: Act) -> tuple[object, int]:
        return asyncio.get_running_loop(), await sync_to_async(here)()

    def send() -> tuple[int, tuple[object, int]]:
        return here(), make_mediator(handler).send(Act())

    async def main() -> None:
        home, (loop, worker) = await sync_to_async(send)()
        assert loop is asyncio.get_running_loop()
        assert worker == home != here()

    asyncio.run(main())


def run_script(script: str) -> str:
    """Run code in a fresh interpreter, where every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


INTERRUPTED = """
import asyncio, signal, threading
from asgiref.sync import sync_to_async
from diator.contrib.django.runner import AsgirefBridge

signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start what runs in the background without
bridge, log = AsgirefBridge(), []
main = threading.get_ident()  # sent to the process, another thread may catch it, and nothing wakes the main one

async def slow():
    try:
        await sync_to_async(threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT)).start)()
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.1)
        log.append(await sync_to_async(threading.current_thread)() is threading.main_thread())

async def around():
    await bridge.call_home(bridge.run, slow)

for function in (slow, around, slow, around):
    try:
        bridge.run(function)
    except KeyboardInterrupt:
        log.append("interrupted")
print(log)
"""


def test_an_interrupt_cancels_the_handler_and_waits_for_its_clean_up_which_still_works_at_home() -> None:
    assert run_script(INTERRUPTED) == f"{[True, 'interrupted'] * 4}\n"


GEVENT = """
import gevent.monkey
gevent.monkey.patch_all()
from diator.contrib.django.runner import AsgirefBridge
from diator.errors import GreenletError

try:
    AsgirefBridge().check()
except GreenletError as error:
    print(error)
"""


def test_gevent_is_refused() -> None:
    assert "`def`" in run_script(GEVENT)


WITHOUT_DJANGO = """
import sys
sys.modules["asgiref"] = None
try:
    import diator.contrib.django
except ImportError as error:
    print(type(error).__name__, error)
"""


def test_without_django_the_error_names_what_to_install() -> None:
    assert run_script(WITHOUT_DJANGO) == 'MissingExtraError Django is not installed: pip install "diator[django]"\n'


def test_nothing_else_imports_asgiref() -> None:
    script = "import sys, diator, diator.aio, diator.sync, diator.errors; print('asgiref' in sys.modules)"
    assert run_script(script) == "False\n"
