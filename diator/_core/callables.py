"""What can be seen of a callable from outside.

What may live here: telling kinds of callables apart. No annotation is read, nothing is called.
"""

import functools
import inspect
from collections.abc import Iterable
from types import FunctionType
from typing import Any

__all__ = (
    "handler_name",
    "is_coroutine_callable",
    "is_function",
    "is_plain_method",
    "parameters_of",
    "unique_names",
    "unwrap_partial",
)


def unwrap_partial(function: Any) -> Any:
    """The function that a partial, or a partial of a partial, calls."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def is_coroutine_callable(function: Any) -> bool:
    """Whether calling this object (a function, a partial, an object with ``__call__``) gives a coroutine."""
    function = unwrap_partial(function)
    if inspect.iscoroutinefunction(function):
        return True
    return not isinstance(function, type) and inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def is_function(handler: Any) -> bool:
    return not isinstance(handler, type) and callable(handler) and not hasattr(handler, "handle")


def is_plain_method(cls: type) -> bool:
    return isinstance(inspect.getattr_static(cls, "handle", None), FunctionType)


def parameters_of(function: Any, *, skip_self: bool = False) -> list[inspect.Parameter]:
    parameters = list(inspect.signature(function).parameters.values())[skip_self:]
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def handler_name(handler: Any) -> str:
    handler = unwrap_partial(handler)
    return getattr(handler, "__qualname__", None) or type(handler).__qualname__


def unique_names(handlers: Iterable[Any]) -> list[str]:
    """Names that stay the same from one process to the next; a number tells handlers of the same name apart."""
    names: list[str] = []
    for handler in handlers:
        handler = unwrap_partial(handler)
        module = getattr(handler, "__module__", None) or type(handler).__module__
        base = f"{module}.{handler_name(handler)}"
        count = sum(name.partition("#")[0] == base for name in names)
        names.append(f"{base}#{count + 1}" if count else base)
    return names
