"""Which values make up an object.

What may live here: finding the fields of dataclasses, attrs classes, msgspec Structs and plain classes, and how their
constructors take them. No wire format. Pydantic models know their own fields.
"""

import dataclasses
import inspect
from dataclasses import MISSING, dataclass
from datetime import datetime
from types import FunctionType
from typing import Any, get_type_hints
from uuid import UUID

import msgspec

from ..errors import MessageEncodeError
from .messages import Event, Request

__all__ = ("Field", "fields_of", "identity_of")

_EVENT: dict[str, Any] = {"event_id": UUID, "event_timestamp": datetime}
_REQUEST: dict[str, Any] = {"request_id": UUID}
_NEITHER: dict[str, Any] = {}


def identity_of(cls: type) -> dict[str, Any]:
    """What every object of a class carries, whether or not the class declares it, with the types."""
    return _EVENT if issubclass(cls, Event) else _REQUEST if issubclass(cls, Request) else _NEITHER


@dataclass(frozen=True, slots=True)
class Field:
    """One value of an object.

    Attributes:
        name: The attribute that holds it.
        key: Its name on the wire.
        type: What it is annotated with.
        argument: The parameter of the constructor that takes it; None if there is none.
        required: Whether a message without it is refused.
    """

    name: str
    key: str
    type: Any
    argument: str | None
    required: bool


def fields_of(cls: type) -> tuple[Field, ...]:
    """Find the fields of a class; what `identity_of` names is always among them.

    Raises:
        MessageEncodeError: They cannot be told.
    """
    own = _own_fields(cls)
    identity = identity_of(cls)
    names = {field.name for field in own}
    added = [Field(name, name, kind, None, True) for name, kind in identity.items() if name not in names]
    return *added, *(dataclasses.replace(field, required=True) if field.name in identity else field for field in own)


def _own_fields(cls: type[Any]) -> tuple[Field, ...]:
    if issubclass(cls, msgspec.Struct):
        hints = _hints(cls, cls)
        return tuple(
            Field(field.name, field.encode_name, hints[field.name], field.name, field.required)
            for field in msgspec.structs.fields(cls)
        )
    owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
    if owner is object:
        return ()
    if "__attrs_attrs__" in vars(owner) and "__attrs_init__" not in vars(owner):
        return _attrs_fields(cls, vars(owner)["__attrs_attrs__"])
    params = vars(owner).get("__dataclass_params__")
    if params is not None and params.init:
        return _dataclass_fields(cls, owner)
    return _parameters(cls, owner)


def _dataclass_fields(cls: type, owner: type) -> tuple[Field, ...]:
    hints = _hints(cls, cls)
    for name, hint in hints.items():
        if isinstance(hint, dataclasses.InitVar):
            raise MessageEncodeError(f"{cls.__qualname__}.{name} is an InitVar, which cannot be read: make it a field")
    return tuple(
        Field(
            field.name,
            field.name,
            hints[field.name],
            field.name if field.init else None,
            field.init and field.default is MISSING and field.default_factory is MISSING,
        )
        for field in dataclasses.fields(owner)
    )


def _attrs_fields(cls: type, attributes: Any) -> tuple[Field, ...]:
    hints = _hints(cls, cls)
    for attribute in attributes:
        if attribute.name not in hints:
            raise _unannotated(cls, attribute.name)
    return tuple(
        Field(
            attribute.name,
            attribute.name,
            hints[attribute.name],
            attribute.alias if attribute.init else None,
            bool(attribute.init and not attribute.default),
        )
        for attribute in attributes
    )


def _parameters(cls: type, owner: type) -> tuple[Field, ...]:
    init = vars(owner)["__init__"]
    if not isinstance(init, FunctionType) or inspect.isabstract(cls) or getattr(cls, "_is_protocol", False):
        raise MessageEncodeError(f"{cls.__qualname__} has no fields that can be told: use a dataclass")
    hints = _hints(cls, init)
    fields: list[Field] = []
    for parameter in list(inspect.signature(init).parameters.values())[1:]:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise MessageEncodeError(
                f"{cls.__qualname__}.__init__ takes {parameter}, but only what can be passed by name has a value to "
                "send; use a dataclass"
            )
        if parameter.name not in hints:
            raise _unannotated(cls, parameter.name)
        required = parameter.default is parameter.empty
        fields.append(Field(parameter.name, parameter.name, hints[parameter.name], parameter.name, required))
    return tuple(fields)


def _hints(cls: type, annotated: Any) -> dict[str, Any]:
    try:
        return get_type_hints(annotated, include_extras=True)
    except NameError as error:
        raise MessageEncodeError(
            f"the annotations of {cls.__qualname__} cannot be resolved: {error}. Import the name, or define it, at the "
            "level of the module and not only `if TYPE_CHECKING`"
        ) from error


def _unannotated(cls: type, name: str) -> MessageEncodeError:
    return MessageEncodeError(f"{cls.__qualname__}.{name} has no annotation: annotate it, so that it can be decoded")
