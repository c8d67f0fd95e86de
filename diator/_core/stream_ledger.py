"""What a receiver of a Redis stream has got, and has not settled.

What may live here: which delivery stands for which entry, and until when it is surely ours. No I/O, no clock.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from .delivery import Delivery
from .stream_entries import Entry

__all__ = ("Held", "Ledger")


@dataclass(slots=True, eq=False)
class Held:
    """An entry that was delivered to us.

    Attributes:
        stream: Where it is.
        id: Its id there.
        until: Before this time nobody else can have claimed it.
        counted: The number of deliveries that the server has counted.
        before: The number of those before this one.
        begun: Whether this one has begun.
        done: The handlers that the server knows to have succeeded.
        is_noted: Whether the server keeps a note about it.
        is_settling: Whether a verdict is being carried out.
    """

    stream: str
    id: str
    until: float
    counted: int
    before: int = 0
    begun: bool = False
    done: frozenset[str] = frozenset()
    is_noted: bool = False
    is_settling: bool = False
    delivery_id: str = field(default="", repr=False)


class Ledger:
    """Knows what is held, by stream and id."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Held] = {}
        self._numbers = count(1)  # several threads may add

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, place: tuple[str, str]) -> bool:
        return place in self._held

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._held.values()))

    def add(self, held: Held, entry: Entry, attempt: int) -> Delivery:
        """Note that an entry was delivered. An earlier delivery of it is lost from now on."""
        held.delivery_id = f"{held.stream}/{held.id}/{next(self._numbers)}"
        self._held[held.stream, held.id] = held
        return Delivery(
            body=entry.body,
            headers=entry.headers,
            delivery_id=held.delivery_id,
            attempt=attempt,
            done=held.done,
            handle=held,
        )

    def find(self, delivery: Delivery) -> Held | None:
        """What a delivery stands for; None if it is settled or lost."""
        held = delivery.handle
        if isinstance(held, Held) and self._held.get((held.stream, held.id)) is held:
            return held
        return None

    def remove(self, held: Held) -> None:
        if self._held.get((held.stream, held.id)) is held:
            del self._held[held.stream, held.id]

    def of(self, streams: Iterable[str]) -> list[Held]:
        """What is held of some streams."""
        wanted = set(streams)
        return [held for held in self if held.stream in wanted]
