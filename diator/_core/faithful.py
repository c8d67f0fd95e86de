"""Whether values survive the way to JSON and back.

What may live here: comparing what was sent with what would be received, and finding the place that went wrong. Values
never leave this module, only the paths to them.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from ..errors import MessageEncodeError
from .fields import fields_of
from .strict_json import EXACT_FLOATS, MAX_DEPTH, numbers

__all__ = ("difference", "loses_integers", "unencodable")


def difference(sent: Any, received: Any, path: str = "") -> str | None:
    """The path to the first part that did not come back equal; None if all did.

    Objects without an ``__eq__`` are compared field by field.
    """
    if _equal(sent, received):
        return None
    if type(sent) is not type(received):
        return path
    parts, others = _parts(sent), _parts(received)
    if not parts or parts.keys() != others.keys():
        return path
    for key, part in parts.items():
        found = difference(part, others[key], path + _step(sent, key))
        if found is not None:
            return found
    return None


def unencodable(value: Any, encode: Callable[[Any], object], path: str = "", depth: int = 0) -> str:
    """The path to the part of a value that ``encode`` refuses."""
    if depth < MAX_DEPTH:  # a list may contain itself
        for key, part in _parts(value).items():
            try:
                encode(part)
            except Exception:  # noqa: BLE001 - encoding runs code of the user's classes
                return unencodable(part, encode, path + _step(value, key), depth + 1)
    return path


def loses_integers(sent: Any, kept: Any) -> bool:
    """Whether an integer came to a float that does not equal it.

    Args:
        sent: The JSON values of the message.
        kept: The JSON values of what was read from it; fields that are not known here are missing.
    """
    before = Counter(numbers(sent))
    after = Counter(number for number in numbers(kept) if isinstance(number, float))
    return any(
        after[float(number)] > before[float(number)]
        for number in before
        if isinstance(number, int) and EXACT_FLOATS < abs(number) < 2**1023 and float(number) != number
    )


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - a signalling NaN, or what a class of the user's raises
        return False


def _parts(value: Any) -> dict[Any, Any]:
    """What a value consists of; nothing if it is a leaf."""
    cls: type[Any] = value.__class__
    if issubclass(cls, dict):
        return dict(value)
    if issubclass(cls, list | tuple):
        return {index: value[index] for index in range(len(value))}
    names: Any = getattr(cls, "__pydantic_fields__", None)
    if names is None:
        try:
            names = [field.name for field in fields_of(cls)]
        except MessageEncodeError:
            return {}
    return {name: getattr(value, name, None) for name in names}


def _step(container: Any, key: Any) -> str:
    """A step of a path. Keys of a dict are values of the user's, and never shown."""
    return "[...]" if isinstance(container, dict | list | tuple) else f".{key}"
