"""What concerns single container libraries, and only with event loops."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import dishka
import pytest
import wireup
from dependency_injector import containers, providers
from dishka import Provider, Scope

from diator import EventMap, Events, RequestMap
from diator.aio import Mediator
from diator.aio.container.dependency_injector import DependencyInjectorContainer
from diator.aio.container.dishka import DishkaContainer
from diator.aio.container.wireup import WireupContainer
from diator.errors import ConfigurationError
from tests.aio.contracts.containers.parts import Join, Joined, JoinHandler, Lock, Mailer, Session, mediator_for

log: list[str] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    log.clear()


async def open_session() -> AsyncIterator[Session]:
    await anyio.sleep(0.01)
    log.append("open session")
    yield Session()
    log.append("close session")


async def open_lock() -> AsyncIterator[Lock]:
    yield Lock()
    log.append("wait")
    await anyio.sleep_forever()


async def takes_both(command: Join, session: Session, lock: Lock) -> None: ...


def dishka_container() -> Any:
    provider = Provider(scope=Scope.REQUEST)
    provider.provide(open_session)
    provider.provide(open_lock)
    return DishkaContainer(dishka.make_async_container(provider))


def wireup_container() -> Any:
    injectables = [wireup.injectable(each, lifetime="scoped") for each in (open_session, open_lock)]
    return WireupContainer(wireup.create_async_container(injectables=injectables))


@pytest.mark.parametrize("make", [dishka_container, wireup_container])
async def test_what_is_left_is_closed_if_a_finaliser_takes_too_long_after_a_cancellation(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diator.aio.scopes.GRACE", 0.02)
    async with anyio.create_task_group() as group:
        group.start_soon(mediator_for(make(), takes_both).send, Join())
        while "wait" not in log:
            await anyio.sleep(0.001)
        group.cancel_scope.cancel()
    assert log == ["open session", "wait", "close session"]


def locking_dishka_container() -> Any:
    provider = Provider(scope=Scope.REQUEST)
    provider.provide(open_session)
    return DishkaContainer(dishka.make_async_container(provider), lock_factory=anyio.Lock)


def locking_wireup_container() -> Any:
    injectables = [wireup.injectable(open_session, lifetime="scoped")]
    return WireupContainer(wireup.create_async_container(injectables=injectables, concurrent_scoped_access=True))


@pytest.mark.parametrize("make", [locking_dishka_container, locking_wireup_container])
async def test_event_handlers_that_run_in_parallel_share_what_is_scoped(make: Any, anyio_backend_name: str) -> None:
    if make is locking_wireup_container and anyio_backend_name == "trio":
        pytest.skip("its locks are those of asyncio")
    seen: list[Session] = []

    def join(command: Join, events: Events) -> None:
        events.append(Joined(name=command.name))

    def welcome(event: Joined, session: Session) -> None:
        seen.append(session)

    async def count(event: Joined, session: Session) -> None:
        seen.append(session)

    requests, events = RequestMap(), EventMap()
    requests.bind(Join, join)
    events.bind(Joined, welcome)
    events.bind(Joined, count)
    await Mediator(requests, make(), event_map=events, concurrency=2).send(Join())
    assert log == ["open session", "close session"]
    assert len(seen) == 2
    assert seen[0] is seen[1]


async def test_a_plain_container_of_dishka_takes_no_factory_that_waits() -> None:
    provider = Provider(scope=Scope.REQUEST)
    provider.provide(Mailer)
    provider.provide(open_session)
    provider.provide(JoinHandler)
    mediator = mediator_for(DishkaContainer(dishka.make_container(provider)), JoinHandler)
    with pytest.raises(ConfigurationError) as caught:
        mediator.check()
    (error,) = caught.value.exceptions
    for part in ("JoinHandler.__init__", "`session`", "Session", "open_session"):
        assert part in str(error)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_dependency_injector_gives_what_waits_for_a_resource_of_the_application() -> None:
    class Application(containers.DeclarativeContainer):
        session = providers.Resource(open_session)
        handler = providers.Factory(JoinHandler, providers.Factory(Mailer), session)

    container = Application()
    await container.init_resources()  # type: ignore[misc]
    mediator = mediator_for(DependencyInjectorContainer(container), JoinHandler)
    first, second = await mediator.send(Join()), await mediator.send(Join())
    assert first.session is second.session
    assert log == ["open session"]
    await container.shutdown_resources()  # type: ignore[misc]
    assert log == ["open session", "close session"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_dependency_injector_raises_once_what_a_resource_raises() -> None:
    async def broken() -> AsyncIterator[Session]:
        raise OSError("no session")
        yield

    class Application(containers.DeclarativeContainer):
        session = providers.ContextLocalResource(broken)
        handler = providers.Factory(JoinHandler, providers.Factory(Mailer), session)

    container = Application()
    mediator = mediator_for(DependencyInjectorContainer(container), JoinHandler)
    with pytest.raises(OSError, match="no session") as caught:
        await mediator.send(Join())
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("wrong", [object(), wireup.create_sync_container()])
def test_wireup_wants_an_async_container(wrong: Any) -> None:
    with pytest.raises(TypeError, match="AsyncContainer, not"):
        WireupContainer(wrong)
