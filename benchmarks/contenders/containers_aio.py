"""A send to a handler that each container builds with a mailer and a session, beside what the container itself takes.

Each ``..._own`` opens the scope of the send by the means of the library, asks for the handler and calls it.
"""

from collections.abc import Iterator
from typing import Any

import di
import dishka
import wireup
from cases import Case
from contenders.container_wiring import Wiring
from di.dependent import Dependent
from parts import BuiltAsyncHandler

from diator.aio import Mediator
from diator.aio.container.dependency_injector import DependencyInjectorContainer
from diator.aio.container.di import DIContainer
from diator.aio.container.dishka import DishkaContainer
from diator.aio.container.injector import InjectorContainer, dispatch_scope
from diator.aio.container.rodi import RodiContainer
from diator.aio.container.wireup import WireupContainer

BACKENDS = ("asyncio",)
WIRING = Wiring(Mediator, dispatch_scope, BuiltAsyncHandler, awaits="await ")
Handler, pair = WIRING.handler, WIRING.pair


def rodi_cases() -> Iterator[Case]:
    registry = WIRING.rodi()
    container = RodiContainer(registry)
    services: Any = registry.provider

    async def own(command: Any) -> Any:
        with services.create_scope() as scope:
            return await services.get(Handler, scope).handle(command)

    yield from pair("rodi", container, own)


def di_cases() -> Iterator[Case]:
    container = di.Container()
    solved = container.solve(Dependent(Handler, scope="request"), scopes=["request"])
    executor = di.executors.AsyncExecutor()

    async def own(command: Any) -> Any:
        async with container.enter_scope("request") as state:
            handler = await solved.execute_async(executor, state)
            return await handler.handle(command)

    yield from pair("di", DIContainer(container), own)


def dishka_cases() -> Iterator[Case]:
    container = dishka.make_async_container(WIRING.dishka())

    async def own(command: Any) -> Any:
        async with container() as scope:
            handler = await scope.get(Handler)
            return await handler.handle(command)

    yield from pair("dishka", DishkaContainer(container), own)


def plain_dishka_cases() -> Iterator[Case]:
    container = dishka.make_container(WIRING.dishka())

    async def own(command: Any) -> Any:
        with container() as scope:
            return await scope.get(Handler).handle(command)

    yield from pair("dishka, plain", DishkaContainer(container), own)


def wireup_cases() -> Iterator[Case]:
    container = wireup.create_async_container(injectables=WIRING.wireup())

    async def own(command: Any) -> Any:
        async with container.enter_scope() as scope:
            handler = await scope.get(Handler)
            return await handler.handle(command)

    yield from pair("wireup", WireupContainer(container), own)


def injector_cases() -> Iterator[Case]:
    adapter = InjectorContainer(WIRING.injector())

    async def own(command: Any) -> Any:  # the library has no such scope, so this is the adapter's
        async with adapter.scope() as scope:
            return await scope.resolve(Handler).handle(command)

    yield from pair("injector", adapter, own)


def dependency_injector_cases() -> Iterator[Case]:
    for name, container, make, shut_down in WIRING.dependency_injector():

        async def own(command: Any, make: Any = make, shut_down: Any = shut_down) -> Any:
            try:
                return await make().handle(command)
            finally:
                if shut_down is not None:
                    shut_down()

        yield from pair(name, DependencyInjectorContainer(container), own)


def cases() -> Iterator[Case]:
    yield from rodi_cases()
    yield from di_cases()
    yield from dishka_cases()
    yield from plain_dishka_cases()
    yield from wireup_cases()
    yield from injector_cases()
    yield from dependency_injector_cases()
