# Generated from diator/aio/consumer.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What a worker does with one message: it reads it, and runs its handlers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from .._core.causality import enter
from .._core.delivery import Delivery
from .._core.envelope import EventTypes, RequestTypes
from .._core.lanes import Job, Survivors
from .._core.messages import Event, Request
from .._core.serializers import JSONSerializer, Serializer
from .._core.wire import Message
from ..errors import ConfigurationError, EventHandlingError, MessageDecodeError, Reject, UnknownMessage
from .mediator import Mediator

__all__ = ("Consumer", "Outcome")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a message.

    Attributes:
        error: What reading or handling it raised; None if that went well.
        done: The names of the handlers that need not run again.
        unreadable: Whether the message itself is to blame: no handler has run, and none would the next time.
    """

    error: Exception | None = None
    done: frozenset[str] = frozenset()
    unreadable: bool = False


class Consumer:
    """Reads messages by registered names, and hands what they stand for to the mediator.

    Args:
        mediator: Handles them.
        requests: The types of requests to take, besides the events that the mediator has handlers for.
        serializer: Reads bodies.
        ordering_key: Gives the lane of a message; None for its ``partition_key``.
        max_age: Seconds after which a message is too old to be handled; None for no limit.
        ignore_unknown: Whether a name that is not registered counts as handled.
        max_deliveries: How often a message is delivered at most.

    Raises:
        ConfigurationError: The mediator cannot work, or there is nothing to take.
    """

    def __init__(
        self,
        mediator: Mediator,
        requests: Iterable[type[Request[Any]]],
        serializer: Serializer | None,
        ordering_key: Callable[[Message], str | None] | None,
        max_age: float | None,
        ignore_unknown: bool,
        max_deliveries: int,
    ) -> None:
        mediator.check()
        self._mediator = mediator
        self._events = EventTypes(mediator.receivable())
        self._requests = RequestTypes(requests)
        for request_type in self._requests:
            mediator.sender(request_type)  # which has to exist
        if not (self._events or self._requests):
            problem = LookupError("bind handlers to notification or ECST events, or pass `requests`")
            raise ConfigurationError("the worker would have nothing to take from the broker", [problem])
        self._serializer = serializer or JSONSerializer()
        self._ordering_key = ordering_key
        self._max_age = max_age
        self._ignore_unknown = ignore_unknown
        self._survivors = Survivors(max_deliveries)

    @property
    def names(self) -> list[str]:
        """The names that are registered."""
        return [cls.__name__ for cls in (*self._events, *self._requests)]

    def read(self, delivery: Delivery) -> Job:
        """Read the envelope of a message, but no more: what the payload may do is counted as a delivery."""
        try:
            message = self._serializer.decode(delivery.body, delivery.headers)
        except Exception as error:  # noqa: BLE001 - of the serializer, which may be the user's
            return Job(delivery, problem=error)
        try:
            key = self._key(message)
        except Exception as error:  # noqa: BLE001 - of the function, which is the user's
            return Job(delivery, message=message, problem=error)
        alone = self._survivors.must_run_alone(message.message_id, delivery.attempt)
        return Job(delivery, key, message, alone=alone)

    def handle(self, job: Job) -> Outcome:
        """Run the handlers of a message. The current context becomes that of the message."""
        message = job.message
        if message is None or job.problem is not None:
            return Outcome(job.problem, unreadable=message is None and isinstance(job.problem, MessageDecodeError))
        enter(message)
        done = job.delivery.done
        try:
            content = self._content(message)
        except MessageDecodeError as error:
            if self._ignore_unknown and isinstance(error, UnknownMessage):
                return Outcome()
            return Outcome(error, unreadable=True)
        try:
            if isinstance(content, Event):
                self._mediator.receive(content, done=done)
            else:
                self._mediator.send(content)
        except Exception as error:  # noqa: BLE001 - the verdict depends on it
            return Outcome(error, done | error.done if isinstance(error, EventHandlingError) else done)
        return Outcome()

    def failed(self, job: Job) -> None:
        """Take note that the process has survived a delivery."""
        if job.message is not None:
            self._survivors.add(job.message.message_id, job.delivery.attempt)

    def describe(self, job: Job) -> str:
        """Name a message in a log, by nothing that a stranger has chosen."""
        if job.message is None:
            return f"delivery {job.delivery.delivery_id}"
        name = job.message.message_name
        return f"{name if name in self.names else 'message'} {job.message.message_id}"

    def _key(self, message: Message) -> str | None:
        if self._ordering_key is None:
            return message.partition_key
        key = cast("object", self._ordering_key(message))  # whatever it was declared to give
        if key is None or isinstance(key, str):
            return key
        raise Reject(f"ordering_key gave a key of type {type(key).__name__}: it must be str or None")

    def _content(self, message: Message) -> Event | Request[Any]:
        if self._max_age is not None and message.occurred_at is not None:
            age = (datetime.now(UTC) - message.occurred_at).total_seconds()
            if age > self._max_age:
                raise MessageDecodeError(f"expired: it is older than {self._max_age:g} s")
        if message.message_type in ("command", "query", "request"):
            return self._requests.request(message)
        return self._events.event(message)
