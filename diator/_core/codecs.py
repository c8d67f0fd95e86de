"""How the objects of one class become JSON values and come back.

What may live here: one codec per class, made once: its fields are mirrored by a msgspec Struct, which is encoded and
decoded; the object itself is built by its own constructor. Pydantic models bring their own codec.
"""

import sys
from datetime import UTC, datetime
from typing import Any, Protocol, Union

import msgspec
from msgspec import UNSET, UnsetType

from ..errors import MessageEncodeError
from .fields import fields_of, identity_of
from .messages import Event
from .strict_json import Refusal, reason

__all__ = ("Codec", "codec_of", "to_json")


class Codec(Protocol):
    """An object has an image, which is what gets written, read and compared."""

    def image(self, value: Any) -> Any:
        """Make the image of an object."""
        ...

    def write(self, image: Any) -> Any:
        """Turn an image into something that `to_json` knows."""
        ...

    def read(self, plain: Any) -> Any:
        """Make an image from JSON values; any exception means that they are refused."""
        ...

    def build(self, image: Any) -> Any:
        """Make the object; any exception means that its class refuses the values."""
        ...


def codec_of(cls: type[Any]) -> Codec:
    """Find or make the codec of a class.

    Raises:
        MessageEncodeError: It has a field that could not be decoded.
    """
    codec = _codecs.get(cls)
    if codec is None:
        # Known before its fields are looked at: a class may refer to itself.
        codec = _codecs[cls] = _ModelCodec(cls) if _is_model(cls) else _FieldCodec(cls)
        try:
            codec.prepare()
        except BaseException:
            _codecs.pop(cls, None)
            raise
    return codec


class _FieldCodec:
    """For dataclasses, attrs classes, Structs and plain classes; the image is a Struct of the fields."""

    def __init__(self, cls: type[Any]) -> None:
        self._cls = cls
        self._fields = fields_of(cls)
        self._identity = identity_of(cls)
        self._mirror: Any = None

    def prepare(self) -> None:
        """Make the mirror, unless a field could not be decoded."""
        for field in self._fields:
            _check_type(field.type, f"{self._cls.__qualname__}.{field.name}")
        self._mirror = msgspec.defstruct(
            self._cls.__name__,
            [
                (field.name, field.type) if field.required else (field.name, Union[field.type, UnsetType], UNSET)  # noqa: UP007 - `|` wants types, not any annotation
                for field in self._fields
            ],
            kw_only=True,
            rename={field.name: field.key for field in self._fields},
        )

    def image(self, value: Any) -> Any:
        return self._with_zone(self._mirror(**{field.name: getattr(value, field.name) for field in self._fields}))

    def write(self, image: Any) -> Any:
        return image

    def read(self, plain: Any) -> Any:
        return self._with_zone(msgspec.convert(plain, self._mirror, str_keys=True, dec_hook=_build))

    def build(self, image: Any) -> Any:
        arguments: dict[str, Any] = {}
        identity: dict[str, Any] = {}
        for field in self._fields:
            value = getattr(image, field.name)
            if field.argument is None:
                if field.name in self._identity:
                    identity[field.name] = value
            elif value is not UNSET:
                arguments[field.argument] = value
        built = self._cls(**arguments)
        if identity:
            built.__dict__.update(identity)
        return built

    def _with_zone(self, image: Any) -> Any:
        moment = image.event_timestamp if issubclass(self._cls, Event) else None
        if isinstance(moment, datetime) and moment.tzinfo is None:
            image.event_timestamp = moment.replace(tzinfo=UTC)  # what diator 0.1 sends is UTC, and does not say so
        return image


class _ModelCodec:
    """For pydantic models; the image is the model itself."""

    def __init__(self, cls: type[Any]) -> None:
        self._cls = cls
        fields: dict[str, Any] = cls.__pydantic_fields__
        #: What a message carries without declaring it as fields.
        self._identity = {name: kind for name, kind in identity_of(cls).items() if name not in fields}
        self._mirror = msgspec.defstruct(cls.__name__, list(self._identity.items()))

    def prepare(self) -> None:
        """Pydantic has looked at the fields."""

    def image(self, value: Any) -> Any:
        return value

    def write(self, image: Any) -> Any:
        # A warning would quote the value that is not of the declared type.
        plain = msgspec.json.decode(image.model_dump_json(by_alias=True, warnings="error"))
        return plain | {name: getattr(image, name) for name in self._identity} if self._identity else plain

    def read(self, plain: Any) -> Any:
        own = {name: value for name, value in plain.items() if name not in self._identity} if self._identity else plain
        model = self._cls.model_validate_json(msgspec.json.encode(own), strict=True)
        if self._identity:
            model.__dict__.update(msgspec.structs.asdict(msgspec.convert(plain, self._mirror)))
        return model

    def build(self, image: Any) -> Any:
        return image


_codecs: dict[type[Any], "_FieldCodec | _ModelCodec"] = {}


def _write(value: Any) -> Any:
    codec = _codecs.get(value.__class__)
    if codec is None:
        raise TypeError("no field is annotated with this class")
    return codec.write(codec.image(value))


def _build(cls: Any, plain: Any) -> Any:
    codec = codec_of(getattr(cls, "__origin__", cls))
    try:
        image = codec.read(plain)
    except msgspec.ValidationError as error:
        raise Refusal(reason(error)) from None  # msgspec adds where it was
    return codec.build(image)


to_json = msgspec.json.Encoder(enc_hook=_write).encode


def _is_model(cls: type[Any]) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(cls, pydantic.BaseModel)


def _check_type(annotation: Any, name: str) -> None:
    """Refuse a type that nothing could be decoded into."""
    try:
        todo: list[Any] = [msgspec.inspect.type_info(annotation)]
        seen: dict[int, Any] = {}  # a class may refer to itself
        while todo:
            node = todo.pop()
            kind: type[Any] = node.__class__
            if kind is msgspec.inspect.CustomType:
                _check_custom(node.cls)
            elif kind is tuple:
                todo.extend(node)
            elif issubclass(kind, msgspec.Struct) and id(node) not in seen:
                seen[id(node)] = node
                todo.extend(msgspec.structs.astuple(node))
    except (TypeError, NameError, MessageEncodeError) as error:
        raise MessageEncodeError(f"{name} could not be decoded: {error}") from error


def _check_custom(cls: type[Any]) -> None:
    if not _is_model(cls) and not issubclass(cls, Event) and not fields_of(cls):
        raise MessageEncodeError(
            f"{cls.__qualname__} says nothing about its fields; use a dataclass, or a type that JSON can carry"
        )
    codec_of(cls)
