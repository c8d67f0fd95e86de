# Generated from tests/aio/test_rodi_container.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What is special about rodi."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import rodi

from diator.errors import ConfigurationError, HandlerBuildError
from diator.sync.container.rodi import RodiContainer
from tests.sync.conftest import checkpoint
from tests.sync.contracts.containers.parts import Join, Mailer, Session, mediator_for


class ClosingSession(Session):
    def close(self) -> None:
        checkpoint()
        self.closed = True


def open_session(scope: rodi.ActivationScope) -> ClosingSession:
    session = ClosingSession()
    scope.get(ExitStack).callback(session.close)
    return session


def takes_session(command: Join, session: ClosingSession) -> Any:
    assert not session.closed
    return session


def closing_container() -> rodi.Container:
    container = rodi.Container()
    container.add_scoped_by_factory(open_session, ClosingSession)
    return container


def problem(container: rodi.Container, handler: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        mediator_for(RodiContainer(container), handler).check()
    (error,) = caught.value.exceptions
    assert isinstance(error, HandlerBuildError)
    return str(error)


def test_a_factory_lets_the_scope_close_what_it_made() -> None:
    session = mediator_for(RodiContainer(closing_container()), takes_session).send(Join())
    assert session.closed


def test_a_class_can_ask_for_the_stack_too() -> None:
    closed: list[str] = []

    class Resource:
        def __init__(self, stack: ExitStack) -> None:
            stack.callback(closed.append, "resource")

    def join(command: Join, resource: Resource) -> None:
        assert closed == []

    container = rodi.Container()
    container.add_scoped(Resource)
    mediator_for(RodiContainer(container), join).send(Join())
    assert closed == ["resource"]


def test_what_nobody_would_close_is_not_opened() -> None:
    container = closing_container()
    adapter = RodiContainer(container)
    with pytest.raises(RuntimeError, match="nobody would close this"):
        adapter.resolve(ClosingSession)
    with container.provider.create_scope() as scope, pytest.raises(RuntimeError, match="nobody would close this"):
        mediator_for(adapter, takes_session).send(Join(), scope=scope)


def test_a_scope_that_rodi_opened_serves_what_needs_no_closing() -> None:
    def join(command: Join, session: Session) -> Any:
        return session

    container = rodi.Container()
    container.add_scoped(Session)
    mediator = mediator_for(RodiContainer(container), join)
    with container.provider.create_scope() as scope:
        assert mediator.send(Join(), scope=scope) is scope.get(Session)


def test_a_closed_scope_gives_nothing() -> None:
    container = rodi.Container()
    container.add_transient(Mailer)
    with RodiContainer(container).scope() as scope:
        assert type(scope.resolve(Mailer)) is Mailer
    with pytest.raises(RuntimeError, match="this scope is closed"):
        scope.resolve(Mailer)


def test_what_is_registered_later_counts() -> None:
    def join(command: Join, mailer: Mailer) -> Any:
        return mailer

    container = rodi.Container()
    mediator = mediator_for(RodiContainer(container), join)
    with pytest.raises(HandlerBuildError):
        mediator.send(Join())
    container.register(Mailer)
    assert type(mediator.send(Join())) is Mailer


def test_rodi_may_find_a_parameter_by_its_name() -> None:
    class Handler:
        def __init__(self, mailer) -> None:  # type: ignore[no-untyped-def]
            self.mailer = mailer

        def handle(self, command: Join) -> Any:
            return self.mailer

    container = rodi.Container()
    container.register(Mailer)
    container.register(Handler)
    mediator = mediator_for(RodiContainer(container), Handler)
    mediator.check()
    assert type(mediator.send(Join())) is Mailer


def test_check_asks_for_handlers_to_be_registered() -> None:
    class Handler:
        def handle(self, command: Join) -> None: ...

    assert "`container.register(" in problem(rodi.Container(), Handler)


def test_check_finds_a_generator_that_rodi_would_not_run() -> None:
    def open_session() -> Iterator[Session]:
        yield Session()

    def join(command: Join, session: Session) -> None: ...

    container = rodi.Container()
    container.add_scoped_by_factory(open_session, Session)
    text = problem(container, join)
    assert "open_session" in text
    assert ExitStack.__name__ in text


def test_check_passes_on_what_only_rodi_knows() -> None:
    class Handler:
        def __init__(self, mailer: Mailer, limit: int = 3) -> None: ...

        def handle(self, command: Join) -> None: ...

    container = rodi.Container()
    container.register(Mailer)
    container.register(Handler)
    text = problem(container, Handler)
    assert "'limit'" in text
    assert "Handler" in text


def test_two_mediators_may_share_a_container() -> None:
    container = closing_container()
    for _ in range(2):
        assert (mediator_for(RodiContainer(container), takes_session).send(Join())).closed
