"""Handlers: their base classes, and what can be known of one before it runs.

What may live here: looking at classes, functions and annotations. Nothing is built or called.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, ForwardRef, Generic, Literal, TypeVar, Union, get_args, get_origin

from ..errors import HandlerBuildError, InvalidHandler
from .events import Events
from .messages import Event, Request

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    Req_contra = TypeVarWithDefault("Req_contra", bound=Request[Any], contravariant=True, default=Any)
    Res_co = TypeVarWithDefault("Res_co", covariant=True, default=Any)
    Ev_contra = TypeVarWithDefault("Ev_contra", bound=Event, contravariant=True, default=Any)
else:
    Req_contra = TypeVar("Req_contra", contravariant=True)
    Res_co = TypeVar("Res_co", covariant=True)
    Ev_contra = TypeVar("Ev_contra", contravariant=True)

__all__ = (
    "CommandHandler",
    "EventHandler",
    "HandlerSpec",
    "QueryHandler",
    "RequestHandler",
    "SyncMode",
    "check_buildable",
    "declared_messages",
    "declared_result",
    "describe",
    "is_coroutine_callable",
    "result_of",
    "unwrap_partial",
)

SyncMode = Literal["inline", "thread"]


class RequestHandler(Generic[Req_contra, Res_co]):
    """Handles one type of request. ``handle`` may be ``def`` or ``async def``.

    If its second parameter is annotated `Events`, it receives the buffer to record events into. A handler with
    an ``events`` list of its own, as diator 0.1.2 had it, keeps working.
    """

    def handle(self, request: Req_contra, /, *args: Any, **kwargs: Any) -> Res_co | Awaitable[Res_co]:
        raise NotImplementedError(f"{type(self).__qualname__} does not define handle(self, request)")


class CommandHandler(RequestHandler[Req_contra, Res_co]):
    """Handles a command."""


class QueryHandler(RequestHandler[Req_contra, Res_co]):
    """Handles a query."""


class EventHandler(Generic[Ev_contra]):
    """Handles events of one type and its subclasses. ``handle`` may be ``def`` or ``async def``."""

    def handle(self, event: Ev_contra, /, *args: Any, **kwargs: Any) -> Awaitable[None] | None:
        raise NotImplementedError(f"{type(self).__qualname__} does not define handle(self, event)")


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
        function: Callable[..., Any] = self.handler if _is_function(self.handler) else self.handler.handle
        return function

    @property
    def name(self) -> str:
        return _name(self.handler)


def describe(handler: Any, sync: SyncMode | None = None, names: Mapping[str, Any] | None = None) -> HandlerSpec:
    """Find out how a handler wants to be called.

    Args:
        handler: A class with ``handle``, an object with ``handle``, or a function.
        sync: Where it shall run on `diator.aio` if it is a ``def``.
        names: The names visible where the handler was defined, to evaluate annotations that are strings.

    Raises:
        InvalidHandler: It is none of these, or its parameters cannot be served.
    """
    is_function = _is_function(handler)
    function: Any = handler if is_function else getattr(handler, "handle", None)
    if not callable(function):
        raise InvalidHandler(f"{_name(handler)} has no method `handle`; a handler is a class with one, or a function")
    parameters = _parameters(function, skip_self=isinstance(handler, type) and _is_plain_method(handler))
    if not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise InvalidHandler(f"{_name(handler)} takes no message: its first parameter must be the request or event")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise InvalidHandler(f"{_name(handler)} is a generator; a handler returns its result, so replace `yield`")
    events_parameter, dependencies = _classify(handler, function, parameters[1:], is_function, names)
    is_async = is_coroutine_callable(function)
    if sync not in (None, "inline", "thread"):
        raise InvalidHandler(f'{_name(handler)}: sync must be "inline" or "thread", not {sync!r}')
    if is_async and sync == "thread":
        raise InvalidHandler(f'{_name(handler)} is async def: sync="thread" is for def handlers; leave it out')
    return HandlerSpec(
        handler=handler,
        is_class=isinstance(handler, type),
        is_async=is_async,
        events_parameter=events_parameter,
        events_second=len(parameters) > 1
        and parameters[1].name == events_parameter
        and parameters[1].kind is not inspect.Parameter.KEYWORD_ONLY,
        may_own_events=not is_function and _may_own_events(handler),
        dependencies=dependencies,
        sync=sync,
    )


def is_coroutine_callable(function: Any) -> bool:
    """Whether calling this object (a function, a partial, an object with ``__call__``) gives a coroutine."""
    function = unwrap_partial(function)
    if inspect.iscoroutinefunction(function):
        return True
    return not isinstance(function, type) and inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def unwrap_partial(function: Any) -> Any:
    """The function that a partial, or a partial of a partial, calls."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


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
    for parameter in _parameters(spec.handler.__init__, skip_self=True):
        if parameter.default is parameter.empty:
            raise HandlerBuildError(
                f"{spec.name}.__init__ needs a value for its parameter `{parameter.name}`: {remedy}, "
                "or bind an object instead of the class"
            )


