# Generated from diator/aio/container/dishka.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The adapter to dishka.

Handlers are provided like everything else, usually in `Scope.REQUEST`::

    provider = Provider(scope=Scope.REQUEST)
    provider.provide(open_session)  # a generator: what follows its ``yield`` runs when the scope closes
    provider.provide(JoinMeetingHandler)
    container = DishkaContainer(make_async_container(provider))  # on diator.aio, which takes the other one as well
    container = DishkaContainer(make_container(provider))  # on diator.sync

An `AsyncContainer` awaits its factories and finalisers. A `Container` calls them right where the mediator is called, on
an event loop too, so they must not do I/O there. On trio, give an `AsyncContainer` locks that trio knows:
``make_async_container(provider, lock_factory=anyio.Lock)``.
"""  # unasync: keep

import inspect
from collections.abc import Callable
from typing import Any

from ..._core.callables import handler_name
from ...errors import MissingExtraError
from ..scopes import OpenScope
from .base import Adapter, Unavailable, find_gap, leave, no_scope, text_of

try:
    import dishka
    from dishka.entities.factory_type import FactoryType
    from dishka.entities.key import hint_to_dependency_key
except ImportError as exc:
    raise MissingExtraError('dishka is not installed: pip install "diator[dishka]"', name="dishka") from exc

__all__ = ("DishkaContainer", "DishkaScope")

_KINDS: tuple[type[Any], ...] = (dishka.Container,)
_NO_COMPONENT = dishka.DEFAULT_COMPONENT
_WAITING = (FactoryType.ASYNC_FACTORY, FactoryType.ASYNC_GENERATOR)


class DishkaContainer(Adapter[Any]):
    """Builds handlers and their dependencies with dishka.

    Args:
        container: What `make_async_container` or `make_container` returned; it can also be attached later.
        scope: The scope of one dispatch; None for the next one, which is `Scope.REQUEST` below `Scope.APP`.
        context: Makes the context data of each dispatch.
        lock_factory: Makes a lock for each dispatch. Only event handlers that run in parallel need one.
    """  # unasync: keep

    def __init__(
        self,
        container: Any = None,
        *,
        scope: dishka.BaseScope | None = None,
        context: Callable[[], dict[Any, Any]] | None = None,
        lock_factory: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(container)
        self._scope = scope
        self._context = context
        self._lock_factory = lock_factory

    def attach_external_container(self, container: Any) -> None:
        """Use this container, instead of another one if there was one.

        Raises:
            TypeError: It is none of dishka's, or one that waits for its factories, and there is nothing to wait on.
        """
        if not isinstance(container, _KINDS):
            kinds = " or ".join(kind.__name__ for kind in _KINDS)
            raise TypeError(f"{type(self).__module__} takes dishka's {kinds}, not {type(container).__name__}")
        super().attach_external_container(container)

    def resolve(self, type_: Any) -> Any:
        """Give the object for a type, outside of the scope of a dispatch."""
        found = self.external_container.get(type_)
        return found

    def scope(self) -> "DishkaScope":
        """Make the scope of one dispatch."""
        container = self._external_container or self.external_container
        context = self._context
        return DishkaScope(container(None if context is None else context(), self._lock_factory, self._scope))

    def within(self, scope: object) -> "DishkaScope":
        """Resolve in a scope that somebody else has opened: one of dishka, as for each web request, or one of `scope`.

        Raises:
            TypeError: It is neither.
        """
        if isinstance(scope, DishkaScope):
            return scope
        if not isinstance(scope, _KINDS):
            raise no_scope(scope, "a container of dishka")
        return DishkaScope(scope)

    def key(self, annotation: Any) -> Any:
        """What stands for an annotation: `FromDishka[T]` and ``Annotated[T, FromComponent(...)]`` are dishka's own."""
        key = hint_to_dependency_key(annotation)
        return key if key.component else key.type_hint

    def check(self, type_: Any) -> None:
        """Look into dishka's graph; dishka itself has done so already, unless it was told to skip that.

        Raises:
            HandlerBuildError: Something is missing.
        """
        graph = _Graph(self.external_container(scope=self._scope))
        find_gap(type_, graph.maker_of, graph.parameters)


class DishkaScope(OpenScope):
    """The scope of one dispatch: a container of dishka."""

    __slots__ = ("_container", "resolve")

    def __init__(self, container: Any) -> None:
        self._container = container
        self.resolve = container.get

    def close(self, error: BaseException | None) -> Any:
        """Finalise what was made in the scope, the last one first."""
        container = self._container
        if not _has_finalisers(container):
            return None
        return leave(container, error)


def _has_finalisers(container: Any) -> bool:
    """Whether something to be finalised was made in the scope, or in those that dishka has opened around it."""
    while not getattr(container, "_exits", True):
        if container.parent_closer is None:
            return False
        container = container.parent_container
    return True


class _Graph:
    """What dishka knows of all that can be had in a scope.

    Args:
        scope: Its container, which need not be entered.
    """

    def __init__(self, scope: Any) -> None:
        self._never_waits = isinstance(scope, dishka.Container)
        self._seen: dict[Any, Any] = {}
        self._registries: list[Any] = []
        while scope is not None:
            self._registries.append(scope.registry)
            scope = scope.parent_container

    def maker_of(self, wanted: Any) -> Callable[..., Any] | None:
        """What dishka calls for a type, or for a type of one of its components.

        Raises:
            Unavailable: There is nothing for it.
        """
        key = wanted if isinstance(wanted, dishka.DependencyKey) else dishka.DependencyKey(wanted, _NO_COMPONENT)
        found = (registry.get_factory(key) for registry in self._registries)
        factory = next((factory for factory in found if factory is not None), None)
        if factory is None:
            scope = self._registries[0].scope
            component = f" to a provider with component={key.component!r}" if key.component else ""
            call = f"provider.provide(..., provides={text_of(key.type_hint)}, scope={scope})"
            raise Unavailable(f"add `{call}`{component}")
        maker: Callable[..., Any] = factory.source
        if self._never_waits and factory.type in _WAITING:
            raise Unavailable(f"its factory {handler_name(maker)} is `async def`, and dishka's `Container` never waits")
        if not (factory.dependencies or factory.kw_dependencies):
            return None
        self._seen[maker] = factory
        return maker

    def parameters(self, maker: Any) -> list[tuple[str, Any]]:
        """What dishka passes to it."""
        factory = self._seen[maker]
        keys = [*zip(inspect.signature(maker).parameters, factory.dependencies, strict=False)]
        keys += factory.kw_dependencies.items()
        return [(name, key.type_hint if key.component == _NO_COMPONENT else key) for name, key in keys]
