# Generated from tests/aio/contracts/containers/injector.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""injector: resolves synchronously, and has neither a scope for a dispatch nor finalisers; those are the adapter's."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from inspect import isgeneratorfunction
from typing import Any

from injector import Binder, Injector, inject, noscope, singleton

from diator._runtime.sync.concurrency import ASYNC
from diator.sync.container.injector import InjectorContainer, dispatch_scope
from tests.sync.contracts.containers.interface import Case, Provided

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

    @contextmanager
    def opened_elsewhere(self, container: InjectorContainer) -> Iterator[Any]:
        with container.scope() as scope:
            yield scope


def factory_of(factory: Callable[[], Any]) -> Callable[..., Any]:
    if not isgeneratorfunction(factory):
        return factory

    @inject
    def enter(stack: ExitStack) -> Any:
        return stack.enter_context(contextmanager(factory)())

    return enter
