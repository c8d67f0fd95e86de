"""What only concerns dishka; what it shares with other containers is in the contract suite."""

from collections.abc import Iterator
from typing import Annotated, Any

import dishka
import pytest
from dishka import Provider, Scope

from diator._runtime.aio.concurrency import ASYNC
from diator.aio.container.dishka import DishkaContainer
from diator.errors import ConfigurationError, EventHandlingError
from tests.aio.contracts.containers.parts import Join, Lock, Mailer, Session, mediator_for, sessions


async def takes_session(command: Join, session: Session) -> Any:
    return session


def container_of(provider: Provider, **options: Any) -> DishkaContainer:
    make = dishka.make_async_container if ASYNC else dishka.make_container
    return DishkaContainer(make(provider), **options)


async def test_each_dispatch_gets_context_data_of_its_own() -> None:
    provider = Provider(scope=Scope.REQUEST)
    provider.from_context(provides=Session)
    given: list[Session] = []

    def context() -> dict[Any, Any]:
        given.append(Session())
        return {Session: given[-1]}

    mediator = mediator_for(container_of(provider, context=context), takes_session)
    mediator.check()
    assert given == []
    assert [await mediator.send(Join()), await mediator.send(Join())] == given


async def test_the_scope_of_a_dispatch_can_be_a_narrower_one() -> None:
    provider = Provider(scope=Scope.ACTION)
    provider.provide(Session)
    mediator = mediator_for(container_of(provider, scope=Scope.ACTION), takes_session)
    mediator.check()
    assert await mediator.send(Join()) is not await mediator.send(Join())

    with pytest.raises(ConfigurationError) as caught:
        mediator_for(container_of(provider), takes_session).check()
    assert "provides=Session, scope=Scope.REQUEST" in str(caught.value.exceptions[0])


async def test_a_scope_of_the_adapter_may_span_several_sends() -> None:
    log: list[str] = []
    provider = Provider(scope=Scope.REQUEST)
    provider.provide(sessions(log))
    container = container_of(provider)
    mediator = mediator_for(container, takes_session)
    async with container.scope() as scope:
        assert await mediator.send(Join(), scope=scope) is await mediator.send(Join(), scope=scope)
        assert log == ["open session"]
    assert log == ["open session", "close session"]


async def test_no_failing_finaliser_hides_another_one() -> None:
    def open_lock() -> Iterator[Lock]:
        yield Lock()
        raise KeyError("lock")

    async def join(command: Join, session: Session, lock: Lock) -> str:
        return "response"

    provider = Provider(scope=Scope.REQUEST)
    provider.provide(sessions([], OSError("session")))
    provider.provide(open_lock)
    with pytest.raises(EventHandlingError) as caught:
        await mediator_for(container_of(provider), join).send(Join())
    assert caught.value.response == "response"
    assert {repr(error) for error in leaves(caught.value)} == {"OSError('session')", "KeyError('lock')"}


def leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in leaves(each)]
    return [error]


async def test_aliases_and_generic_annotations_are_no_gaps() -> None:
    class Handler:
        def __init__(self, mailer: dishka.FromDishka[object], session: Session, names: list[str]) -> None:
            self.mailer = mailer

        async def handle(self, command: Join) -> Any:
            return self.mailer

    provider = Provider(scope=Scope.REQUEST)
    provider.provide(Mailer)
    provider.alias(Mailer, provides=object)
    provider.provide(Session)
    provider.provide(lambda: ["ann"], provides=list[str])
    provider.provide(Handler)
    mediator = mediator_for(container_of(provider), Handler)
    mediator.check()
    assert type(await mediator.send(Join())) is Mailer


@pytest.mark.parametrize("wrong", [object(), Provider()])
def test_what_is_no_container_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"dishka's .*Container, not "):
        DishkaContainer(wrong)


async def test_a_function_may_mark_its_parameters_as_dishka_does() -> None:
    async def join(
        command: Join, session: dishka.FromDishka[Session], lock: Annotated[Lock, dishka.FromComponent("locks")]
    ) -> Any:
        return type(session), type(lock)

    provider, locks = Provider(scope=Scope.REQUEST), Provider(scope=Scope.REQUEST, component="locks")
    provider.provide(Session)
    locks.provide(Lock)
    make = dishka.make_async_container if ASYNC else dishka.make_container
    mediator = mediator_for(DishkaContainer(make(provider, locks)), join)
    mediator.check()
    assert await mediator.send(Join()) == (Session, Lock)

    with pytest.raises(ConfigurationError) as caught:
        mediator_for(container_of(provider), join).check()
    assert "provides=Lock, scope=Scope.REQUEST)` to a provider with component='locks'" in str(
        caught.value.exceptions[0]
    )
