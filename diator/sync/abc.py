# Generated from diator/aio/abc.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The interfaces between the mediator and what an application plugs into it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from .._core.delivery import Capability, DeadMessage, Delivery, Verdict
from .._core.wire import Message

__all__ = (
    "BatchingMessageBroker",
    "Container",
    "DeadLetters",
    "Dispatcher",
    "ExternalContainer",
    "MessageBroker",
    "Receiver",
    "ReceivingMessageBroker",
    "ScopedContainer",
)

T = TypeVar("T")

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    C = TypeVarWithDefault("C", default=Any)
else:
    C = TypeVar("C")


@runtime_checkable
class Container(Protocol):
    """Builds handlers, and provides what they and function handlers depend on."""

    def resolve(self, type_: type[T], /) -> T:
        """Give the object for a type. What it raises reaches the sender unchanged, and the handler has not run."""
        ...


@runtime_checkable
class ScopedContainer(Container, Protocol):
    """A container with scopes: each dispatch opens one, and resolves everything in it.

    It may also have ``within(scope)``, which gives something with ``resolve`` for a scope that somebody else has opened
    (``mediator.send(..., scope=...)``); ``check(type_)``, which raises `HandlerBuildError` for a type that it could not
    build (`Mediator.check`); ``key(annotation)``, which gives what to ask ``resolve`` for to fill a parameter; and
    ``unscoped(type_)``, which gives a function that makes the object for a type without any scope, and gives None from
    when on it needs one; or None, if it does so now.
    """

    def scope(self) -> AbstractContextManager[Container]:
        """Make a context manager whose ``resolve`` gives one object per type within the scope.

        It is left after the last event handler, on errors too. What leaving it raises after the command has been
        carried out becomes part of an `EventHandlingError`; after an error it becomes a note of that error.
        """
        ...


class ExternalContainer(Container, Protocol[C]):
    """A container that stands for one of another library, as in diator 0.1.2."""

    @property
    def external_container(self) -> C:
        """The other library's container.

        Raises:
            AttributeError: None has been attached.
        """
        ...

    def attach_external_container(self, container: C) -> None:
        """Use this container."""
        ...


class Dispatcher(Protocol):
    """Runs the handler of a request. A mediator asks its ``dispatcher_type`` for one."""

    def dispatch(self, request: Any, /) -> Any:
        """Handle a request, and return an object with ``response`` and ``events``. The mediator emits the events."""
        ...


@runtime_checkable
class MessageBroker(Protocol):
    """Sends messages. Many tasks may call it at the same time."""

    def send_message(self, message: Message) -> None:
        """Send a message, and return when the broker has taken it.

        Any exception means that it may or may not have been sent: to send the same message again is safe, as its id
        tells receivers that it is the same.

        Raises:
            MessageEncodeError: It cannot be sent. Nothing was.
            BrokerClosed: The broker has been closed. Nothing was sent.
        """
        ...


@runtime_checkable
class BatchingMessageBroker(MessageBroker, Protocol):
    """Sends several messages for the price of one."""

    def send_messages(self, messages: Sequence[Message]) -> None:
        """Send all messages, in this order, and return when the broker has taken them all.

        Any exception means that some may have been sent, first ones first.

        Raises:
            MessageEncodeError: One of them cannot be sent. None was.
            BrokerClosed: The broker has been closed. Nothing was sent.
        """
        ...


@runtime_checkable
class Receiver(Protocol):
    """Receives messages for one worker.

    A delivery is settled once. One that is neither settled nor extended for ``visibility_timeout`` seconds is delivered
    again, to anybody. All methods may be called by many tasks at the same time.
    """

    def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Wait for messages. Cancelling it loses none: they are delivered again.

        Any exception means that nothing was received; unless it is `BrokerClosed`, a later call may succeed.

        Args:
            limit: The most deliveries to return, at least 1.
            timeout: Seconds to wait for the first one; 0 to return at once what there is.

        Returns:
            What was there; nothing if the time is over, or after `stop`.

        Raises:
            BrokerClosed: The broker or this receiver has been closed, perhaps while this was waiting.
        """
        ...

    def begin(self, delivery: Delivery) -> bool:
        """Count a delivery, right before its handlers run: a message that was only received is not counted.

        A worker that runs a message again itself calls this for each run, with a delivery whose ``attempt`` is one more
        and whose ``done`` names what has succeeded. The broker takes over both: to say the same twice changes nothing.
        Any exception means that it may have been counted.

        Returns:
            False if it is somebody else's by now: forget it.
        """
        ...

    def extend(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Keep deliveries for another ``visibility_timeout`` from now.

        Any exception means that some may not have been extended.

        Returns:
            Those that are lost: they are or will be delivered again.
        """
        ...

    def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        """Carry out what was decided about a delivery.

        Does nothing if the delivery has been settled, or has been given up because that took too long: then the
        message is delivered again, whatever the verdict. Any exception means that this may happen, too.
        """
        ...

    def stop(self) -> None:
        """Receive no more, and wake who waits in `receive`. What was received can still be extended and settled."""
        ...

    def close(self) -> None:
        """Stop, and give back what is not settled, so that others get it at once. Closing twice is fine."""
        ...


class DeadLetters(Protocol):
    """The messages of a broker that were put aside. Ids that are not there are passed over."""

    def list(self, limit: int = 100, after: str | None = None) -> Sequence[DeadMessage]:
        """Return the oldest ones, or those that follow the one with the id ``after``."""
        ...

    def show(self, dead_id: str) -> DeadMessage:
        """Return one.

        Raises:
            DeadLetterDoesNotExist: It is not there.
        """
        ...

    def retry(self, *dead_ids: str) -> int:
        """Send messages again, in the order in which they were put aside.

        Body, headers and message id stay as they are; deliveries are counted from 1 again, and all handlers run. A
        message ceases to be a dead letter when the broker has taken it. Any exception but `MessageDecodeError` means
        that some may have been sent, first ones first.

        Returns:
            How many were sent.

        Raises:
            MessageDecodeError: One of them is no message that could be read. None was sent.
        """
        ...

    def retry_all(self) -> int:
        """Do the same with all that can be read; what cannot stays."""
        ...

    def delete(self, *dead_ids: str) -> int:
        """Delete messages, and return how many there were."""
        ...


@runtime_checkable
class ReceivingMessageBroker(MessageBroker, Protocol):
    """Sends messages, and has them received. A message is keyed by its header ``partition_key``."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do beyond carrying messages."""
        ...

    @property
    def dead_letters(self) -> DeadLetters | None:
        """The messages that were put aside; None if the broker only counts and logs them."""
        ...

    def receiver(self, *, visibility_timeout: float = 30.0, concurrency: int = 1) -> Receiver:
        """Make a receiver, without any I/O yet. Closing it leaves the broker open.

        Args:
            visibility_timeout: Seconds after which a delivery is given up that was neither settled nor extended.
            concurrency: How many messages the worker runs at the same time.
        """
        ...
