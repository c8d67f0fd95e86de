"""dependency-injector: each provider is told what to pass; the library awaits on asyncio only."""  # unasync: keep

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, get_type_hints

import pytest
from dependency_injector import containers, providers

from diator._runtime.aio.concurrency import ASYNC
from diator.aio.container import _dependency_injector_plans as plans
from diator.aio.container.dependency_injector import DependencyInjectorContainer
from tests.aio.contracts.containers.interface import Case, Provided

__all__ = ("DependencyInjector",)

LIFETIMES = {
    "singleton": providers.Singleton,
    "scoped": providers.ContextLocalSingleton,
    "transient": providers.Factory,
}


class DependencyInjector(Case):
    name = "dependency-injector"
    adapter = DependencyInjectorContainer
    library = "dependency_injector"
    solver = (plans, "with_all_below")
    refuses_vague = NameError  # by this case, which looks for what to pass
    remedy = r"providers\.Factory\(MeetingAPI, \.\.\.\)|`meeting_api=\.\.\.` to the provider of NeedsMeetingAPI"

    def build(self, *provided: Provided) -> DependencyInjectorContainer:
        if any(waits(each.factory) for each in provided) and not runs_asyncio():
            pytest.skip("this library awaits on asyncio only")
        by_type: dict[Any, Any] = {}
        for each in sorted(provided, key=lambda each: each.type_.__init__ is not object.__init__):
            wanted = {} if each.type_.__init__ is object.__init__ else get_type_hints(each.type_.__init__)
            wanted.pop("return", None)
            passed = {name: by_type[type_] for name, type_ in wanted.items() if type_ in by_type}
            kind = LIFETIMES[each.lifetime]
            if each.factory is None:
                by_type[each.type_] = kind(each.type_, **passed)
                continue
            each.factory.__annotations__["return"] = Iterator[each.type_] if is_generator(each.factory) else each.type_
            kind = providers.ContextLocalResource if each.lifetime == "scoped" else kind
            by_type[each.type_] = kind(each.factory)
        container = containers.DynamicContainer()
        container.set_providers(**{type_.__name__: provider for type_, provider in by_type.items()})
        return DependencyInjectorContainer(container)

    @asynccontextmanager
    async def opened_elsewhere(self, container: DependencyInjectorContainer) -> AsyncIterator[Any]:
        external = container.external_container
        yield external
        if ASYNC:
            closing = external.shutdown_resources(providers.ContextLocalResource)
            if closing is not None:
                await closing
        else:
            external.shutdown_resources(providers.ContextLocalResource)


def is_generator(factory: Any) -> bool:
    return isgeneratorfunction(factory) or isasyncgenfunction(factory)


def waits(factory: Any) -> bool:
    return iscoroutinefunction(factory) or isasyncgenfunction(factory)


def runs_asyncio() -> bool:
    with suppress(RuntimeError):
        return bool(sys.modules["asyncio"].get_running_loop())
    return False
