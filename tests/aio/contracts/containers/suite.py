"""What the modules of the contract suite share: every test runs with every adapter."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.aio.contracts.containers.cases import CASES
from tests.aio.contracts.containers.interface import Case, Provided
from tests.aio.contracts.containers.parts import (
    JoinHandler,
    Mailer,
    Session,
    Welcome,
    sessions,
    sessions_of_the_other_colour,
)

__all__ = ("Make", "app", "make", "pytest_generate_tests")

Make = Callable[..., Any]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with every adapter, and if it takes ``opening``, with every kind of finaliser that this one has."""
    if "opening" in metafunc.fixturenames:
        openings = [
            pytest.param(case, opening, id=f"{name}-{kind}")
            for name, case in CASES.items()
            for kind, opening in (("plain", sessions), ("awaiting", sessions_of_the_other_colour))
            if case.awaits or opening is sessions
        ]
        metafunc.parametrize(("case", "opening"), openings)
    elif "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES.values(), ids=CASES)


@pytest.fixture
async def make(case: Case) -> AsyncIterator[Make]:
    made: list[Any] = []
    Welcome.seen = []

    def build(*provided: Provided) -> Any:
        made.append(case.build(*provided))
        return made[-1]

    yield build
    for container in made:
        await case.close(container)


def app(log: list[str], opening: Any = sessions, error: BaseException | None = None) -> list[Provided]:
    """The handlers with a session for each scope."""
    return [
        Provided(Mailer),
        Provided(Session, "scoped", opening(log, error)),
        Provided(JoinHandler),
        Provided(Welcome),
    ]
