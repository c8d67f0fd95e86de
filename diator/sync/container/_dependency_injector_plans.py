# Generated from diator/aio/container/_dependency_injector_plans.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""How the adapter to dependency-injector finds out what its providers make, and which of them belong to a dispatch."""

import gc
import inspect
from collections.abc import Callable, Iterator
from contextvars import Context, ContextVar
from functools import cached_property
from typing import Any, TypeAlias, get_args

from dependency_injector import providers as typed_providers

from ..._core.annotations import evaluate
from ..._core.callables import handler_name
from ..._runtime.sync.concurrency import ASYNC
from .base import lacking, required_parameters, text_of, unavailable

__all__ = ("Finder", "Local", "check_provider", "with_all_below")

providers: Any = typed_providers  # which are typed in part
_LOCAL = (providers.ContextLocalResource, providers.ContextLocalSingleton)
_CALLERS = (providers.Factory, providers.Callable, providers.BaseSingleton, providers.BaseResource)


class Local:
    """A context-local provider, and the context variable where it holds its object.

    Attributes:
        get: Reads the variable; ``set`` is the other of its methods.
        nothing: What it holds before there is an object.
        shut_down: Lets the provider close what it holds, if it does that.
    """

    __slots__ = ("get", "nothing", "set", "shut_down")

    def __init__(self, provider: Any) -> None:
        referents: list[Any] = gc.get_referents(provider)  # it does not show its variable
        variable: Any = next((each for each in referents if type(each) in (ContextVar,)), None)
        if variable is None:
            raise RuntimeError(
                f"this version of dependency-injector keeps the object of a {type(provider).__name__} elsewhere than "
                "diator expects: use an older one"
            )
        self.get, self.set = variable.get, variable.set
        self.nothing: Any = Context().run(variable.get)
        closes = isinstance(provider, providers.ContextLocalResource)
        self.shut_down: Callable[[], Any] = provider.shutdown if closes else _nothing_to_do


def _nothing_to_do() -> None:
    pass


#: A plan with one context-local provider: its only item of `locals`, then `provider` and `overriding`.
Shortcut: TypeAlias = tuple[Local, Callable[[], Any], Any, Callable[[], Any], tuple[tuple[Any, Any], ...]]


class Plan:
    """How to get the object for a type.

    Attributes:
        provider: What to call for it.
        locals: The context-local providers that this calls, in the order in which they have made their objects.
        overriding: All providers that it calls, each with what overrides it; when this changes, the plan is void.
    """

    __slots__ = ("locals", "overriding", "provider")

    def __init__(self, provider: Any, all_locals: dict[Any, Local]) -> None:
        self.provider = provider
        below = list(with_all_below(provider))
        self.overriding = tuple((each, each.last_overriding) for each in below)
        found = sorted((each for each in below if isinstance(each, _LOCAL)), key=_waits)
        found_locals = [all_locals.setdefault(each, Local(each)) for each in found]
        self.locals = tuple((local, local.get, local.nothing) for local in found_locals)


class Finder:
    """Finds the provider for a type, and keeps what it has found.

    Attributes:
        shortcuts: The plans in which there is one context-local provider, by type. They may be void, as any plan.
    """

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        self._locals: dict[Any, Local] = {}
        self._plans: dict[Any, Plan] = {}
        self.shortcuts: dict[Any, Shortcut] = {}

    @cached_property
    def _by_type(self) -> dict[Any, dict[str, Any]]:
        """The providers of each type, with their names."""
        by_type: dict[Any, dict[str, Any]] = {}
        level: list[Any] = [self._adapter.external_container]
        while level:
            named = [pair for each in level for pair in each.providers.items()]
            found: dict[Any, dict[str, Any]] = {}
            for name, provider in named:
                found.setdefault(_type_of(provider), {})[name] = provider
            by_type = found | by_type  # outer containers count more
            level = [provider for _, provider in named if isinstance(provider, providers.Container)]
        return by_type

    def plan(self, type_: Any) -> Plan:
        """How to get the object for a type, as long as no provider is overridden."""
        plan = self._plans.get(type_)
        if plan is None:
            return self._new_plan(type_)
        for provider, overriding in plan.overriding:
            if provider.last_overriding is not overriding:
                return self._new_plan(type_)
        return plan

    def _new_plan(self, type_: Any) -> Plan:
        plan = self._plans[type_] = Plan(self.find(type_), self._locals)
        self.shortcuts.pop(type_, None)
        if len(plan.locals) == 1:
            self.shortcuts[type_] = (*plan.locals[0], plan.provider, plan.overriding)
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


def with_all_below(provider: Any) -> Iterator[Any]:
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
    return any(_is_async(_function_of(each)) for each in with_all_below(provider))


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def check_provider(provider: Any, root: Any) -> None:
    if isinstance(provider, providers.Dependency) and not provider.is_defined:
        raise unavailable(root, f"nothing provides the `Dependency` {text_of(provider.instance_of)}: override it")
    function = _function_of(provider)
    if function is None or "self" in inspect.signature(function).parameters:
        return  # an `init` of the library's `resources`, taken from the class: its own `self` is nobody's to pass
    name = handler_name(function)
    if not ASYNC and _is_async(function):
        raise unavailable(root, f"nobody waits here for {name}, which is `async def`: make it a `def`")
    passed = {*list(inspect.signature(function).parameters)[: len(provider.args)], *provider.kwargs}
    for parameter, wanted in required_parameters(function):
        if parameter not in passed:
            known = wanted if wanted is not inspect.Parameter.empty else "something (it has no annotation)"
            raise lacking(function, parameter, known, f"pass `{parameter}=...` to the provider of {name}", root)
