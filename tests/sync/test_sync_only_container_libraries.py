"""What concerns single container libraries, and only in blocking code."""

from collections.abc import AsyncIterator
from typing import Any

import dishka
import pytest
import wireup
from dependency_injector import containers, providers

from diator.errors import ConfigurationError, HandlerBuildError
from diator.sync.container.dependency_injector import DependencyInjectorContainer
from diator.sync.container.dishka import DishkaContainer
from diator.sync.container.wireup import WireupContainer
from tests.sync.contracts.containers.parts import Join, JoinHandler, Mailer, Session, mediator_for


async def open_session() -> AsyncIterator[Session]:
    yield Session()


async def make_session() -> Session:
    return Session()


def takes_session(command: Join, session: Session) -> None: ...


def found_by_check(container: Any, handler: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        mediator_for(container, handler).check()
    (error,) = caught.value.exceptions
    assert isinstance(error, HandlerBuildError)
    return str(error)


@pytest.mark.parametrize("factory", [open_session, make_session])
def test_dishka_refuses_factories_that_wait(factory: Any) -> None:
    provider = dishka.Provider(scope=dishka.Scope.REQUEST)
    provider.provide(factory, provides=Session)
    provider.provide(Mailer)
    provider.provide(JoinHandler)
    container = DishkaContainer(dishka.make_container(provider))
    for handler, text in ((JoinHandler, "JoinHandler.__init__"), (takes_session, "Session")):
        found = found_by_check(container, handler)
        assert text in found
        assert factory.__name__ in found


@pytest.mark.parametrize("provider", [providers.ContextLocalResource(open_session), providers.Coroutine(make_session)])
def test_dependency_injector_refuses_providers_that_wait(provider: Any) -> None:
    container = containers.DynamicContainer()
    container.session = provider
    container.handler = providers.Factory(JoinHandler, mailer=providers.Factory(Mailer), session=provider)
    for handler, text in ((JoinHandler, "JoinHandler"), (takes_session, "Session")):
        found = found_by_check(DependencyInjectorContainer(container), handler)
        assert text in found
        assert "make_session" in found or "open_session" in found


@pytest.mark.parametrize(
    ("adapter", "container", "wanted"),
    [
        (DishkaContainer, dishka.make_async_container(), "dishka's Container, not AsyncContainer"),
        (WireupContainer, wireup.create_async_container(), "wireup's SyncContainer, not AsyncContainer"),
    ],
)
def test_a_container_that_waits_is_refused(adapter: Any, container: Any, wanted: str) -> None:
    with pytest.raises(TypeError, match=wanted):
        adapter(container)
