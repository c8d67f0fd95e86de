"""What is special about injector."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from injector import Inject, Injector, Module, inject, provider, singleton

from diator.aio.container.injector import InjectorContainer, dispatch_scope
from diator.errors import ConfigurationError, HandlerBuildError
from tests.aio.conftest import checkpoint
from tests.aio.contracts.containers.parts import Join, Mailer, MeetingAPI, Session, mediator_for


class ClosingSession(Session):
    async def aclose(self) -> None:
        await checkpoint()
        self.closed = True


class Database(Module):
    @dispatch_scope
    @provider
    def open_session(self, stack: AsyncExitStack) -> ClosingSession:
        session = ClosingSession()
        stack.push_async_callback(session.aclose)
        return session


class Handler:
    def __init__(self, session: Inject[ClosingSession]) -> None:
        self.session = session

    async def handle(self, command: Join) -> Any:
        assert not self.session.closed
        return self.session


def problem(injector: Injector, handler: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        mediator_for(InjectorContainer(injector), handler).check()
    (error,) = caught.value.exceptions
    assert isinstance(error, HandlerBuildError)
    return str(error)


async def test_a_provider_lets_the_scope_close_what_it_made() -> None:
    mediator = mediator_for(InjectorContainer(Injector(Database)), Handler)
    mediator.check()
    first, second = await mediator.send(Join()), await mediator.send(Join())
    assert first is not second
    assert first.closed
    assert second.closed


async def test_what_belongs_to_a_dispatch_is_not_made_outside() -> None:
    adapter = InjectorContainer(Injector(Database))
    async with adapter.scope() as scope:
        scope.resolve(ClosingSession)
    with pytest.raises(RuntimeError, match="ClosingSession belongs to the scope of a dispatch"):
        await adapter.resolve(ClosingSession)
    assert type(await adapter.resolve(Mailer)) is Mailer


async def test_a_child_injector_can_be_the_scope() -> None:
    @inject
    class Takes:
        def __init__(self, mailer: Mailer) -> None:
            self.mailer = mailer

        async def handle(self, command: Join) -> Any:
            return self.mailer

    parent = Injector()
    mediator = mediator_for(InjectorContainer(parent), Takes)
    child = parent.create_child_injector(lambda binder: binder.bind(Mailer, to=Mailer, scope=singleton))
    assert await mediator.send(Join(), scope=child) is child.get(Mailer)
    assert await mediator.send(Join()) is not child.get(Mailer)


def test_check_finds_a_handler_without_inject() -> None:
    class Plain:
        def __init__(self, mailer: Mailer) -> None: ...

        async def handle(self, command: Join) -> None: ...

    text = problem(Injector(), Plain)
    for part in ("Plain", "`mailer`", "`@inject`"):
        assert part in text


def test_check_follows_the_parameters_of_providers() -> None:
    class Broken(Module):
        @provider
        def make_mailer(self, api: MeetingAPI) -> Mailer:
            raise AssertionError

    async def join(command: Join, mailer: Mailer) -> None: ...

    text = problem(Injector(Broken), join)
    for part in ("make_mailer", "`api`", "MeetingAPI"):
        assert part in text


def test_check_finds_what_is_not_bound_where_everything_has_to_be() -> None:
    async def join(command: Join, mailer: Mailer) -> None: ...

    assert "binder.bind(Mailer, to=...)" in problem(Injector(auto_bind=False), join)


def test_check_finds_a_generator_that_injector_would_not_run() -> None:
    def open_session() -> Iterator[Session]:
        yield Session()

    async def join(command: Join, session: Session) -> None: ...

    text = problem(Injector(lambda binder: binder.bind(Session, to=open_session, scope=dispatch_scope)), join)
    assert "open_session" in text
    assert AsyncExitStack.__name__ in text


async def test_what_is_bound_already_stays() -> None:
    stack = AsyncExitStack()
    injector = Injector(lambda binder: binder.bind(AsyncExitStack, to=stack))
    assert await InjectorContainer(injector).resolve(AsyncExitStack) is stack
