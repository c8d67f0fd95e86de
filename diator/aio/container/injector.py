"""The adapter to injector.

injector resolves synchronously and closes nothing. So its providers run right where the mediator is called, on an event
loop too, and must not wait there. It has no scope for a request either: `dispatch_scope` is one, and lasts as long as
a dispatch of the mediator. What it has to close, its providers push on the scope's `AsyncExitStack`::

    class Database(Module):
        @dispatch_scope
        @provider
        def open_session(self, stack: AsyncExitStack) -> Session:
            session = Session()
            stack.push_async_callback(session.aclose)
            return session
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from functools import partial
from inspect import Parameter
from typing import Any, TypeVar

from ...errors import MissingExtraError
from ..scopes import OpenScope, exc_info
from .base import Adapter, Unavailable, find_gap, is_abstract, no_scope, refuse_factory, required_parameters, text_of

try:
    from injector import Injector, InstanceProvider, Provider, Scope, ScopeDecorator
    from injector import get_bindings as _get_bindings  # pyright: ignore[reportUnknownVariableType]
except ImportError as exc:
    raise MissingExtraError('injector is not installed: pip install "diator[injector]"', name="injector") from exc

__all__ = ("DispatchScope", "InjectorContainer", "InjectorScope", "dispatch_scope")

T = TypeVar("T")

#: What the scope that is being resolved in has made already.
_made: ContextVar[dict[Any, Provider[Any]] | None] = ContextVar("diator_injector_made", default=None)


class DispatchScope(Scope):
    """Gives one object for each dispatch of a mediator."""

    def get(self, key: type[T], provider: Provider[T]) -> Provider[T]:
        """Make the object if there is none yet.

        Raises:
            RuntimeError: There is no dispatch, or its scope is a child injector, which does not know this one.
        """
        made = _made.get()
        if made is None:
            raise RuntimeError(
                f"{text_of(key)} belongs to the scope of a dispatch, and this is outside: ask for it in a handler's "
                f"`__init__`, or open a scope with the `scope()` of {InjectorContainer.__module__}.InjectorContainer"
            )
        if key not in made:
            made[key] = InstanceProvider(provider.get(self.injector))
        return made[key]


#: Marks a class, a provider method or a binding: one object for each dispatch.
dispatch_scope = ScopeDecorator(DispatchScope)


class InjectorContainer(Adapter[Injector]):
    """Builds handlers and their dependencies with injector. Handlers need its ``@inject``, like everything else."""

    def attach_external_container(self, container: Injector) -> None:
        """Use this injector, and let its providers ask for an `AsyncExitStack`."""
        if not container.binder.has_explicit_binding_for(AsyncExitStack):
            container.binder.bind(AsyncExitStack, to=AsyncExitStack, scope=dispatch_scope)
        super().attach_external_container(container)

    async def resolve(self, type_: type[T]) -> T:
        """Give the object for a type, outside of any scope."""
        return self.external_container.get(type_)

    def scope(self) -> "InjectorScope":
        """Make the scope of one dispatch."""
        return InjectorScope(self.external_container)

    def within(self, scope: object) -> "InjectorScope | _ChildInjector":
        """Resolve in a scope that somebody else has opened: one of `scope`, or a child injector.

        Raises:
            TypeError: It is neither.
        """
        if isinstance(scope, InjectorScope):
            return scope
        if not isinstance(scope, Injector):
            raise no_scope(scope, "a scope of this container or a child injector")
        return _ChildInjector(scope)

    def check(self, type_: Any) -> None:
        """Look into what the injector would make an object of.

        Raises:
            HandlerBuildError: Something is missing.
        """
        find_gap(type_, partial(_maker_of, self.external_container), _parameters)


class InjectorScope(OpenScope):
    """What one dispatch has made in `dispatch_scope`."""

    __slots__ = ("_injector", "_made")

    def __init__(self, injector: Injector) -> None:
        self._injector = injector
        self._made: dict[Any, Provider[Any]] = {}

    def resolve(self, type_: type[T]) -> T:
        """Give the object for a type."""
        token = _made.set(self._made)
        try:
            return self._injector.get(type_)
        finally:
            _made.reset(token)

    def close(self, error: BaseException | None) -> Any:
        """Run what was pushed on the exit stack, if there is one."""
        stack = self._made.pop(AsyncExitStack, None)
        return None if stack is None else stack.get(self._injector).__aexit__(*exc_info(error))


class _ChildInjector:
    """An injector for a scope, whose bindings say what is shared in it."""

    __slots__ = ("resolve",)

    def __init__(self, injector: Injector) -> None:
        self.resolve = injector.get


def _maker_of(injector: Any, type_: Any) -> Callable[..., Any] | None:
    """What injector calls for a type, according to what was bound.

    Raises:
        Unavailable: There is nothing for it.
    """
    try:
        provider = injector.binder.get_binding(type_)[0].provider
    except Exception as exc:
        raise Unavailable(f"bind it with `binder.bind({text_of(type_)}, to=...)`") from exc
    maker: Callable[..., Any] | None = getattr(provider, "_callable", None) or getattr(provider, "_cls", None)
    if maker is None or _is_vague(maker):
        return maker
    if is_abstract(maker):
        raise Unavailable(f"bind it with `binder.bind({text_of(maker)}, to=...)`")
    refuse_factory(maker)
    for parameter, wanted in required_parameters(maker):
        if wanted is not Parameter.empty and parameter not in _injected(maker):
            raise Unavailable(f"decorate it with `@inject`, or nothing is passed for its parameter `{parameter}`")
    return maker


def _injected(maker: Any) -> dict[str, Any]:
    """The parameters that injector fills, by its ``@inject`` or ``Inject[...]``."""
    return _get_bindings(getattr(maker, "__init__") if isinstance(maker, type) else maker)  # noqa: B009


def _parameters(maker: Any) -> list[tuple[str, Any]]:
    """What injector passes, also instead of defaults; its own bindings say for what annotations stand."""
    required = required_parameters(maker)
    return required if _is_vague(maker) else [*(dict(required) | _injected(maker)).items()]


def _is_vague(maker: Any) -> bool:
    """Whether an annotation names something that is not there, which injector does not explain."""
    return any(isinstance(wanted, str) for _, wanted in required_parameters(maker))
