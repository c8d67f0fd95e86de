"""The adapter to rodi.

rodi resolves synchronously and closes nothing. So factories run right where the mediator is called, on an event loop
too, and must not wait there. What a scope has to close, its factories push on the scope's `AsyncExitStack`::

    def open_session(scope: rodi.ActivationScope) -> Session:
        session = Session()
        scope.get(AsyncExitStack).push_async_callback(session.aclose)
        return session

    container.add_scoped_by_factory(open_session, Session)
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from inspect import Parameter
from typing import Any, TypeVar

from ...errors import HandlerBuildError, MissingExtraError
from ..scopes import OpenScope, exc_info
from .base import (
    Adapter,
    Unavailable,
    find_gap,
    is_abstract,
    no_scope,
    refuse_factory,
    required_parameters,
    text_of,
)

try:
    import rodi
except ImportError as exc:
    raise MissingExtraError('rodi is not installed: pip install "diator[rodi]"', name="rodi") from exc

__all__ = ("RodiContainer", "RodiScope")

T = TypeVar("T")


class RodiContainer(Adapter[rodi.Container]):
    """Builds handlers and their dependencies with rodi. Handlers are registered like everything else."""

    def attach_external_container(self, container: rodi.Container) -> None:
        """Use this container, and let its factories ask for an `AsyncExitStack`."""
        if AsyncExitStack not in container:
            registry: Any = container
            registry.add_scoped_by_factory(_new_stack, AsyncExitStack)
        super().attach_external_container(container)

    async def resolve(self, type_: type[T]) -> T:
        """Give the object for a type, outside of the scope of a dispatch."""
        resolve: Callable[[type[T]], T] = self.external_container.provider.get
        return resolve(type_)

    def scope(self) -> "RodiScope":
        """Make the scope of one dispatch."""
        return RodiScope((self._external_container or self.external_container).provider)

    def within(self, scope: object) -> "RodiScope | _ForeignScope":
        """Resolve in a scope that somebody else has opened: one of `scope`, or one of rodi's own.

        Raises:
            TypeError: It is neither.
        """
        if isinstance(scope, RodiScope):
            return scope
        if not isinstance(scope, rodi.ActivationScope):
            raise no_scope(scope, "a scope of this container or of rodi")
        return _ForeignScope(scope)

    def check(self, type_: Any) -> None:
        """Look into what rodi would make an object of.

        Raises:
            HandlerBuildError: Something is missing.
        """
        container = self.external_container
        failure: Exception | None = None
        by_name: Any = ()
        try:
            by_name = container.provider  # compiles everything
        except Exception as exc:  # noqa: BLE001 - explained below, as well as possible
            failure = exc

        def parameters(maker: Any) -> list[tuple[str, Any]]:
            found = required_parameters(maker)
            return [(name, wanted) for name, wanted in found if wanted is not Parameter.empty or name not in by_name]

        find_gap(type_, partial(_maker_of, dict(container)), parameters)
        if failure is not None:
            reason = str(failure).rstrip(".")
            raise HandlerBuildError(
                f"rodi cannot compile its container, so it cannot give {text_of(type_)}: {reason}. Register what is "
                "missing; rodi fills parameters with defaults too"
            ) from failure


class RodiScope(OpenScope, rodi.ActivationScope):
    """A scope of rodi that also runs what was pushed on its `AsyncExitStack`."""

    __slots__ = ()

    def __init__(self, provider: rodi.Services) -> None:
        self.provider: Any = provider
        self.scoped_services: Any = {}

    def resolve(self, type_: type[T]) -> T:
        """Give the object for a type."""
        found: T = self.provider.get(type_, self)
        return found

    def close(self, error: BaseException | None) -> Any:
        """Run what was pushed on the exit stack, if there is one."""
        stack: AsyncExitStack | None = self.scoped_services.pop(AsyncExitStack, None)
        self.provider = _CLOSED
        return None if stack is None else stack.__aexit__(*exc_info(error))


class _Closed:
    """Stands for the services of a scope that has been left."""

    def get(self, *args: Any) -> Any:
        raise RuntimeError("this scope is closed")


_CLOSED = _Closed()


class _ForeignScope:
    """A scope that only rodi knows."""

    __slots__ = ("resolve",)

    def __init__(self, scope: rodi.ActivationScope) -> None:
        self.resolve: Callable[..., Any] = scope.get


def _new_stack(scope: rodi.ActivationScope) -> AsyncExitStack:
    if not isinstance(scope, RodiScope):
        raise RuntimeError(
            "nobody would close this: something that has to be closed was asked for outside of a scope, or in one that "
            "was opened by rodi; open it with the `scope()` of RodiContainer"
        )
    return AsyncExitStack()


def _maker_of(resolvers: dict[Any, Any], type_: Any) -> Callable[..., Any] | None:
    """What rodi calls for a type, according to what was registered."""
    if type_ not in resolvers:
        more = ", ..." if is_abstract(type_) else ""
        raise Unavailable(f"register it with `container.register({text_of(type_)}{more})`")
    resolver = resolvers[type_]
    factory = getattr(resolver, "factory", None)
    if factory is None:
        made: Callable[..., Any] | None = getattr(resolver, "concrete_type", None)
        return made
    refuse_factory(getattr(factory, "factory", factory))  # inside of what adapts it to its number of parameters
    return None
