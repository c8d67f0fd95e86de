"""Checks that are made while binding a handler to a message.

What may live here: comparing what was declared with what is wanted. No map.
"""

import inspect
import sys
from collections.abc import Mapping
from types import MethodType, UnionType
from typing import Any, Union, get_args, get_origin

from ..errors import InvalidHandler
from .annotations import declared_messages
from .inspection import HandlerSpec, SyncMode, describe

__all__ = ("declared_types", "describe_for", "expect", "identity", "may_return", "names_of_caller", "text_of")


def names_of_caller() -> Mapping[str, Any]:
    """The names visible where ``bind`` or ``handler`` was called, for annotations that are strings."""
    return sys._getframe(2).f_locals


def expect(message_type: Any, root: type, remedy: str) -> None:
    """Raise `InvalidHandler` unless this is a message class of the right kind."""
    if not isinstance(message_type, type) or not issubclass(message_type, root):
        raise InvalidHandler(f"{text_of(message_type)} is not a subclass of {root.__name__}. {remedy}")


def describe_for(
    message_type: type, handler: Any, root: type, sync: SyncMode | None, names: Mapping[str, Any]
) -> HandlerSpec:
    """Find out how a handler wants to be called; raise `InvalidHandler` if it declares to handle other messages.

    Args:
        message_type: What it shall be bound to.
        handler: The handler.
        root: `RequestHandler` or `EventHandler`.
        sync: Where it shall run.
        names: The names visible where it is bound.
    """
    spec = describe(handler, sync, names)
    declared = declared_messages(handler, root, names)
    if declared and not issubclass(message_type, declared):
        raise InvalidHandler(
            f"{spec.name} handles {names_of(declared)}, so it cannot be bound to {message_type.__qualname__}"
        )
    return spec


def declared_types(spec: HandlerSpec, root: type, message: type, names: Mapping[str, Any]) -> tuple[type, ...]:
    """The message types that a handler says it handles; raise `InvalidHandler` if it does not say."""
    declared = declared_messages(spec.handler, root, names)
    if not declared or not all(issubclass(d, message) for d in declared):
        raise InvalidHandler(
            f"{spec.name} does not say which {message.__name__.lower()} it handles: annotate its first parameter, "
            f"write `class {spec.name}({root.__name__}[...])`, or use `bind`"
        )
    return declared


def may_return(given: Any, wanted: Any) -> bool:
    """Whether a handler that returns ``given`` can serve a request for ``wanted``. In doubt it can."""
    given, wanted = (type(None) if t is None else t for t in (given, wanted))
    if given == wanted or any(t in (inspect.Parameter.empty, Any) or isinstance(t, str) for t in (given, wanted)):
        return True
    for side, of in ((given, all), (wanted, any)):
        if get_origin(side) in (Union, UnionType):
            return of(may_return(*((m, wanted) if side is given else (given, m))) for m in get_args(side))
    if not (isinstance(given, type) and isinstance(wanted, type)) or get_origin(given) or get_origin(wanted):
        return True
    tower = (int, float, complex)  # PEP 484: an int may stand where a float is expected
    if given in tower and wanted in tower:
        return tower.index(given) <= tower.index(wanted)
    return issubclass(given, wanted)


def identity(handler: Any) -> tuple[int, ...]:
    """What makes two handlers the same one: a bound method is a new object at every access."""
    parts = (handler.__self__, handler.__func__) if isinstance(handler, MethodType) else (handler,)
    return tuple(map(id, parts))


def names_of(types: tuple[type, ...]) -> str:
    """The types as a text for errors."""
    return " | ".join(t.__qualname__ for t in types)


def text_of(annotation: Any) -> str:
    """The annotation as a text for errors."""
    return getattr(annotation, "__qualname__", None) or str(annotation)
