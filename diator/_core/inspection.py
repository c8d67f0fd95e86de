"""What a handler wants: looked up once, when it is bound.

What may live here: looking at classes, functions and annotations. Nothing is built or called.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ForwardRef, Literal, get_args, get_origin

from ..errors import HandlerBuildError, InvalidHandler
from .annotations import evaluate
from .callables import (
    handler_name,
    is_coroutine_callable,
    is_function,
    is_plain_method,
    parameters_of,
)
from .events import Events

__all__ = ("HandlerSpec", "SyncMode", "check_buildable", "describe")

#: Where a ``def`` handler runs on `diator.aio`.
SyncMode = Literal["inline", "thread"]


@dataclass(frozen=True, slots=True, eq=False)
class HandlerSpec:
    """What a binding knows of its handler.

    Attributes:
        handler: What was bound: a class, an object with ``handle``, or a function.
        is_class: Whether ``handler`` has to be built for each message.
        is_async: Whether calling it gives an awaitable.
        events_parameter: The name of the parameter that takes the `Events` buffer, if there is one.
        events_second: Whether that is the second positional parameter.
        may_own_events: Whether it seems to record into an ``events`` list of its own.
        dependencies: Of a function: name and annotation of each parameter that the container provides.
        sync: Where a ``def`` handler runs on `diator.aio`; None leaves it to the mediator.
    """

    handler: Any
    is_class: bool
    is_async: bool
    events_parameter: str | None
    events_second: bool
    may_own_events: bool
    dependencies: tuple[tuple[str, Any], ...]
    sync: SyncMode | None

    @property
    def function(self) -> Callable[..., Any]:
        """What takes the message: the function itself, or the ``handle`` of an object."""
        function: Callable[..., Any] = self.handler if is_function(self.handler) else self.handler.handle
        return function

    @property
    def name(self) -> str:
        return handler_name(self.handler)


def describe(handler: Any, sync: SyncMode | None = None, names: Mapping[str, Any] | None = None) -> HandlerSpec:
    """Find out how a handler wants to be called.

    Args:
        handler: A class with ``handle``, an object with ``handle``, or a function.
        sync: Where it shall run on `diator.aio` if it is a ``def``.
        names: The names visible where the handler was defined, to evaluate annotations that are strings.

    Raises:
        InvalidHandler: It is none of these, or its parameters cannot be served.
    """
    name = handler_name(handler)
    standalone = is_function(handler)
    function: Any = handler if standalone else getattr(handler, "handle", None)
    if not callable(function):
        raise InvalidHandler(f"{name} has no method `handle`; a handler is a class with one, or a function")
    parameters = parameters_of(function, skip_self=isinstance(handler, type) and is_plain_method(handler))
    if not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise InvalidHandler(f"{name} takes no message: its first parameter must be the request or event")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise InvalidHandler(f"{name} is a generator; a handler returns its result, so replace `yield`")
    events_parameter, dependencies = _classify(handler, function, parameters[1:], standalone, names)
    is_async = is_coroutine_callable(function)
    if sync not in (None, "inline", "thread"):
        raise InvalidHandler(f'{name}: sync must be "inline" or "thread", not {sync!r}')
    if is_async and sync == "thread":
        raise InvalidHandler(f'{name} is async def: sync="thread" is for def handlers; leave it out')
    return HandlerSpec(
        handler=handler,
        is_class=isinstance(handler, type),
        is_async=is_async,
        events_parameter=events_parameter,
        events_second=len(parameters) > 1
        and parameters[1].name == events_parameter
        and parameters[1].kind is not inspect.Parameter.KEYWORD_ONLY,
        may_own_events=not standalone and _may_own_events(handler),
        dependencies=dependencies,
        sync=sync,
    )


def check_buildable(spec: HandlerSpec) -> None:
    """Raise if a handler cannot be made or called without a container.

    Raises:
        HandlerBuildError: It needs arguments, and nobody is there to provide them.
    """
    remedy = "pass a container to the mediator"
    if spec.dependencies:
        raise HandlerBuildError(f"{spec.name} needs a value for its parameter `{spec.dependencies[0][0]}`: {remedy}")
    if not spec.is_class or spec.handler.__init__ is object.__init__:
        return
    for parameter in parameters_of(spec.handler.__init__, skip_self=True):
        if parameter.default is parameter.empty:
            annotate = (
                "annotate it, as containers find it by type, and " if parameter.annotation is parameter.empty else ""
            )
            raise HandlerBuildError(
                f"{spec.name}.__init__ needs a value for its parameter `{parameter.name}`: {annotate}{remedy}, "
                "or bind an object instead of the class"
            )


def _classify(
    handler: Any,
    function: Any,
    parameters: list[inspect.Parameter],
    standalone: bool,
    names: Mapping[str, Any] | None,
) -> tuple[str | None, tuple[tuple[str, Any], ...]]:
    """Tell the parameter that takes the events from those that the container provides."""
    name = handler_name(handler)
    events: str | None = None
    dependencies: list[tuple[str, Any]] = []
    for parameter in parameters:
        annotation = evaluate(parameter.annotation, function, names)
        if _means_events(annotation):
            events = parameter.name
        elif parameter.default is not parameter.empty:
            continue
        elif not standalone:
            raise InvalidHandler(
                f"{name}.handle has a parameter `{parameter.name}` that nobody fills: annotate it "
                "`Events`, give it a default, or take it in __init__"
            )
        elif annotation is parameter.empty or isinstance(annotation, str | ForwardRef):
            raise InvalidHandler(
                f"{name} has a parameter `{parameter.name}` without a usable annotation; the container "
                "finds it by type, so annotate it with a class that is visible in the module"
            )
        else:
            dependencies.append((parameter.name, annotation))
    return events, tuple(dependencies)


def _means_events(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if isinstance(annotation, str):  # a name that only exists for type checkers
        return annotation.rpartition(".")[2] == Events.__name__
    return isinstance(annotation, type) and issubclass(annotation, Events)


def _may_own_events(handler: Any) -> bool:
    """Whether a class or object seems to keep a list named ``events``, as handlers of diator 0.1.2 did.

    The list may be a property, a class attribute, a field, or be set by a method; asking for it costs little, so
    a method that merely mentions the name counts too.
    """
    if not isinstance(handler, type) and hasattr(handler, "events"):
        return True
    cls = handler if isinstance(handler, type) else type(handler)
    return any("events" in names for base in cls.__mro__[:-1] for names in _names_used(base))


def _names_used(cls: type) -> Iterator[Any]:
    yield cls.__dict__
    yield inspect.get_annotations(cls)
    for member in cls.__dict__.values():
        code = getattr(inspect.unwrap(member) if callable(member) else member, "__code__", None)
        if code is not None:
            yield code.co_names
