"""Sending to Azure Service Bus, by one sender for all."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from ..._core.servicebus import Numbered, Outgoing, by_session, in_runs
from ..._runtime.aio.servicebus import Home, Lock, pause
from ..._runtime.aio.waiting import current_time
from ..._runtime.servicebus import fill, write
from ...errors import BrokerError, BrokerUnavailable, MessageTooLarge
from ._azure_entity import Entity

__all__ = ("Publisher",)

T = TypeVar("T")

#: Seconds before the first repetition; each further one waits twice as long, but not longer than the second number.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
#: Bytes that any namespace accepts, with a margin for what is not counted: the standard tier has 256 KB.
_FITS_EVERYWHERE = 128 * 1024


class Publisher:
    """Owns the sender of an entity, which the SDK lets only one use at a time. Everything runs at home.

    What fails for the time being is sent again, with the same message ids, until the time is over.
    """

    def __init__(self, entity: Entity, home: Home) -> None:
        self._entity, self._home = entity, home
        self._sender: Any = None
        self._place: object = None
        self._lock: Any = None

    async def send(self, parcels: Sequence[Sequence[Outgoing]], after: float = 0.0) -> list[Exception | None]:
        """Send parcels of messages: each parcel in order, and those of one session in order.

        Args:
            parcels: What belongs together; if one message fails, the rest of its parcel is not sent.
            after: Seconds until they are to be delivered.

        Returns:
            For each parcel what went wrong, or None.
        """
        due = datetime.now(UTC) + timedelta(seconds=after) if after else None
        sending = _Sending(parcels, due, current_time() + self._entity.timeout)
        async with self._own():
            try:
                if sending.doubtful:
                    await self._repeat(self._refuse_oversize, sending)
                for group in sending.groups():
                    await self._send_group(group, sending)
            except BrokerError as error:
                sending.fail(error)
        return sending.outcomes

    async def aclose(self) -> None:
        """Close the sender; a later call opens another one."""
        async with self._own():
            await self._discard()

    def _own(self) -> Any:
        """The right to use the sender; what belongs to another event loop or process is forgotten."""
        if self._place != self._home.place():
            self._place, self._sender, self._lock = self._home.place(), None, Lock()
        return self._lock

    async def _refuse_oversize(self, sending: "_Sending") -> None:
        """Find messages that are too large before anything of their parcels is sent."""
        for number, message in sending.doubtful:
            batch = await (await self._open()).create_message_batch()
            if not fill(batch, [message], sending.due):
                sending.fail(self._entity.too_large(), number)

    async def _send_group(self, group: list[Numbered], sending: "_Sending") -> None:
        while group := sending.unsent(group):
            try:
                count = await self._repeat(self._send_some, sending, group)
            except MessageTooLarge as error:
                sending.fail(error, group[0][0])
            else:
                sending.sent(group[:count])
                group = group[count:]

    async def _repeat(self, function: Callable[..., Awaitable[T]], sending: "_Sending", *args: Any) -> T:
        """Do something until it succeeds, is in vain, or the time is over."""
        next_pause = _FIRST_PAUSE
        while True:
            try:
                return await function(sending, *args)
            except Exception as error:
                await self._discard()
                problem = self._entity.explain(error)
                if not isinstance(problem, BrokerUnavailable) or current_time() + next_pause >= sending.deadline:
                    raise problem from error
            except BaseException:  # somebody has to stop: what the sender is in the midst of is unknown
                await self._discard()
                raise
            await pause(next_pause)
            next_pause = min(2 * next_pause, _LONGEST_PAUSE)

    async def _send_some(self, sending: "_Sending", group: list[Numbered]) -> int:
        """Send as much of a group as one batch holds, and return how many messages that was."""
        sender = await self._open()
        payload: Any = None
        count = 0
        if len(group) > 1:
            payload = await sender.create_message_batch()
            count = fill(payload, [message for _, message in group], sending.due)
        if count == 0:  # what is too large for a batch may still be sent alone, where the namespace allows that
            payload, count = write(group[0][1], sending.due), 1
        await sender.send_messages(payload, timeout=max(sending.deadline - current_time(), 0.1))
        return count

    async def _open(self) -> Any:
        if self._sender is None:
            self._sender = await self._entity.sender()
        return self._sender

    async def _discard(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            await self._entity.hang_up(sender)


class _Sending:
    """What is to be sent, and what has become of it."""

    def __init__(self, parcels: Sequence[Sequence[Outgoing]], due: datetime | None, deadline: float) -> None:
        self.due, self.deadline = due, deadline
        self.outcomes: list[Exception | None] = [None] * len(parcels)
        self._unsent = [len(parcel) for parcel in parcels]
        self._messages = [(number, message) for number, parcel in enumerate(parcels) for message in parcel]
        #: Messages that may be too large, and are not alone in their parcels.
        self.doubtful = [(n, m) for n, m in self._messages if m.size > _FITS_EVERYWHERE and len(parcels[n]) > 1]

    def groups(self) -> list[list[Numbered]]:
        """What may share batches, one group after another: whole sessions, unless a parcel has an order of its own."""
        return in_runs(self._messages) if max(self._unsent, default=0) > 1 else by_session(self._messages)

    def sent(self, group: list[Numbered]) -> None:
        for number, _ in group:
            self._unsent[number] -= 1

    def unsent(self, group: list[Numbered]) -> list[Numbered]:
        """What is left of a group: of a parcel that has failed, nothing."""
        return [(number, message) for number, message in group if self.outcomes[number] is None]

    def fail(self, error: Exception, parcel: int | None = None) -> None:
        """Note what went wrong with a parcel, or with all that are not sent completely."""
        for number, unsent in enumerate(self._unsent):
            if unsent and self.outcomes[number] is None and parcel in (None, number):
                self.outcomes[number] = error