def declared_messages(handler: Any, root: type, names: Mapping[str, Any] | None = None) -> tuple[type, ...]:
    """The message types that a handler says it handles: from its generic arguments, else from the annotation.

    Args:
        handler: The handler.
        root: `RequestHandler` or `EventHandler`, whose first argument counts.
        names: The names visible where the handler was defined.
    """
    declared = _generic_arguments(handler, root, names)[:1] if isinstance(handler, type) else ()
    if not declared:
        function = handler if _is_function(handler) else getattr(handler, "handle", None)
        is_plain = isinstance(handler, type) and _is_plain_method(handler)
        declared = tuple(
            _evaluate(p.annotation, function, names) for p in _parameters(function, skip_self=is_plain)[:1]
        )
    members = [m for d in declared for m in (get_args(d) if get_origin(d) in (Union, UnionType) else (d,))]
    origins = [get_origin(m) or m for m in members]
    return tuple(m for m in origins if isinstance(m, type) and m not in (Any, inspect.Parameter.empty))


def declared_result(handler: Any, names: Mapping[str, Any] | None = None) -> Any:
    """The result type that a handler declares, or `inspect.Parameter.empty` if it does not say."""
    if isinstance(handler, type):
        arguments = _generic_arguments(handler, RequestHandler, names)
        if len(arguments) == 2:
            return arguments[1]
    function: Any = handler if _is_function(handler) else getattr(handler, "handle", None)
    return _evaluate(inspect.signature(function).return_annotation, function, names)


def result_of(request_type: type) -> Any:
    """The result type of a request class, or `inspect.Parameter.empty` if it does not say."""
    arguments = _generic_arguments(request_type, Request, None)
    return arguments[0] if arguments else inspect.Parameter.empty


def _name(handler: Any) -> str:
    handler = unwrap_partial(handler)
    return getattr(handler, "__qualname__", None) or type(handler).__qualname__


def _is_function(handler: Any) -> bool:
    return not isinstance(handler, type) and callable(handler) and not hasattr(handler, "handle")


def _is_plain_method(cls: type) -> bool:
    return isinstance(inspect.getattr_static(cls, "handle", None), FunctionType)


def _parameters(function: Any, *, skip_self: bool = False) -> list[inspect.Parameter]:
    parameters = list(inspect.signature(function).parameters.values())[skip_self:]
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _classify(
    handler: Any,
    function: Any,
    parameters: list[inspect.Parameter],
    is_function: bool,
    names: Mapping[str, Any] | None,
) -> tuple[str | None, tuple[tuple[str, Any], ...]]:
    """Tell the parameter that takes the events from those that the container provides."""
    events: str | None = None
    dependencies: list[tuple[str, Any]] = []
    for parameter in parameters:
        annotation = _evaluate(parameter.annotation, function, names)
        if _means_events(annotation):
            events = parameter.name
        elif parameter.default is not parameter.empty:
            continue
        elif not is_function:
            raise InvalidHandler(
                f"{_name(handler)}.handle has a parameter `{parameter.name}` that nobody fills: annotate it "
                "`Events`, give it a default, or take it in __init__"
            )
        elif annotation is parameter.empty or isinstance(annotation, str | ForwardRef):
            raise InvalidHandler(
                f"{_name(handler)} has a parameter `{parameter.name}` without a usable annotation; the container "
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


def _evaluate(annotation: Any, function: Any, names: Mapping[str, Any] | None) -> Any:
    """Turn an annotation that is a string into what it stands for; leave it as it is if that fails."""
    text = annotation.__forward_arg__ if isinstance(annotation, ForwardRef) else annotation
    if not isinstance(text, str):
        return annotation
    function = unwrap_partial(function)
    raw: Any = inspect.unwrap(function) if callable(function) else function
    raw = getattr(raw, "__func__", raw)
    if not hasattr(raw, "__globals__"):
        raw = getattr(raw.__class__, "__call__", raw)  # noqa: B004 - it is the function itself that is wanted
    try:
        return eval(text, getattr(raw, "__globals__", {}), dict(names or {}))
    except Exception:  # noqa: BLE001 - an annotation may run any code; one that fails tells us nothing
        return text


def _generic_arguments(cls: type, root: type, names: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """The arguments with which a class, or a base of it, parametrises ``root``; none if they are not all known."""
    arguments = _bound_arguments(cls, root, names)
    return () if any(isinstance(a, TypeVar | str | ForwardRef) for a in arguments) else arguments


def _bound_arguments(cls: type, root: type, names: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """The same, with type variables of the class for what is still open."""
    for base in getattr(cls, "__orig_bases__", cls.__bases__) if "__orig_bases__" in cls.__dict__ else cls.__bases__:
        origin = get_origin(base) or base
        if not isinstance(origin, type) or not issubclass(origin, root):
            continue
        arguments = get_args(base)
        if origin is not root:
            given = dict(zip(getattr(origin, "__parameters__", ()), arguments, strict=False))
            arguments = tuple(given.get(a, a) for a in _bound_arguments(origin, root, names))
        if arguments:
            return tuple(_evaluate(a, _module_of(cls), names) for a in arguments)
    return ()


def _module_of(cls: type) -> Any:
    """Any function of the class, to evaluate names where the class was defined."""
    return next((f for f in vars(cls).values() if isinstance(f, FunctionType)), None)


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
