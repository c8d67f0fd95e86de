"""A worker's link to its broker: what fails is tried again until it works, unless it never has."""

import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from .._core.delivery import Delivery, Verdict
from .._core.lanes import Job
from .._runtime.aio.waiting import Changes
from ..errors import BrokerClosed, BrokerError, BrokerUnavailable
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

    A broker that refuses the first call of `receive`, rather than not answering, is not set up as it should be: a wrong
    password, for example. That is raised. One that refuses something later has worked, so it may work again.

    Args:
        receiver: What may fail.

    Attributes:
        cut: Whether to give up instead of trying again.
    """

    def __init__(self, receiver: Receiver) -> None:
        self.cut = False
        self._receiver = receiver
        self._changes = Changes()
        self._has_received = False
        self._failures = 0  # calls that have failed, and are tried again
        self._said: set[type[Exception]] = set()  # what they have failed with, since none of them did

    async def receive(self, limit: int) -> Sequence[Delivery]:
        """Wait for messages; nothing after a while, or if the link is cut."""
        deliveries = await self._persist(
            lambda: self._receiver.receive(limit, POLL), self._is_cut, or_raise=not self._has_received
        )
        self._has_received = True
        return deliveries or ()

    async def begin(self, job: Job) -> bool:
        """Count a delivery; False if it is lost."""
        return await self._persist(lambda: self._receiver.begin(job.delivery), lambda: self.cut or job.lost) or False

    async def extend(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Keep deliveries, and return those that are lost."""
        return await self._persist(lambda: self._receiver.extend(deliveries), self._is_cut) or ()

    async def settle(self, job: Job, verdict: Verdict) -> None:
        """Carry out a verdict, unless the delivery is lost."""
        await self._persist(lambda: self._receiver.settle(job.delivery, verdict), lambda: self.cut or job.lost)

    async def stop(self) -> None:
        """Receive no more."""
        await self._persist(self._receiver.stop, self._is_cut)

    async def aclose(self) -> None:
        """Give back what is not settled, if the broker can be reached now."""
        try:
            await self._receiver.aclose()
        except Exception as error:  # noqa: BLE001 - the messages come again by themselves, a little later
            logger.warning("the receiver could not be closed: %s", type(error).__name__)

    async def pause(self, seconds: float) -> None:
        """Wait, unless or until the link is cut."""
        with self._changes:
            if not self.cut:
                await self._changes.wait(seconds)

    def sever(self) -> None:
        """Let everything that tries again give up."""
        with self._changes:
            self.cut = True
            self._changes.notify()

    def _is_cut(self) -> bool:
        return self.cut

    async def _persist(
        self, call: Callable[[], Awaitable[T]], give_up: Callable[[], bool], or_raise: bool = False
    ) -> T | None:
        """Call until it works; None if that is given up. With ``or_raise``, what the broker refuses is raised."""
        attempts = 0
        try:
            while True:
                try:
                    return await call()
                except BrokerClosed:
                    if self.cut:  # by this worker itself
                        return None
                    raise
                except Exception as error:
                    if or_raise and isinstance(error, BrokerError) and not isinstance(error, BrokerUnavailable):
                        raise
                    self._failing(error, is_first=not attempts)  # whatever it is, there is nothing better to do
                attempts += 1
                if give_up():
                    return None
                await self.pause(min(FIRST_PAUSE * 2.0 ** min(attempts - 1, 10), LONGEST_PAUSE))
        finally:
            if attempts:
                self._ended()

    def _failing(self, error: Exception, is_first: bool) -> None:
        """Say what fails, unless that has been said."""
        with self._changes:
            self._failures += is_first
            is_new = type(error) not in self._said
            self._said.add(type(error))
        if not is_new:
            return
        if isinstance(error, BrokerUnavailable):
            logger.warning("the broker does not answer (%s): trying again until it does", error)
        elif isinstance(error, BrokerError):
            logger.warning("the broker refuses (%s): trying again until it does not", error)
        else:  # nobody has worded it to be safe in a log: its text may quote anything, its place does not
            place = "".join(traceback.format_tb(error.__traceback__))
            logger.error("the broker failed with %s: trying again until it works\n%s", type(error).__name__, place)

    def _ended(self) -> None:
        """Say that the broker is back, if nothing fails any more."""
        with self._changes:
            self._failures -= 1
            last = not self._failures and not self.cut
            if last:
                self._said.clear()
        if last:
            logger.warning("the broker answers again")
