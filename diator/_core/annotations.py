"""What annotations and generic arguments say.

What may live here: reading them, also where they are strings. Nothing is called.
"""

import inspect
from collections.abc import Mapping
from types import FunctionType, UnionType
from typing import Any, ForwardRef, TypeVar, Union, get_args, get_origin

from .callables import is_function, is_plain_method, parameters_of, unwrap_partial
from .handlers import RequestHandler
from .messages import Request

__all__ = ("declared_messages", "declared_result", "evaluate", "result_of")


def declared_messages(handler: Any, root: type, names: Mapping[str, Any] | None = None) -> tuple[type, ...]:
    """The message types that a handler says it handles: from its generic arguments, else from the annotation.

    Args:
        handler: The handler.
        root: `RequestHandler` or `EventHandler`, whose first argument counts.
        names: The names visible where the handler was defined.
    """
    declared = _generic_arguments(handler, root, names)[:1] if isinstance(handler, type) else ()
    if not declared:
        function = handler if is_function(handler) else getattr(handler, "handle", None)
        is_plain = isinstance(handler, type) and is_plain_method(handler)
        declared = tuple(
            evaluate(p.annotation, function, names) for p in parameters_of(function, skip_self=is_plain)[:1]
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
    function: Any = handler if is_function(handler) else getattr(handler, "handle", None)
    return evaluate(inspect.signature(function).return_annotation, function, names)


def result_of(request_type: type) -> Any:
    """The result type of a request class, or `inspect.Parameter.empty` if it does not say."""
    arguments = _generic_arguments(request_type, Request, None)
    return arguments[0] if arguments else inspect.Parameter.empty


def evaluate(annotation: Any, function: Any, names: Mapping[str, Any] | None) -> Any:
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
            return tuple(evaluate(a, _module_of(cls), names) for a in arguments)
    return ()


def _module_of(cls: type) -> Any:
    """Any function of the class, to evaluate names where the class was defined."""
    return next((f for f in vars(cls).values() if isinstance(f, FunctionType)), None)
