"""What every container must do when a send is cancelled, and what only concerns event loops."""

import importlib
from contextlib import nullcontext
from typing import Any

import anyio
import pytest

from diator import Events
from tests.aio.contracts.containers.interface import Case, Provided
from tests.aio.contracts.containers.parts import (
    Join,
    Joined,
    Lock,
    Session,
    locks,
    mediator_for,
)
from tests.aio.contracts.containers.suite import Make, app, make, pytest_generate_tests

__all__ = ("make", "pytest_generate_tests")


@pytest.mark.parametrize("stage", ["handler", "event handler"])
async def test_it_closes_once_when_the_send_is_cancelled(make: Make, opening: Any, stage: str) -> None:
    log: list[str] = []

    async def wait(at: str) -> None:
        if at == stage:
            started.set()
            await anyio.sleep_forever()

    async def join(command: Join, session: Session, events: Events) -> None:
        events.append(Joined(name=command.name))
        await wait("handler")

    async def welcome(event: Joined, session: Session, lock: Lock) -> None:
        await wait("event handler")

    mediator = mediator_for(make(*app(log, opening), Provided(Lock, "scoped", locks(log))), join, welcome)
    started = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(mediator.send, Join())
        await started.wait()
        group.cancel_scope.cancel()
    opened = ["open session", *(["open lock"] if stage == "event handler" else [])]
    assert log == [*opened, *(line.replace("open", "close") for line in reversed(opened))]


async def test_everything_closes_when_the_send_is_cancelled_while_it_closes(make: Make, opening: Any) -> None:
    class Log(list[str]):
        def append(self, line: str) -> None:
            super().append(line)
            if line == "close lock":
                scope.cancel()

    async def join(command: Join, session: Session, lock: Lock) -> None: ...

    log = Log()
    mediator = mediator_for(make(*app(log, opening), Provided(Lock, "scoped", locks(log))), join)
    with anyio.CancelScope() as scope:
        await mediator.send(Join())
    assert log == ["open session", "open lock", "close lock", "close session"]


@pytest.mark.parametrize("fails", [False, True])
async def test_a_finaliser_may_take_its_time_as_long_as_nobody_cancels(
    make: Make, opening: Any, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def join(command: Join, session: Session) -> None:
        sessions.append(session)
        if fails:
            raise ValueError("mine")

    monkeypatch.setattr("diator.aio.scopes.GRACE", 0)
    sessions: list[Session] = []
    with pytest.raises(ValueError, match="mine") if fails else nullcontext() as caught:
        await mediator_for(make(*app([], opening)), join).send(Join())
    assert not fails or not hasattr(caught.value, "__notes__")
    assert [session.closed for session in sessions] == [True]


async def test_a_timeout_around_the_send_stays_a_timeout_if_a_finaliser_fails(make: Make, opening: Any) -> None:
    async def join(command: Join, session: Session) -> None:
        await anyio.sleep_forever()

    mediator = mediator_for(make(*app([], opening, OSError("cannot close"))), join)
    with anyio.move_on_after(0.01) as scope:
        await mediator.send(Join())
    assert scope.cancelled_caught


def test_the_door_leads_to_the_adapter(case: Case) -> None:
    door = importlib.import_module(f"diator.container.{case.adapter.__module__.rpartition('.')[2]}")
    assert getattr(door, case.adapter.__name__) is case.adapter
