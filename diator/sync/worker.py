# Generated from diator/aio/worker.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The worker: takes messages from a broker, and runs their handlers until it is told to stop."""

import logging
import signal
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from .._core.delivery import (
    Capability,
    RetryPolicy,
)
from .._core.messages import Request
from .._core.serializers import Serializer
from .._core.wire import Message
from .._runtime.signals import handling
from .._runtime.sync.crew import Bell, Crew, within
from .._runtime.sync.waiting import current_time
from .abc import ReceivingMessageBroker
from .consumer import Consumer
from .jobs import Jobs, Rules
from .link import Link
from .mediator import Mediator

__all__ = ("Worker",)

logger = logging.getLogger("diator.worker")

#: Seconds that cancelled handlers, and verdicts on their way, get before they are left; and the same for the receiver.
GRACE = 0.3
#: Seconds after which the main thread looks up from waiting: the system may have given a signal to another thread, and
#: Python runs its handler only when the main thread runs.
LOOK_UP = 0.25


class Worker:
    """Receives messages, runs the handlers of the events and requests that they stand for, and settles them.

    It takes no more messages than it can run. What it has not settled when it ends, however that happens, the broker
    delivers again. Use it once: with `run`, or with ``with`` beside other code of the process.

    Args:
        mediator: Runs the handlers.
        broker: Brings the messages.
        requests: The types of requests to take, besides the events that the mediator has handlers for.
        concurrency: How many messages are handled at the same time.
        ordering_key: Gives the key of a message: those of one key are handled one after another, in the order in which
            they came. By default its ``partition_key``. A message without a key waits for no other.
        retry: When a message whose handlers failed is delivered again, and whether later ones of its key wait for it.
        max_deliveries: With this many failed deliveries a message is put aside. With 1 the worker runs one message at
            a time, if the broker delivers again what ended the process.
        visibility_timeout: Seconds after which the broker delivers a message again that it has not heard of. For as
            long as the worker holds a message, the broker hears of it every third of that time.
        drain_timeout: Seconds that handlers get to finish after `stop`.
        dead_letters: Whether the broker keeps messages that are put aside. Otherwise they are dropped, and logged.
        max_age: Seconds after which a message is put aside instead of handled; None for no limit.
        ignore_unknown: Whether messages whose name is not registered here are dropped, for a broker that brings more
            than this worker is for. Otherwise they are put aside.
        serializer: Reads what the broker brings; JSON by default.
        signals: What makes `run` stop, if it is called in the main thread; a second one cancels the handlers.

    Raises:
        ConfigurationError: The mediator cannot work as it is configured, or there is nothing to take.
    """

    def __init__(
        self,
        mediator: Mediator,
        broker: ReceivingMessageBroker,
        *,
        requests: Iterable[type[Request[Any]]] = (),
        concurrency: int = 10,
        ordering_key: Callable[[Message], str | None] | None = None,
        retry: RetryPolicy | None = None,
        max_deliveries: int = 5,
        visibility_timeout: float = 30.0,
        drain_timeout: float = 25.0,
        dead_letters: bool = True,
        max_age: float | None = None,
        ignore_unknown: bool = False,
        serializer: Serializer | None = None,
        signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT),
    ) -> None:
        for name, number in (("concurrency", concurrency), ("max_deliveries", max_deliveries)):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, not {number}")
        if not visibility_timeout > 0:
            raise ValueError(f"visibility_timeout must be a positive number of seconds, not {visibility_timeout}")
        if not drain_timeout >= 0:
            raise ValueError(f"drain_timeout must be a number of seconds from 0, not {drain_timeout}")
        redelivers = Capability.REDELIVERS in broker.capabilities
        if max_deliveries == 1 and redelivers:  # what runs beside a message that ends the process has none left
            concurrency = 1
        self._consumer = Consumer(mediator, requests, serializer, ordering_key, max_age, ignore_unknown, max_deliveries)
        self._link = Link(broker.receiver(visibility_timeout=visibility_timeout, concurrency=concurrency))
        self._bell = Bell()
        rules = Rules(
            retry=retry or RetryPolicy(),
            max_deliveries=max_deliveries,
            dead_letters=dead_letters,
            redelivers=redelivers,
        )
        self._jobs = Jobs(self._consumer, self._link, rules, concurrency, self._bell.ring)
        self._beat = visibility_timeout / 3
        self._concurrency = concurrency
        self._drain_timeout = drain_timeout
        self._signals = tuple(signals)
        self._stops = 0  # how often somebody wanted it to end
        self._left = 0  # how many messages it has not settled in the end
        self._used = self._ended = False
        self._background: Crew | None = None

    def run(self) -> None:
        """Work until `stop` or a signal, then finish what is in progress, or leave it to the next delivery.

        It returns within ``drain_timeout`` and a second. Handlers are cancelled at the end of the former. What cannot
        be cancelled, code in a thread above all, is waited for where event loops run, however long it takes, and left
        behind in blocking code.

        Raises:
            BrokerClosed: Somebody has closed the broker.
            BrokerError: The broker refuses to be read from in the first place: because of the password, the rights,
                the number of partitions. Later the worker tries again whatever fails, for ever.
            BaseException: What a handler raised that is no `Exception`.
        """
        self._use()
        with handling(self._signals, self.stop):
            self._run()

    def stop(self) -> None:
        """Receive no more, and end when what is in progress is done. A second call cancels that.

        It may be called from anywhere: from other threads and from signal handlers, too.
        """
        self._stops += 1
        self._bell.ring()

    @property
    def ended(self) -> bool:
        """Whether it has come to its end: after `stop`, or because something has failed."""
        return self._ended

    def __enter__(self) -> Self:
        self._use()
        self._background = Crew(self._bell.ring)
        self._background.__enter__()
        self._background.start(self._run)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._background is not None
        self.stop()
        self._background.__exit__(exc_type, exc, traceback)
        if self._background.failure is not None:
            raise self._background.failure

    def _use(self) -> None:
        if self._used:
            raise RuntimeError("a worker works once: make a new one")
        self._used = True

    def _run(self) -> None:
        logger.info("the worker takes %s, %d at a time", ", ".join(self._consumer.names), self._concurrency)
        try:
            with Crew(self._bell.ring) as crew:
                try:
                    if not self._stops:
                        crew.start(self._jobs.read)
                        crew.start(self._jobs.keep, self._beat)
                        crew.start(self._jobs.work, crew)
                    while not self._stops and crew.failure is None:
                        self._bell.wait(LOOK_UP)
                    self._drain(crew)
                finally:
                    self._close(crew)
        finally:
            self._ended = True
            logger.info("the worker has stopped; %d messages are left to be delivered again", self._left)
        if crew.failure is not None:
            raise crew.failure

    def _drain(self, crew: Crew) -> None:
        """Let what runs come to its end, and cancel it when the time is over."""
        self._jobs.close()
        logger.info("the worker stops: %d messages are in progress", self._jobs.running)
        crew.start(self._link.stop)
        crew.start(self._jobs.give_back)
        self._wait_for_jobs(self._drain_timeout, lambda: self._stops > 1 or crew.failure is not None)
        self._jobs.cancel()
        self._wait_for_jobs(GRACE, lambda: False)

    def _wait_for_jobs(self, seconds: float, is_over: Callable[[], bool]) -> None:
        end = current_time() + seconds
        while self._jobs.running and not is_over() and current_time() < end:
            self._bell.wait(min(LOOK_UP, end - current_time()))

    def _close(self, crew: Crew) -> None:
        """Give up whatever is not done, and give back what is not settled."""
        self._jobs.close()
        self._left = self._jobs.left
        if self._jobs.running:  # only now, when nothing of it counts any more
            text = "%d messages are still in progress: their handlers take no notice of being cancelled"
            logger.warning(text, self._jobs.running)
        self._link.sever()
        if not within(GRACE, self._link.close):
            logger.warning("the receiver could not be closed in time")
        crew.cancel()
