"""Names of Redis Pub/Sub channels.

What may live here: from a template to a name and to a pattern. No socket.
"""

import re
from string import Formatter

from .wire import Message

__all__ = ("Channels",)

_FIELDS = ("prefix", "type", "id", "name", "key")
_SPECIAL = re.compile(r"([*?\[\]\\])")


class Channels:
    """Makes the names of channels.

    Args:
        prefix: What stands for ``{prefix}``.
        template: A text with ``{prefix}``, ``{type}``, ``{name}``, ``{id}`` and ``{key}``, the partition key.

    Raises:
        ValueError: The template has other fields.
    """

    def __init__(self, prefix: str, template: str) -> None:
        try:
            fields = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(template)]
        except ValueError as exc:
            raise ValueError(f"channel {template!r} is malformed: {exc}") from exc
        for name, spec, conversion in fields:
            if name is not None and (name not in _FIELDS or spec or conversion):
                raise ValueError(f"channel {template!r} may only contain {{{'}, {'.join(_FIELDS)}}}")
        self._prefix = prefix
        self._template = template

    def name(self, message: Message) -> str:
        """The channel of a message."""
        return self._template.format(
            prefix=self._prefix,
            type=message.message_type,
            name=message.message_name,
            id=message.message_id,
            key=message.partition_key or "",
        )

    @property
    def pattern(self) -> str:
        """What all channels of this prefix match."""
        parts = [
            _escaped(text) + ("" if field is None else _escaped(self._prefix) if field == "prefix" else "*")
            for text, field, _, _ in Formatter().parse(self._template)
        ]
        return "".join(parts)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
