# Generated from diator/aio/message_brokers/_azure_holder.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The one who holds a message of Azure Service Bus."""

from datetime import UTC, datetime
from typing import Any

from ..._core.delivery import Ack, DeadLetter, Retry, Verdict
from ..._core.servicebus_pool import Held
from ..._core.servicebus_return import Release, Resend, describe_death
from ..._runtime.servicebus import LockLost, logger, seconds_left
from ..._runtime.sync.servicebus import release
from ..._runtime.sync.waiting import current_time
from ._azure_workplace import SessionMemory, Workplace

__all__ = ("Holder",)

#: Seconds before a renewal that failed is repeated, and the shortest time between two of them.
_RENEW_AGAIN, _RENEW_OFTEN = 1.0, 0.1
#: The most characters of a reason for a dead letter.
_REASON = 4096


class Holder:
    """Holds one message: renews its lock, and carries out what is decided about it."""

    def __init__(self, workplace: Workplace, link: Any, memory: SessionMemory, held: Held) -> None:
        self._pool, self._changes, self._entity = workplace.pool, workplace.changes, workplace.entity
        self._publisher, self._link, self._memory, self._held = workplace.publisher, link, memory, held
        self._renew_at = 0.0
        self._is_usable = True

    def hold(self) -> bool:
        """Hold it until it is settled, given up or lost; return whether the connection is still good."""
        self._plan_renewal()
        while True:
            order = self._wait_for_order()
            if order is not None:
                break
            if not self._renew():
                return self._is_usable
        self._carry_out(order)
        return self._is_usable

    def _wait_for_order(self) -> Verdict | None:
        """Wait for an order; None when the lock has to be renewed."""
        held = self._held
        with self._changes:
            while True:
                now = current_time()
                order = self._pool.next_step(held, now)
                if order is not None or now >= self._renew_at:
                    return order
                self._changes.wait(min(self._pool.keep_until(held), self._renew_at) - now)

    # the lock

    def _locked_until(self) -> datetime | None:
        source = self._link.session if self._entity.sessions else self._held.raw
        until: datetime | None = source.locked_until_utc
        return until

    def _plan_renewal(self) -> None:
        """Renew at half the time."""
        self._renew_at = current_time() + max(seconds_left(self._locked_until()) / 2, _RENEW_OFTEN)

    def _renew(self) -> bool:
        """Renew the lock; False if it is lost."""
        left = seconds_left(self._locked_until())
        try:
            if self._entity.sessions:
                self._link.session.renew_lock(timeout=max(left, _RENEW_OFTEN))
            else:
                self._entity.mend(self._link)
                self._link.renew_message_lock(self._held.raw, timeout=max(left, _RENEW_OFTEN))
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
        with self._changes:
            self._held.end()
        return False

    # the verdict

    def _carry_out(self, order: Verdict) -> None:
        held = self._held
        try:
            if not self._entity.sessions:  # which end with their connection
                self._entity.mend(self._link)
            if isinstance(order, Ack):
                self._link.complete_message(held.raw)
            elif isinstance(order, DeadLetter):
                note = describe_death(held.attempt, datetime.now(UTC))
                self._link.dead_letter_message(held.raw, reason=order.reason[:_REASON], error_description=note)
            else:
                self._give_back(order)
        except LockLost:
            self._lost("it was settled too late")
        except Exception as error:  # noqa: BLE001 - whoever settles raises it
            self._is_usable = False
            logger.info("a message of %s was not settled: %s", self._entity, type(error).__name__)
            held.error = self._entity.explain(error)

    def _give_back(self, order: Retry) -> None:
        held = self._held
        how = held.give_back(order, keeps_place=self._entity.sessions, subscription=self._entity.subscription)
        if isinstance(how, Release):
            release(self._link, held.raw)
        elif isinstance(how, Resend):
            [problem] = self._publisher.send([[how.copy]], how.after)
            if problem is not None:
                raise problem
            self._link.complete_message(held.raw)
        else:
            self._memory.keep(self._link, held.arrived, how)
            if self._keep_for(how.after):
                self._link.abandon_message(held.raw)

    def _keep_for(self, seconds: float) -> bool:
        """Keep a message where it is, unless the receiver is closed; False if it is lost meanwhile."""
        until = current_time() + seconds
        with self._changes:
            if seconds:  # whoever settles does not wait for this
                self._held.end()
        while True:
            with self._changes:
                now = current_time()
                if self._pool.closed or now >= until:
                    return True
                if now < self._renew_at:
                    self._changes.wait(min(until, self._renew_at) - now)
                    continue
            if not self._renew():
                return False
