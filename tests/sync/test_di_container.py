# Generated from tests/aio/test_di_container.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What is special about di."""

from typing import Any

import pytest
from di import Container, bind_by_type
from di.dependent import Dependent

from diator.errors import ConfigurationError, HandlerBuildError
from diator.sync.container.di import DIContainer
from tests.sync.contracts.containers.parts import Join, Mailer, MeetingAPI, Session, mediator_for, sessions


class OtherMailer(Mailer):
    pass


class Handler:
    def __init__(self, mailer: Mailer) -> None:
        self.mailer = mailer

    def handle(self, command: Join) -> Any:
        return self.mailer


def problem(container: DIContainer, handler: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        mediator_for(container, handler).check()
    (error,) = caught.value.exceptions
    assert isinstance(error, HandlerBuildError)
    return str(error)


def test_what_is_not_bound_is_built_from_its_annotations() -> None:
    mediator = mediator_for(DIContainer(Container()), Handler)
    mediator.check()
    assert type(mediator.send(Join())) is Mailer


def test_a_bind_counts_from_the_next_send_and_until_it_ends() -> None:
    container = Container()
    mediator = mediator_for(DIContainer(container), Handler)
    assert type(mediator.send(Join())) is Mailer
    with container.bind(bind_by_type(Dependent(OtherMailer, scope="request"), Mailer)):
        assert type(mediator.send(Join())) is OtherMailer
    assert type(mediator.send(Join())) is Mailer


def test_the_scope_may_have_another_name() -> None:
    container = Container()
    container.bind(bind_by_type(Dependent(OtherMailer, scope="dispatch"), Mailer))
    mediator = mediator_for(DIContainer(container, scope="dispatch"), Handler)
    mediator.check()
    assert type(mediator.send(Join())) is OtherMailer


def test_check_tells_the_scopes_that_there_are() -> None:
    container = Container()
    container.bind(bind_by_type(Dependent(OtherMailer, scope="app"), Mailer))
    assert "('request',)" in problem(DIContainer(container), Handler)
    with container.enter_scope("app") as state:
        mediator = mediator_for(DIContainer(container, state=state), Handler)
        mediator.check()
        assert mediator.send(Join()) is mediator.send(Join())


class First:
    def __init__(self, second: "Second") -> None: ...

    def handle(self, command: Join) -> None: ...


class Second:
    def __init__(self, first: First) -> None: ...


def test_check_passes_on_what_di_cannot_solve() -> None:
    text = problem(DIContainer(Container()), First)
    assert "First" in text
    assert "cycle" in text


def test_check_finds_an_abstract_handler() -> None:
    class Abstract(MeetingAPI):
        def handle(self, command: Join) -> None: ...

    assert "bind_by_type(Dependent(...), " in problem(DIContainer(Container()), Abstract)


def test_resolving_without_a_mediator_opens_a_scope_for_it() -> None:
    log: list[str] = []
    container = Container()
    container.bind(bind_by_type(Dependent(sessions(log), scope="request"), Session))
    assert (DIContainer(container).resolve(Session)).closed
    assert log == ["open session", "close session"]
