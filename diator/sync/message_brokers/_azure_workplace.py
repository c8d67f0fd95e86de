# Generated from diator/aio/message_brokers/_azure_workplace.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What the connections of a receiver share."""

from typing import Any, Self

from ..._core.servicebus import Arrived
from ..._core.servicebus_pool import Pool
from ..._core.servicebus_return import Abandon, recall, remember
from ..._runtime.sync.waiting import Changes
from ._azure_entity import Entity
from ._azure_publisher import Publisher

__all__ = ("SessionMemory", "Workplace")

#: Seconds that reading or writing the state of a session may take.
_STATE = 10.0


class Workplace:
    """Everything that the connections of a receiver share. The pool is used only while `changes` is entered."""

    def __init__(self, entity: Entity, publisher: Publisher, pool: Pool) -> None:
        self.entity, self.publisher, self.pool = entity, publisher, pool
        self.changes = Changes()


class SessionMemory:
    """What a session remembers of the message at its head, which Service Bus does not count or know.

    It is kept in the state of the session, unless the application keeps something else there.
    """

    def __init__(self, state: str | None = None) -> None:
        self._state = state

    @classmethod
    def read(cls, link: Any) -> Self:
        state = link.session.get_state(timeout=_STATE)
        return cls((state or b"").decode(errors="replace"))

    def recall(self, arrived: Arrived) -> Arrived:
        """The message with what is known of it."""
        return recall(self._state, arrived)

    def keep(self, link: Any, arrived: Arrived, abandon: Abandon) -> None:
        """Remember something of a message."""
        state = remember(self._state, arrived, abandon)
        if state != self._state:
            link.session.set_state(state, timeout=_STATE)
            self._state = state
