"""A message that a connection to Azure Service Bus holds, and the one who holds it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from ..._core.delivery import Ack, DeadLetter, Delivery, Retry, Verdict
from ..._core.servicebus import Abandon, Arrived, Release, Resend, describe_death, give_back, recall, remember
from ..._runtime.aio.servicebus import release
from ..._runtime.aio.waiting import current_time
from ..._runtime.servicebus import LockLost, logger, seconds_left
from ._azure_entity import Entity

if TYPE_CHECKING:
    from ._azure_receiver import Pool

__all__ = ("Held", "Holder", "SessionMemory")

#: Seconds before a renewal that failed is repeated, and the shortest time between two of them.
_RENEW_AGAIN, _RENEW_OFTEN = 1.0, 0.1
#: The most characters of a reason for a dead letter.
_REASON = 4096


class Held:
    """A message that a connection holds. What is written here belongs under the lock of the pool.

    Attributes:
        order: What to do with it, once somebody has said so.
        is_over: It can be settled no more.
        error: Why the order was not carried out.
    """

    def __init__(self, slot: object, raw: Any, arrived: Arrived, keep_until: float) -> None:
        self.slot, self.raw, self.arrived, self.keep_until = slot, raw, arrived, keep_until
        self.delivery_id = str(raw.lock_token)
        self.is_handed_out = False
        self.order: Verdict | None = None
        self.is_over = False
        self.error: Exception | None = None
        self._begun = 0
        self._done = arrived.done

    def hand_out(self, keep_until: float) -> Delivery:
        self.keep_until = keep_until
        self.is_handed_out = True
        arrived = self.arrived
        return Delivery(
            body=arrived.message.body,
            headers=arrived.headers,
            delivery_id=self.delivery_id,
            attempt=arrived.attempt,
            done=arrived.done,
        )

    def begin(self, delivery: Delivery) -> None:
        self._begun = max(self._begun, delivery.attempt)
        self._done |= delivery.done

    @property
    def attempt(self) -> int:
        """The number of its last delivery."""
        return max(self.arrived.attempt, self._begun)

    def give_back(self, retry: Retry, *, keeps_place: bool, subscription: str | None) -> Release | Abandon | Resend:
        done = self._done | retry.done
        return give_back(
            self.arrived, self._begun, done, after=retry.after, keeps_place=keeps_place, subscription=subscription
        )


class SessionMemory:
    """What a session remembers of the message at its head, which Service Bus does not count or know.

    It is kept in the state of the session, unless the application keeps something else there.
    """

    def __init__(self, state: str | None = None) -> None:
        self._state = state

    @classmethod
    async def read(cls, link: Any) -> Self:
        state = await link.session.get_state(timeout=10)
        return cls((state or b"").decode(errors="replace"))

    def recall(self, arrived: Arrived) -> Arrived:
        """The message with what is known of it."""
        return recall(self._state, arrived)

    async def keep(self, link: Any, arrived: Arrived, abandon: Abandon) -> None:
        """Remember something of a message."""
        state = remember(self._state, arrived, abandon)
        if state != self._state:
            await link.session.set_state(state, timeout=10)
            self._state = state


class Holder:
    """Holds one message: renews its lock, and carries out what is decided about it."""

    def __init__(self, pool: "Pool", entity: Entity, link: Any, memory: SessionMemory, held: Held) -> None:
        self._pool, self._entity, self._link, self._memory, self._held = pool, entity, link, memory, held
        self._renew_at = 0.0
        self._is_usable = True

    async def hold(self) -> bool:
        """Hold it until it is settled, given up or lost; return whether the connection is still good."""
        self._plan_renewal()
        while True:
            order = await self._wait_for_order()
            if order is not None:
                break
            if not await self._renew():
                return self._is_usable
        await self._carry_out(order)
        return self._is_usable

    async def _wait_for_order(self) -> Verdict | None:
        """Wait for an order, and give up when the time is over; None when the lock has to be renewed."""
        held, changes = self._held, self._pool.changes
        with changes:
            while held.order is None:
                now = current_time()
                if now >= held.keep_until:
                    held.order = Retry()
                    held.is_over = True
                elif now >= self._renew_at:
                    return None
                else:
                    await changes.wait(min(held.keep_until, self._renew_at) - now)
            return held.order

    # the lock

    def _locked_until(self) -> datetime | None:
        source = self._link.session if self._entity.sessions else self._held.raw
        until: datetime | None = source.locked_until_utc
        return until

    def _plan_renewal(self) -> None:
        """Renew at half the time."""
        self._renew_at = current_time() + max(seconds_left(self._locked_until()) / 2, _RENEW_OFTEN)

    async def _renew(self) -> bool:
        """Renew the lock; False if it is lost."""
        left = seconds_left(self._locked_until())
        try:
            if self._entity.sessions:
                await self._link.session.renew_lock(timeout=max(left, _RENEW_OFTEN))
            else:
                await self._link.renew_message_lock(self._held.raw, timeout=max(left, _RENEW_OFTEN))
        except LockLost:
            return self._lost("its lock has expired")
        except Exception as error:  # noqa: BLE001 - there may be time for another try
            self._is_usable = False
            if left < _RENEW_AGAIN:
                return self._lost(f"its lock could not be renewed ({type(error).__name__})")
            self._renew_at = current_time() + min(_RENEW_AGAIN, left / 2)
        else:
            self._plan_renewal()
        return True

    def _lost(self, why: str) -> bool:
        """Note that somebody else may have it."""
        logger.warning("a message of %s is lost to this receiver, and comes again: %s", self._entity, why)
        with self._pool.changes:
            self._held.is_over = True
        return False

    # the verdict

    async def _carry_out(self, order: Verdict) -> None:
        held = self._held
        try:
            if isinstance(order, Ack):
                await self._link.complete_message(held.raw)
            elif isinstance(order, DeadLetter):
                note = describe_death(held.attempt, datetime.now(UTC))
                await self._link.dead_letter_message(held.raw, reason=order.reason[:_REASON], error_description=note)
            else:
                await self._give_back(order)
        except LockLost:
            self._lost("it was settled too late")
        except Exception as error:  # noqa: BLE001 - whoever settles raises it
            self._is_usable = False
            logger.info("a message of %s was not settled: %s", self._entity, type(error).__name__)
            held.error = self._entity.explain(error)

    async def _give_back(self, order: Retry) -> None:
        held = self._held
        how = held.give_back(order, keeps_place=self._entity.sessions, subscription=self._entity.subscription)
        if isinstance(how, Release):
            await release(self._link, held.raw)
        elif isinstance(how, Resend):
            [problem] = await self._pool.publisher.send([[how.copy]], how.after)
            if problem is not None:
                raise problem
            await self._link.complete_message(held.raw)
        else:
            await self._memory.keep(self._link, held.arrived, how)
            if await self._keep_for(how.after):
                await self._link.abandon_message(held.raw)

    async def _keep_for(self, seconds: float) -> bool:
        """Keep a message where it is, unless the receiver is closed; False if it is lost meanwhile."""
        held, pool = self._held, self._pool
        until = current_time() + seconds
        with pool.changes:
            if seconds:  # whoever settles does not wait for this
                held.is_over = True
                pool.changes.notify()
        while True:
            with pool.changes:
                now = current_time()
                if pool.closed or now >= until:
                    return True
                if now < self._renew_at:
                    await pool.changes.wait(min(until, self._renew_at) - now)
                    continue
            if not await self._renew():
                return False
