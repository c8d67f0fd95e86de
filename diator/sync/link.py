# Generated from diator/aio/link.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""A worker's link to its broker: whatever fails is tried again until it works."""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from .._core.delivery import Delivery, Verdict
from .._core.lanes import Job
from .._runtime.sync.waiting import Changes
from ..errors import BrokerClosed
from .abc import Receiver

__all__ = ("Link",)

logger = logging.getLogger("diator.worker")

T = TypeVar("T")

#: Seconds before the second attempt, doubled for each further one up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
#: Seconds after which `receive` returns with nothing: a bound for brokers that notice `stop` only then.
POLL = 5.0


class Link:
    """Does what a `Receiver` does, through lost connections, until it is cut.

    Args:
        receiver: What may fail.

    Attributes:
        cut: Whether to give up instead of trying again.
    """

    def __init__(self, receiver: Receiver) -> None:
        self.cut = False
        self._receiver = receiver
        self._changes = Changes()
        self._failures = 0  # calls that have failed, and are tried again

    def receive(self, limit: int) -> Sequence[Delivery]:
        """Wait for messages; nothing after a while, or if the link is cut."""
        return self._persist(lambda: self._receiver.receive(limit, POLL), self._is_cut) or ()

    def begin(self, job: Job) -> bool:
        """Count a delivery; False if it is lost."""
        return self._persist(lambda: self._receiver.begin(job.delivery), lambda: self.cut or job.lost) or False

    def extend(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Keep deliveries, and return those that are lost."""
        return self._persist(lambda: self._receiver.extend(deliveries), self._is_cut) or ()

    def settle(self, job: Job, verdict: Verdict) -> None:
        """Carry out a verdict, unless the delivery is lost."""
        self._persist(lambda: self._receiver.settle(job.delivery, verdict), lambda: self.cut or job.lost)

    def stop(self) -> None:
        """Receive no more."""
        self._persist(self._receiver.stop, self._is_cut)

    def close(self) -> None:
        """Give back what is not settled, if the broker can be reached now."""
        try:
            self._receiver.close()
        except Exception as error:  # noqa: BLE001 - the messages come again by themselves, a little later
            logger.warning("the receiver could not be closed: %s", type(error).__name__)

    def pause(self, seconds: float) -> None:
        """Wait, unless or until the link is cut."""
        with self._changes:
            if not self.cut:
                self._changes.wait(seconds)

    def sever(self) -> None:
        """Let everything that tries again give up."""
        with self._changes:
            self.cut = True
            self._changes.notify()

    def _is_cut(self) -> bool:
        return self.cut

    def _persist(self, call: Callable[[], T], give_up: Callable[[], bool]) -> T | None:
        """Call until it works; None if that is given up."""
        attempts = 0
        try:
            while True:
                try:
                    return call()
                except BrokerClosed:
                    if self.cut:  # by this worker itself
                        return None
                    raise
                except Exception as error:  # noqa: BLE001 - whatever it is, there is nothing better to do
                    if not attempts:
                        self._failing(error)
                attempts += 1
                if give_up():
                    return None
                self.pause(min(FIRST_PAUSE * 2.0 ** min(attempts - 1, 10), LONGEST_PAUSE))
        finally:
            if attempts:
                self._ended()

    def _failing(self, error: Exception) -> None:
        """Say that the broker is gone, unless that has been said."""
        with self._changes:
            self._failures += 1
            first = self._failures == 1
        if first:  # the text of the error may quote anything
            logger.warning("the broker does not answer (%s): trying again until it does", type(error).__name__)

    def _ended(self) -> None:
        """Say that the broker is back, if nothing fails any more."""
        with self._changes:
            self._failures -= 1
            last = not self._failures and not self.cut
        if last:
            logger.warning("the broker answers again")
