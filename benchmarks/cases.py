"""What is measured. This module runs beside every contender, so it imports none."""

from dataclasses import dataclass
from typing import Any

#: Each case, in the order of the tables, and how it is called there.
TITLES = {
    "singleton": "one handler for all",
    "new": "new handler each time",
    "dependencies": "handler with 2 dependencies",
    "function": "function with 2 dependencies",
    "scope": "the handler in a scope",
    "event": "1 event",
    "events": "10 events",
    "new_event": "1 event, constructed",
    "middlewares": "3 middlewares",
    "everything": "all together",
    "rodi": "handler built by rodi",
    "new_di": "handler built by di",
    "dataclass": "constructed dataclass",
    "struct": "constructed Struct",
    "model": "constructed pydantic model",
    "async_def": "async def, blocking",
    "encode": "encode a nested event",
    "decode": "decode a nested event",
}


@dataclass(frozen=True)
class Case:
    """Something to be timed.

    Attributes:
        key: One of `TITLES`, or the name of a container.
        statement: What is timed, as an application would write it.
        names: The objects that it names.
        threads: Whether more than one thread works on it, so that the clock on the wall counts instead of CPU time.
    """

    key: str
    statement: str
    names: dict[str, Any]
    threads: bool = False
