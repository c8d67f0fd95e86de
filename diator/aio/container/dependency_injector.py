"""The adapter to dependency-injector.

Each handler has a provider, which says what to pass to it::

    class Container(containers.DeclarativeContainer):
        session = providers.ContextLocalResource(open_session)  # a generator
        join_meeting = providers.Factory(JoinMeetingHandler, session=session)

    container = DependencyInjectorContainer(Container())

A `ContextLocalResource` or `ContextLocalSingleton` gives one object for each dispatch; at its end the resources are
shut down, the last one first. `Resource` and `Singleton` keep theirs as long as the application says.

Providers are called right where the mediator is called, on an event loop too, so they must not do I/O there. What they
have to wait for is awaited; this library can do so on asyncio only. A function gets what the provider of the class in
its annotation makes; if that calls a function, the return annotation counts.
"""  # unasync: keep

from collections.abc import Callable
from functools import partial
from inspect import isawaitable
from typing import Any

from ..._runtime.aio.concurrency import ASYNC
from ...errors import MissingExtraError
from .base import Adapter, no_scope

try:
    from dependency_injector import containers

    from ._dependency_injector_plans import Finder, check_provider, with_all_below
    from ._dependency_injector_scopes import DependencyInjectorScope
except ImportError as exc:
    raise MissingExtraError(
        'dependency-injector is not installed: pip install "diator[dependency-injector]"', name="dependency_injector"
    ) from exc

__all__ = ("DependencyInjectorContainer", "DependencyInjectorScope")


class DependencyInjectorContainer(Adapter[containers.Container]):
    """Builds handlers and their dependencies with the providers of a container."""

    def __init__(self, container: containers.Container | None = None) -> None:
        self._finder = Finder(self)
        super().__init__(container)

    def attach_external_container(self, container: containers.Container) -> None:
        """Use this container, instead of another one if there was one."""
        super().attach_external_container(container)
        self._finder = Finder(self)

    async def resolve(self, type_: Any) -> Any:
        """Give the object for a type, outside of the scope of a dispatch."""
        found = self._finder.plan(type_).provider()
        if ASYNC:
            return await found if isawaitable(found) else found
        else:
            return found

    def unscoped(self, type_: Any) -> Callable[[], Any] | None:
        """What makes the object for a type of which nothing belongs to a scope; None if something does.

        It gives None from when on something does, because a provider has been overridden.
        """
        find = partial(self._finder.plan, type_)
        known = find()
        if known.locals:
            return None
        make, overriding = known.provider, known.overriding

        # this looks by itself for what `Finder.plan` looks for: two calls more for each send would be felt
        def unscoped() -> Any:
            for provider, overrider in overriding:
                if provider.last_overriding is not overrider:
                    plan = find()
                    return None if plan.locals else plan.provider()
            return make()

        return unscoped

    def scope(self) -> DependencyInjectorScope:
        """Make the scope of one dispatch."""
        scope = DependencyInjectorScope()
        scope._finder = self._finder
        scope._held = None
        return scope

    def within(self, scope: object) -> "DependencyInjectorContainer | DependencyInjectorScope":
        """Resolve in one of `scope`; or by a container, for what its context-local providers hold where that is called.

        Raises:
            TypeError: It is neither.
        """
        if isinstance(scope, DependencyInjectorScope):
            return scope
        if scope is self._external_container:
            return self
        if not containers.is_container(scope):
            raise no_scope(scope, "a scope of this container, or a container of dependency-injector")
        container: Any = scope
        return DependencyInjectorContainer(container)

    def check(self, type_: Any) -> None:
        """Look into what the providers pass.

        Raises:
            HandlerBuildError: Something is missing.
        """
        for provider in with_all_below(self._finder.find(type_)):
            if provider.last_overriding is None:
                check_provider(provider, type_)
