# Generated from diator/aio/message_brokers/_azure_dead_letters.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The dead letters of a queue or a subscription of Azure Service Bus."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from ..._core.delivery import DeadMessage
from ..._core.serializers import Serializer
from ..._core.servicebus import Arrived
from ..._core.servicebus_return import read_death, resend
from ..._runtime.servicebus import read
from ..._runtime.sync.servicebus import Home, release
from ...errors import DeadLetterDoesNotExist, DiatorError, MessageDecodeError
from ._azure_entity import Entity
from ._azure_publisher import Publisher

__all__ = ("AzureDeadLetters",)

#: How many messages to lock at a time while looking for some of them, and seconds to wait for more.
_PAGE, _WAIT = 50, 2.0
#: Seconds that a look without locking may take.
_PEEK = 30.0


class AzureDeadLetters:
    """See `DeadLetters`. An id is the number of the message in the dead-letter queue.

    Service Bus gives dead letters out only in their order. So to send some again or to delete them, all before them are
    locked for a moment. Each call opens a connection of its own.
    """

    def __init__(self, entity: Entity, publisher: Publisher, home: Home, serializer: Serializer) -> None:
        self._entity, self._publisher, self._home, self._serializer = entity, publisher, home, serializer

    def list(self, limit: int = 100, after: str | None = None) -> Sequence[DeadMessage]:
        """Return the oldest ones, or those that follow ``after``."""
        return self._home.run(self._with_link, self._list, limit, _number(after) + 1 if after else 1)

    def show(self, dead_id: str) -> DeadMessage:
        """Return one; see `DeadLetters.show`."""
        found: Sequence[DeadMessage] = self._home.run(self._with_link, self._list, 1, _number(dead_id))
        if not found or found[0].dead_id != dead_id:
            raise DeadLetterDoesNotExist("there is no dead letter with this id: it may have been sent again")
        return found[0]

    def retry(self, *dead_ids: str) -> int:
        """Send messages again; see `DeadLetters.retry`. What was received from a subscription goes to that one only."""
        count: int = self._home.run(self._with_link, self._retry, {_number(dead_id) for dead_id in dead_ids})
        return count

    def retry_all(self) -> int:
        """Send all messages again that can be read."""
        count: int = self._home.run(self._with_link, self._retry_all)
        return count

    def delete(self, *dead_ids: str) -> int:
        """Delete messages, and return how many there were."""
        count: int = self._home.run(self._with_link, self._delete, {_number(dead_id) for dead_id in dead_ids})
        return count

    # at home

    def _with_link(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function with a receiver of its own."""
        link: Any = None
        try:
            link = self._entity.receiver(dead_letters=True)
            return function(link, *args)
        except DiatorError:
            raise
        except Exception as error:
            raise self._entity.explain(error) from error
        finally:
            if link is not None:
                self._entity.hang_up(link)

    def _list(self, link: Any, limit: int, first: int) -> Sequence[DeadMessage]:
        found: list[DeadMessage] = []
        while len(found) < limit:
            page = self._peek(link, limit - len(found), first)
            if not page:
                break
            found += [_dead_message(raw) for raw in page]
            first = page[-1].sequence_number + 1
        return found

    def _peek(self, link: Any, limit: int, first: int) -> Sequence[Any]:
        """Look at messages without locking them."""
        page: Sequence[Any] = link.peek_messages(limit, sequence_number=max(first, 1), timeout=_PEEK)
        return page

    def _find(self, link: Any, numbers: Collection[int]) -> Sequence[Arrived]:
        """Those of these messages that are there."""
        found: list[Arrived] = []
        for number in sorted(numbers):
            page = self._peek(link, 1, number)
            found += [read(raw) for raw in page if raw.sequence_number == number]
        return found

    def _retry(self, link: Any, numbers: Collection[int]) -> int:
        found = self._find(link, numbers)
        for arrived in found:
            self._serializer.decode(arrived.message.body, arrived.headers)
        return self._take(link, {arrived.sequence for arrived in found}, self._send_again)

    def _retry_all(self, link: Any) -> int:
        wanted: set[int] = set()
        page = self._peek(link, _PAGE, 1)
        while page:
            wanted.update(arrived.sequence for arrived in map(read, page) if self._is_readable(arrived))
            page = self._peek(link, _PAGE, page[-1].sequence_number + 1)
        return self._take(link, wanted, self._send_again)

    def _delete(self, link: Any, numbers: Collection[int]) -> int:
        wanted = {arrived.sequence for arrived in self._find(link, numbers)}
        return self._take(link, wanted, None)

    def _take(self, link: Any, wanted: Collection[int], use: Callable[[Arrived], None] | None) -> int:
        """Lock messages in their order, use and remove those that are wanted, and give the others back in the end."""
        others: list[Any] = []
        seen: set[int] = set()
        taken = 0
        try:
            while taken < len(wanted):
                # not more than are missing, or closing would have to wait for what is not used
                page = link.receive_messages(min(_PAGE, len(wanted) - taken), max_wait_time=_WAIT)
                fresh = [raw for raw in page if raw.sequence_number not in seen]
                if not fresh:
                    break  # somebody else has locked or removed the rest
                for raw in fresh:
                    seen.add(raw.sequence_number)
                    if raw.sequence_number not in wanted:
                        others.append(raw)
                        continue
                    if use is not None:
                        use(read(raw))
                    link.complete_message(raw)
                    taken += 1
        finally:
            for raw in others:
                release(link, raw)
        return taken

    def _send_again(self, arrived: Arrived) -> None:
        [problem] = self._publisher.send([[resend(arrived, self._entity.subscription)]])
        if problem is not None:
            raise problem

    def _is_readable(self, arrived: Arrived) -> bool:
        try:
            self._serializer.decode(arrived.message.body, arrived.headers)
        except MessageDecodeError:
            return False
        return True


def _number(dead_id: str) -> int:
    """The number that an id stands for; 0 if it is none."""
    return int(dead_id) if dead_id.isascii() and dead_id.isdecimal() else 0


def _dead_message(raw: Any) -> DeadMessage:
    arrived = read(raw)
    attempt, dead_at = read_death(raw.dead_letter_error_description, arrived.attempt - 1)
    return DeadMessage(
        dead_id=str(arrived.sequence),
        reason=raw.dead_letter_reason or "unknown",
        body=arrived.message.body,
        headers=arrived.headers,
        attempt=attempt,
        dead_at=dead_at,
    )
