# Generated from diator/aio/container/dependency_injector.py by tools/unasync.py. Do not edit: edit the source and run it again.
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

import gc
import inspect
from collections.abc import Iterator
from contextvars import Context, ContextVar
from operator import attrgetter
from types import TracebackType
from typing import Any, Self, get_args

from ..._core.annotations import evaluate
from ..._core.callables import handler_name
from ..._runtime.sync.concurrency import ASYNC
from ...errors import MissingExtraError
from .base import Adapter, lacking, no_scope, required_parameters, text_of, unavailable

try:
    from dependency_injector import containers
    from dependency_injector import providers as typed_providers
except ImportError as exc:
    raise MissingExtraError(
        'dependency-injector is not installed: pip install "diator[dependency-injector]"', name="dependency_injector"
    ) from exc

__all__ = ("DependencyInjectorContainer", "DependencyInjectorScope")

providers: Any = typed_providers  # which are typed in part
_last_overriding = attrgetter("last_overriding")
_LOCAL = (providers.ContextLocalResource, providers.ContextLocalSingleton)
_CALLERS = (providers.Factory, providers.Callable, providers.BaseSingleton, providers.BaseResource)


class DependencyInjectorContainer(Adapter[containers.Container]):
    """Builds handlers and their dependencies with the providers of a container."""

    def __init__(self, container: containers.Container | None = None) -> None:
        self._made_finder: _Finder | None = None
        super().__init__(container)

    def attach_external_container(self, container: containers.Container) -> None:
        """Use this container, instead of another one if there was one."""
        super().attach_external_container(container)
        self._made_finder = _Finder(container)

    @property
    def _finder(self) -> "_Finder":
        return self._made_finder or _Finder(self.external_container)  # which raises

    def resolve(self, type_: Any) -> Any:
        """Give the object for a type, outside of the scope of a dispatch."""
        return self._finder.plan(type_).provider()

    def scope(self) -> "DependencyInjectorScope":
        """Make the scope of one dispatch."""
        return DependencyInjectorScope(self._made_finder or self._finder)

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
        for provider in _with_all_below(self._finder.find(type_)):
            if provider.last_overriding is None:
                _check(provider, type_)


