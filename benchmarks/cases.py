"""What is measured. This module runs beside every contender, so it imports none."""

from dataclasses import dataclass
from typing import Any

#: Each case, in the order of the tables, and how it is called there.
TITLES = {
    "singleton": "send, one handler for all",
    "new": "send, new handler each time",
    "dependencies": "send, new handler with 2 dependencies",
    "function": "send, function with 2 dependencies",
    "scope": "send, scope with a session",
    "event": "send, 1 event",
    "events": "send, 10 events",
    "new_event": "send, 1 event that the handler constructs",
    "middlewares": "send, 3 middlewares",
    "everything": "send, new handler, scope, 3 middlewares, 1 event",
    "rodi": "send, handler built by rodi",
    "new_di": "send, handler built by di",
    "dataclass": "construct and send a frozen dataclass",
    "struct": "construct and send a msgspec Struct",
    "model": "construct and send a pydantic model",
    "async_def": "blocking send, async def handler",
    "encode": "encode a nested event",
    "decode": "decode a nested event",
}


@dataclass(frozen=True)
class Case:
    """Something to be timed.

    Attributes:
        key: One of `TITLES`.
        statement: What is timed, as an application would write it.
        names: The objects that it names.
        threads: Whether more than one thread works on it, so that the clock on the wall counts instead of CPU time.
    """

    key: str
    statement: str
    names: dict[str, Any]
    threads: bool = False
