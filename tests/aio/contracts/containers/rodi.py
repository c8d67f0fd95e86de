"""rodi: resolves synchronously, and has scopes but no finalisers; those are the adapter's."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from inspect import isgeneratorfunction
from typing import Any

import rodi

from diator._runtime.aio.concurrency import ASYNC
from diator.aio.container.rodi import RodiContainer
from tests.aio.contracts.containers.interface import Case, Provided

__all__ = ("Rodi",)

LIFETIMES = {
    "singleton": rodi.ServiceLifeStyle.SINGLETON,
    "scoped": rodi.ServiceLifeStyle.SCOPED,
    "transient": rodi.ServiceLifeStyle.TRANSIENT,
}


class Rodi(Case):
    name = "rodi"
    adapter = RodiContainer
    library = "rodi"
    solver = (rodi.Container, "build_provider")
    awaits = not ASYNC
    remedy = r"container\.register\(MeetingAPI, \.\.\.\)"

    def build(self, *provided: Provided) -> RodiContainer:
        container = rodi.Container()
        for each in provided:
            if each.factory is None:
                container.bind_types(each.type_, each.type_, LIFETIMES[each.lifetime])
            else:
                container.register_factory(factory_of(each.factory), each.type_, LIFETIMES[each.lifetime])
        return RodiContainer(container)

    @asynccontextmanager
    async def opened_elsewhere(self, container: RodiContainer) -> AsyncIterator[Any]:
        async with container.scope() as scope:
            yield scope


def factory_of(factory: Callable[[], Any]) -> Callable[..., Any]:
    if not isgeneratorfunction(factory):
        return factory

    def enter(scope: rodi.ActivationScope) -> Any:
        return scope.get(AsyncExitStack).enter_context(contextmanager(factory)())

    return enter
