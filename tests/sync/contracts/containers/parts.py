# Generated from tests/aio/contracts/containers/parts.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The small application that the contract suite runs in every container."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from diator import Command, DomainEvent, EventMap, Events, MiddlewareChain, RequestMap
from diator.sync import Mediator
from tests.sync.conftest import checkpoint

__all__ = (
    "Join",
    "JoinHandler",
    "Joined",
    "Lock",
    "Mailer",
    "MeetingAPI",
    "Session",
    "Welcome",
    "locks",
    "mediator_for",
    "sessions",
    "sessions_of_the_other_colour",
)


@dataclass(frozen=True, kw_only=True)
class Join(Command[Any]):
    name: str = "ann"


@dataclass(frozen=True, kw_only=True)
class Joined(DomainEvent):
    name: str


class Mailer:
    pass


class MeetingAPI(ABC):
    """Nothing that a container could build on its own."""

    @abstractmethod
    def join(self) -> None: ...


class Session:
    """Lives as long as a scope."""

    closed = False


class Lock:
    """The same."""


def sessions(log: list[str], error: BaseException | None = None) -> Callable[[], Iterator[Session]]:
    """A generator that opens and closes a session."""

    def open_session() -> Iterator[Session]:
        session = Session()
        log.append("open session")
        try:
            yield session
        finally:
            session.closed = True
            log.append("close session")
            if error is not None:
                raise error

    return open_session


def sessions_of_the_other_colour(log: list[str], error: BaseException | None = None) -> Callable[[], Iterator[Session]]:
    """The same, waiting while it opens and closes."""

    def open_session() -> Iterator[Session]:
        checkpoint()
        session = Session()
        log.append("open session")
        try:
            yield session
        finally:
            checkpoint()
            session.closed = True
            log.append("close session")
            if error is not None:
                raise error

    return open_session


def locks(log: list[str], error: BaseException | None = None) -> Callable[[], Iterator[Lock]]:
    """A generator that opens and closes a lock."""

    def open_lock() -> Iterator[Lock]:
        log.append("open lock")
        try:
            yield Lock()
        finally:
            log.append("close lock")
            if error is not None:
                raise error

    return open_lock


class JoinHandler:
    def __init__(self, mailer: Mailer, session: Session) -> None:
        self.mailer, self.session = mailer, session

    def handle(self, command: Join, events: Events) -> Any:
        checkpoint()
        assert not self.session.closed
        events.append(Joined(name=command.name))
        return self


class Welcome:
    """An event handler that tells what it was built with."""

    seen: ClassVar[list[Any]]

    def __init__(self, session: Session) -> None:
        self.session = session

    def handle(self, event: Joined) -> None:
        checkpoint()
        assert not self.session.closed
        Welcome.seen.append(self.session)


def mediator_for(
    container: Any,
    handler: Any,
    *event_handlers: Any,
    middleware: Callable[..., Any] | None = None,
    concurrency: int = 1,
) -> Mediator:
    requests, events, chain = RequestMap(), EventMap(), MiddlewareChain()
    requests.bind(Join, handler)
    for event_handler in event_handlers:
        events.bind(Joined, event_handler)
    if middleware is not None:
        chain.add(middleware)
    return Mediator(requests, container, event_map=events, middleware_chain=chain, concurrency=concurrency)
