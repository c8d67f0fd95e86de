"""Events and requests to payloads and back.

What may live here: the rule that one is sent only if it would come back equal, and received only if nothing has to be
guessed. No envelope, no broker. What an error says never holds a value.
"""

import sys
from typing import Any, TypeVar

import msgspec

from ..errors import MessageDecodeError, MessageEncodeError
from .codecs import Codec, codec_of, to_json
from .faithful import difference, loses_integers, unencodable
from .messages import Event, Request
from .strict_json import MAX_DEPTH, has_digits, is_too_deep, reason

__all__ = ("check_payload", "decode_payload", "encode_payload")

M = TypeVar("M", bound=Event | Request[Any])

#: An integer with fewer digits is also a float (`EXACT_FLOATS`).
_DIGITS = 16


def check_payload(message_type: type[Event] | type[Request[Any]]) -> None:
    """Make sure that messages of this type can be sent and received, as far as the type tells.

    Raises:
        MessageEncodeError: A field could not be decoded. The text names it and says what to do.
    """
    codec_of(message_type)


def encode_payload(message: Event | Request[Any]) -> dict[str, Any]:
    """Turn a message into JSON values, from which `decode_payload` makes an equal one.

    Raises:
        MessageEncodeError: It would not come back equal. The text names the class and the field.
    """
    cls = type(message)
    codec = codec_of(cls)
    try:
        image = codec.image(message)
    except AttributeError as error:
        raise MessageEncodeError(
            f"{cls.__qualname__} has no attribute {error.name}: keep what __init__ takes under the same name"
        ) from None
    body = _to_json(cls, codec, image)
    if is_too_deep(body):
        raise MessageEncodeError(f"{cls.__qualname__} is nested deeper than {MAX_DEPTH} levels")
    try:
        payload: dict[str, Any] = msgspec.json.decode(body)
        received = codec.read(payload)
    except Exception as error:  # noqa: BLE001 - runs code of the user's classes
        why = _why(cls, error)
        if why.endswith("got null"):
            why += ", which is what JSON has for NaN and infinities"
        raise MessageEncodeError(f"a receiver would refuse this {cls.__qualname__}: {why}") from None
    path = difference(image, received)
    if path is not None:
        raise MessageEncodeError(
            f"{cls.__qualname__}{path} would come back as something else: annotate it with the type of its value; "
            "JSON has no NaN and no infinity"
        )
    return payload


def decode_payload(message_type: type[M], payload: dict[str, Any]) -> M:
    """Make a message from JSON values, strictly; unknown fields are allowed.

    Raises:
        MessageDecodeError: A field is missing or wrong, or the class refuses the values.
    """
    codec = codec_of(message_type)
    name = message_type.__qualname__
    try:
        image = codec.read(payload)
        wide = has_digits(msgspec.json.encode(payload), _DIGITS)
        lossy = wide and loses_integers(payload, msgspec.json.decode(to_json(codec.write(image))))
    except Exception as error:  # noqa: BLE001 - runs code of the user's classes
        raise MessageDecodeError(f"the payload is not a {name}: {_why(message_type, error)}") from None
    if lossy:
        raise MessageDecodeError(f"the payload is not a {name}: an integer is too large for the float field it is in")
    try:
        message: M = codec.build(image)
    except Exception as error:  # noqa: BLE001 - runs code of the user's classes
        raise MessageDecodeError(f"{name} refused the values of the payload ({type(error).__name__})") from None
    return message


def _to_json(cls: type[Any], codec: Codec, image: Any) -> bytes:
    try:
        return to_json(codec.write(image))
    except RecursionError:
        why = f" is nested deeper than {MAX_DEPTH} levels, or contains itself"
    except UnicodeEncodeError:
        why = f"{unencodable(image, to_json)} has a lone surrogate, which has no UTF-8 form"
    except Exception:  # noqa: BLE001 - runs code of the user's classes
        why = f"{unencodable(image, to_json)} has no JSON form"
    raise MessageEncodeError(f"{cls.__qualname__}{why}")


def _why(cls: type[Any], error: Exception) -> str:
    """What was wrong, without the input that the error may quote."""
    pydantic: Any = sys.modules.get("pydantic")
    if pydantic is None or not isinstance(error, pydantic.ValidationError):
        return reason(error)
    found: Any = error
    place = found.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
    fields: dict[str, Any] = getattr(cls, "__pydantic_fields__", {})
    names = {*fields, *(field.alias for field in fields.values())}
    where = f"{place[0]}: " if place and place[0] in names else ""  # any other step may be a key of the input
    return f"{where}the value is missing, or not a valid one"
