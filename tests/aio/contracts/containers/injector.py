"""injector: resolves synchronously, and has neither a scope for a dispatch nor finalisers; those are the adapter's."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from inspect import isgeneratorfunction
from typing import Any

from injector import Binder, Injector, inject, noscope, singleton

from diator._runtime.aio.concurrency import ASYNC
from diator.aio.container.injector import InjectorContainer, dispatch_scope
from tests.aio.contracts.containers.interface import Case, Provided

__all__ = ("InjectorCase",)

LIFETIMES = {"singleton": singleton, "scoped": dispatch_scope, "transient": noscope}


class InjectorCase(Case):
    name = "injector"
    adapter = InjectorContainer
    library = "injector"
    solver = (Binder, "create_binding")
    awaits = not ASYNC
    remedy = r"binder\.bind\(MeetingAPI, to=\.\.\.\)"

    def build(self, *provided: Provided) -> InjectorContainer:
        def configure(binder: Binder) -> None:
            for each in provided:
                to = each.type_ if each.factory is None else factory_of(each.factory)
                if each.factory is None and each.type_.__init__ is not object.__init__:
                    inject(each.type_)
                binder.bind(each.type_, to=to, scope=LIFETIMES[each.lifetime])

        return InjectorContainer(Injector(configure))

    @asynccontextmanager
    async def opened_elsewhere(self, container: InjectorContainer) -> AsyncIterator[Any]:
        async with container.scope() as scope:
            yield scope


def factory_of(factory: Callable[[], Any]) -> Callable[..., Any]:
    if not isgeneratorfunction(factory):
        return factory

    @inject
    def enter(stack: AsyncExitStack) -> Any:
        return stack.enter_context(contextmanager(factory)())

    return enter