class DependencyInjectorScope:
    """The scope of one dispatch: what its context-local providers hold.

    They hold it in context variables, and these are set only while the providers are called. So what is in the current
    context, as in a send within a send, is neither used nor changed.
    """

    __slots__ = ("_finder", "_held")

    def __init__(self, finder: "_Finder") -> None:
        self._finder = finder
        self._held: dict[_Local, Any] = {}

    def resolve(self, type_: Any) -> Any:
        """Give the object for a type."""
        plan = self._finder.plan(type_)
        if not plan.locals:
            return plan.provider()
        held = self._held
        tokens = [local.set(held.get(local, local.nothing)) for local in plan.locals]
        try:
            return plan.provider()
        finally:
            for local, token in zip(plan.locals, tokens, strict=True):
                if local not in held:
                    value = local.get()
                    if value is not local.nothing:
                        held[local] = value
                local.reset(token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        while self._held:
            local, value = self._held.popitem()
            try:
                local.shut_down(value)
            except BaseException:
                self.__exit__(exc_type, exc, traceback)  # the others all the same
                raise


class _Local:
    """A context-local provider, and the context variable where it holds its object.

    Attributes:
        get: Reads the variable; ``set`` and ``reset`` are the others of its methods.
        nothing: What it holds before there is an object.
    """

    __slots__ = ("_provider", "_shuts_down", "get", "nothing", "reset", "set")

    def __init__(self, provider: Any) -> None:
        referents: list[Any] = gc.get_referents(provider)  # it does not show its variable
        variable: Any = next(each for each in referents if type(each) in (ContextVar,))
        self.get, self.set, self.reset = variable.get, variable.set, variable.reset
        self.nothing: Any = Context().run(variable.get)
        self._provider = provider
        self._shuts_down = isinstance(provider, providers.ContextLocalResource)

    def shut_down(self, value: Any) -> Any:
        """Let the provider close what it held, if it does that."""
        if not self._shuts_down:
            return None
        token = self.set(value)
        try:
            return self._provider.shutdown()
        finally:
            self.reset(token)


class _Plan:
    """How to get the object for a type.

    Attributes:
        provider: What to call for it.
        locals: The context-local providers that this calls, in the order in which they have made their objects.
    """

    __slots__ = ("_below", "_overriding", "locals", "provider")

    def __init__(self, provider: Any, all_locals: dict[Any, _Local]) -> None:
        self.provider = provider
        self._below = list(_with_all_below(provider))
        self._overriding = [*map(_last_overriding, self._below)]
        found = sorted((each for each in self._below if isinstance(each, _LOCAL)), key=_waits)
        self.locals = [all_locals.setdefault(each, _Local(each)) for each in found]

    def holds(self) -> bool:
        """Whether no provider has been overridden since."""
        return self._overriding == [*map(_last_overriding, self._below)]


class _Finder:
    """Finds the provider for a type."""

    def __init__(self, container: Any) -> None:
        self._locals: dict[Any, _Local] = {}
        self._plans: dict[Any, _Plan] = {}
        self._by_type: dict[Any, dict[str, Any]] = {}
        level = [container]
        while level:
            named = [pair for each in level for pair in each.providers.items()]
            found: dict[Any, dict[str, Any]] = {}
            for name, provider in named:
                found.setdefault(_type_of(provider), {})[name] = provider
            self._by_type = found | self._by_type  # outer containers count more
            level = [provider for _, provider in named if isinstance(provider, providers.Container)]

    def plan(self, type_: Any) -> _Plan:
        plan = self._plans.get(type_)
        if plan is None or not plan.holds():
            plan = self._plans[type_] = _Plan(self.find(type_), self._locals)
        return plan

    def find(self, type_: Any) -> Any:
        """Give the provider of a type, or of the only class below it.

        Raises:
            HandlerBuildError: There is none, or more than one.
        """
        named = self._by_type.get(type_)
        if named is None:
            below = [by_name for known, by_name in self._by_type.items() if type_ in getattr(known, "__mro__", ())]
            named = {name: provider for by_name in below for name, provider in by_name.items()}
        if len(named) == 1:
            return next(iter(named.values()))
        if named:
            raise unavailable(type_, f"{' and '.join(named)} provide it; ask for it in a class with a provider")
        raise unavailable(type_, f"add a provider, as in `providers.Factory({text_of(type_)}, ...)`")


def _with_all_below(provider: Any) -> Iterator[Any]:
    """Yield a provider after those that it calls, in the order in which they make their objects."""
    seen: set[Any] = set()

    def walk(each: Any) -> Iterator[Any]:
        if each not in seen:
            seen.add(each)
            for called in each.related if each.last_overriding is None else [each.last_overriding]:
                yield from walk(called)
            yield each

    return walk(provider)


def _type_of(provider: Any) -> Any:
    """What a provider makes; None if it does not say."""
    if isinstance(provider, providers.Dependency):
        return provider.instance_of
    if type(provider) is providers.Object:
        value: object = provider.provides
        return type(value)
    function = _function_of(provider)
    if function is None or isinstance(function, type):
        return function
    result = evaluate(inspect.signature(function).return_annotation, function, None)
    generates = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    return next(iter(get_args(result)), None) if generates else result


def _function_of(provider: Any) -> Any:
    """The class or function that a provider calls, if it does."""
    provides: Any = provider.provides if isinstance(provider, _CALLERS) else None
    if isinstance(provider, providers.BaseResource) and hasattr(provides, "init"):
        return provides.init  # of a class below one of the library's `resources`
    return inspect.unwrap(provides) if callable(provides) else None


def _waits(provider: Any) -> bool:
    """Whether its object comes later than those of providers that make theirs at once."""
    return any(_is_async(_function_of(each)) for each in _with_all_below(provider))


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _check(provider: Any, root: Any) -> None:
    if isinstance(provider, providers.Dependency) and not provider.is_defined:
        raise unavailable(root, f"nothing provides the `Dependency` {text_of(provider.instance_of)}: override it")
    function = _function_of(provider)
    if function is None or inspect.signature(function).parameters.keys() & {"self"}:
        return
    name = handler_name(function)
    if not ASYNC and _is_async(function):
        raise unavailable(root, f"nobody waits here for {name}, which is `async def`: make it a `def`")
    passed = {*list(inspect.signature(function).parameters)[: len(provider.args)], *provider.kwargs}
    for parameter, wanted in required_parameters(function):
        if parameter not in passed:
            known = wanted if wanted is not inspect.Parameter.empty else "something (it has no annotation)"
            raise lacking(function, parameter, known, f"pass `{parameter}=...` to the provider of {name}", root)
