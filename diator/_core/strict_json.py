"""JSON without surprises.

What may live here: limits, and the reading and writing of JSON text that refuse what other readers would lose or
guess at. No message, no event. What an error says never holds a part of what was read or written.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ..errors import MessageDecodeError, MessageEncodeError

__all__ = (
    "EXACT_FLOATS",
    "MAX_BODY",
    "MAX_DEPTH",
    "Refusal",
    "decode",
    "encode",
    "has_digits",
    "is_too_deep",
    "numbers",
    "reason",
    "unchecked",
)

#: Bytes of a body: what Azure Service Bus (standard tier) takes as one message.
MAX_BODY = 256 * 1024
#: Levels of arrays and objects: the default limit of .NET's System.Text.Json.
MAX_DEPTH = 64
#: Above this, not every integer is also a float (IEEE 754, 53 bits of mantissa).
EXACT_FLOATS = 2**53

_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x78\x01": "zlib",
    b"\x78\x5e": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ": "xz",
    b"BZh": "bzip2",
}
#: A string, closed or not: possessive, and it never fails once begun, so that hostile text costs linear time.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_ONE_PAIR = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_PATH = re.compile(r" - at (?:`key` in )?`\$\.?([^`]*)`\Z")
_EXPECTED = re.compile(r"Expected `([\w |]+)`, got `(\w+)`(?: - at |\Z)")
_MISSING = re.compile(r"Object missing required field `([^`]+)`(?: - at |\Z)")


class Refusal(ValueError):
    """Raised inside msgspec's hooks, with a text that quotes nothing."""


def decode(body: bytes) -> Any:
    """Read JSON into dicts, lists, strings, numbers, booleans and None.

    Raises:
        MessageDecodeError: It is compressed, malformed, larger than `MAX_BODY`, deeper than `MAX_DEPTH`, or an object
            has a key twice.
    """
    if len(body) > MAX_BODY:
        raise MessageDecodeError(f"the body has {len(body)} bytes; at most {MAX_BODY} are read")
    for magic, name in _COMPRESSED.items():
        if body.startswith(magic):
            raise MessageDecodeError(f"the body is compressed ({name}): the producer has to send plain JSON")
    if is_too_deep(body):
        raise MessageDecodeError(f"the body is nested deeper than {MAX_DEPTH} levels")
    try:
        tree = msgspec.json.decode(body)
        again = msgspec.json.encode(tree)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise MessageDecodeError("the body is not valid JSON in UTF-8") from None
    # Our own text comes back as it was. In any other, a lost colon is a key that was there twice.
    if again != body and _colons(again) != _colons(body):
        raise MessageDecodeError("the body has an object with the same key twice")
    return tree


def encode(tree: Any, name: str) -> bytes:
    """Write what `decode` will read as the same.

    Args:
        tree: Dicts with string keys, lists, strings, numbers, booleans and None.
        name: What the errors call it.

    Raises:
        MessageEncodeError: It holds something else, or what `decode` refuses, or an integer beyond 64 bits.
    """
    try:
        body = msgspec.json.encode(tree)
    except UnicodeEncodeError:
        raise MessageEncodeError(f"{name} holds a string with a lone surrogate: it has no UTF-8 form") from None
    except RecursionError:
        raise MessageEncodeError(f"{name} is nested deeper than {MAX_DEPTH} levels, or contains itself") from None
    except (TypeError, ValueError):
        raise MessageEncodeError(f"{name} holds an object that has no JSON form") from None
    if len(body) > MAX_BODY:
        raise MessageEncodeError(f"{name} has {len(body)} bytes as JSON; at most {MAX_BODY} are sent: send a reference")
    if is_too_deep(body):
        raise MessageEncodeError(f"{name} is nested deeper than {MAX_DEPTH} levels")
    if has_digits(body, 19) and any(isinstance(n, int) and not -(2**63) <= n < 2**64 for n in numbers(tree)):
        raise MessageEncodeError(f"{name} holds an integer beyond 64 bits: send it as a string")
    if msgspec.json.decode(body) != tree:
        if any(isinstance(n, float) and not math.isfinite(n) for n in numbers(tree)):
            raise MessageEncodeError(f"{name} holds a NaN or an infinity: JSON has neither")
        raise MessageEncodeError(
            f"{name} would not come back as it is: only dicts with string keys, lists, strings, numbers, booleans and "
            "None are JSON"
        )
    return body


def unchecked(tree: Any) -> bytes | None:
    """Write JSON that need not be read as the same; None if that is not possible."""
    try:
        return msgspec.json.encode(tree)
    except Exception:  # noqa: BLE001 - encoding runs code of the user's classes
        return None


def has_digits(body: bytes, count: int) -> bool:
    """Whether so many digits stand next to each other anywhere; a regular expression takes ten times as long."""
    return b"0" * count in body.translate(_DIGITS)


def is_too_deep(body: bytes) -> bool:
    """Whether JSON text is nested deeper than `MAX_DEPTH`; the text need not be valid."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", body).translate(_ONE_PAIR, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if b"[]" not in brackets:
            break
        brackets = brackets.replace(b"[]", b"")
    return b"[" in brackets


def numbers(tree: Any) -> Iterator[int | float]:
    """Every number in a tree, except keys."""
    todo: list[Any] = [tree]
    while todo:
        node = todo.pop()
        kind = node.__class__
        if kind is dict:
            todo.extend(node.values())
        elif kind is list or kind is tuple:
            todo.extend(node)
        elif kind is int or kind is float:
            yield node


def reason(error: Exception) -> str:
    """Say what a `msgspec.ValidationError` found, without the input that its own text may quote."""
    if not isinstance(error, msgspec.ValidationError):
        return "the value was refused"
    text = str(error)
    path = _PATH.search(text)
    where = f"{path[1]}: " if path and path[1] else ""
    if isinstance(error.__cause__, Refusal):
        return f"{where}{error.__cause__}"
    if error.__cause__ is None:  # otherwise the text is not msgspec's
        if expected := _EXPECTED.match(text):
            return f"{where}expected {expected[1]}, got {expected[2]}"
        if missing := _MISSING.match(text):
            return f"{where}{missing[1]} is missing"
    return f"{where}the value is not a valid one"


def _colons(body: bytes) -> int:
    return _STRING.sub(b"", body).count(b":")
