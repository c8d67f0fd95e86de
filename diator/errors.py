"""Every error that diator raises.

::

    DiatorError
    ├── RegistrationError               while binding
    │   ├── HandlerAlreadyBound         (ValueError)
    │   └── InvalidHandler              (TypeError)
    ├── RoutingError                    (LookupError)
    │   ├── RequestHandlerDoesNotExist
    │   └── EventRouteDoesNotExist
    ├── HandlerBuildError               (TypeError)
    ├── ConfigurationError              (ExceptionGroup) all that ``check()`` found
    ├── EventsClosed                    (RuntimeError)
    ├── EventsShared                    (RuntimeError)
    ├── EventHandlingError              (ExceptionGroup) the command is committed
    ├── MaxCascadeExceeded              (RecursionError)
    ├── BlockingCallError               (RuntimeError) only on ``diator.sync``
    │   ├── RunningLoopError
    │   ├── ReentrancyError
    │   └── GreenletError
    ├── MessageError                    (ValueError)
    │   ├── MessageEncodeError
    │   │   └── MessageTooLarge
    │   └── MessageDecodeError
    │       └── UnknownMessage
    ├── HandlerDecision                 raised by handlers of received messages
    │   ├── Reject
    │   └── RetryLater
    ├── BrokerError
    │   ├── BrokerAccessDenied          (PermissionError)
    │   ├── BrokerClosed                (RuntimeError)
    │   ├── BrokerEntityDoesNotExist    (LookupError)
    │   ├── BrokerFull
    │   ├── BrokerUnavailable           (ConnectionError)
    │   └── DeadLetterDoesNotExist      (LookupError)
    ├── SettingsError                   (ValueError)
    └── MissingExtraError               (ImportError)

Errors of user code are never wrapped on their way out of a handler or a middleware. Whatever goes wrong
*after* the command counts as committed is collected in one `EventHandlingError`.
"""

from collections.abc import Sequence
from typing import Any, Self

__all__ = (
    "BlockingCallError",
    "BrokerAccessDenied",
    "BrokerClosed",
    "BrokerEntityDoesNotExist",
    "BrokerError",
    "BrokerFull",
    "BrokerUnavailable",
    "ConfigurationError",
    "DeadLetterDoesNotExist",
    "DiatorError",
    "EventHandlingError",
    "EventRouteDoesNotExist",
    "EventsClosed",
    "EventsShared",
    "GreenletError",
    "HandlerAlreadyBound",
    "HandlerBuildError",
    "HandlerDecision",
    "InvalidHandler",
    "MaxCascadeExceeded",
    "MessageDecodeError",
    "MessageEncodeError",
    "MessageError",
    "MessageTooLarge",
    "MissingExtraError",
    "ReentrancyError",
    "RegistrationError",
    "Reject",
    "RequestHandlerDoesNotExist",
    "RetryLater",
    "RoutingError",
    "RunningLoopError",
    "SettingsError",
    "UnknownMessage",
)


class DiatorError(Exception):
    """The root of diator's errors."""


class RegistrationError(DiatorError):
    """A binding that cannot be made."""


class HandlerAlreadyBound(RegistrationError, ValueError):
    """A request has exactly one handler, and this one has it already."""


class InvalidHandler(RegistrationError, TypeError):
    """The handler does not fit what it is bound to, or cannot be understood."""


class RoutingError(DiatorError, LookupError):
    """There is nobody to take this message."""


class RequestHandlerDoesNotExist(RoutingError):
    """No handler is bound to the type of this request. Nothing has run."""


class EventRouteDoesNotExist(RoutingError):
    """The recorded event has neither a handler nor a broker to go to."""


class HandlerBuildError(DiatorError, TypeError):
    """A handler cannot be constructed: the message names the handler, the parameter and the remedy."""


class ConfigurationError(DiatorError, ExceptionGroup[Exception]):
    """Everything that ``mediator.check()`` found, one exception each."""

    def derive(self, excs: Sequence[Exception], /) -> Self:  # type: ignore[override]
        return type(self)(self.message, excs)


class EventsClosed(DiatorError, RuntimeError):
    """An event was recorded after the dispatch it belongs to had ended."""


class EventsShared(DiatorError, RuntimeError):
    """Two overlapping dispatches use one handler object that keeps its events in a list of its own."""


class EventHandlingError(DiatorError, ExceptionGroup[Exception]):
    """The command was carried out, but something failed afterwards.

    ``exceptions`` holds what was raised, in order. `split`, `subgroup` and ``except*`` keep `response`.

    Attributes:
        response: What the request handler returned (None for a published event).
        done: For a received event, the names of the handlers that need not run again.
    """

    response: Any
    done: frozenset[str] = frozenset()

    def __new__(cls, message: str, excs: Sequence[Exception], response: Any = None, /) -> Self:
        self = super().__new__(cls, message, excs)
        self.response = response
        return self

    def __init__(self, message: str, excs: Sequence[Exception], response: Any = None, /) -> None:
        super().__init__(message, excs)

    def derive(self, excs: Sequence[Exception], /) -> Self:  # type: ignore[override]
        derived = type(self)(self.message, excs, self.response)
        derived.done = self.done
        return derived

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.exceptions, self.response), self.__dict__


class MaxCascadeExceeded(DiatorError, RecursionError):
    """Events kept causing events for more generations than ``max_cascade`` allows."""


class BlockingCallError(DiatorError, RuntimeError):
    """``diator.sync`` would have to wait for a coroutine in a place where it must not wait."""


class RunningLoopError(BlockingCallError):
    """The calling thread is running an event loop: use ``diator.aio`` there and await it."""


class ReentrancyError(BlockingCallError):
    """The call came from diator's own loop thread, which would then wait for itself."""


class GreenletError(BlockingCallError):
    """The process is patched by gevent, which cannot share a thread with an event loop."""


class MessageError(DiatorError, ValueError):
    """A message and an event do not translate into each other."""


class MessageEncodeError(MessageError):
    """The event holds something that the wire format cannot carry."""


class MessageTooLarge(MessageEncodeError):
    """The message is larger than the broker accepts."""


class MessageDecodeError(MessageError):
    """The received message is malformed, too large, or not known here. It never carries the payload."""


class UnknownMessage(MessageDecodeError):
    """Nothing with the name of the received message is registered here."""


class HandlerDecision(DiatorError):
    """What a handler of a received message raises to say what becomes of it, instead of failing."""


class Reject(HandlerDecision):
    """Put the message aside now: it would fail every time.

    Args:
        reason: Why. It is kept with the dead letter and logged, so it must not quote the message.
    """

    def __init__(self, reason: str = "rejected by its handler") -> None:
        super().__init__(reason)
        self.reason = reason


class RetryLater(HandlerDecision):
    """Deliver the message again. It counts as a failed delivery.

    Args:
        reason: Why; for people only.
        after: Seconds to wait before that, at least; None leaves it to the worker's policy.
    """

    def __init__(self, reason: str = "not possible yet", *, after: float | None = None) -> None:
        if after is not None and not 0 <= after < float("inf"):
            raise ValueError(f"after must be a number of seconds from 0, not {after}")
        super().__init__(reason)
        self.after = after


class BrokerError(DiatorError):
    """A message broker could not do what it was asked to."""


class BrokerAccessDenied(BrokerError, PermissionError):
    """The broker does not accept the key or the credential, or it has no right to this."""


class BrokerClosed(BrokerError, RuntimeError):
    """The broker was used after it had been closed."""


class BrokerEntityDoesNotExist(BrokerError, LookupError):
    """The queue, topic or subscription is not there. diator creates none."""


class BrokerFull(BrokerError):
    """The broker takes no more before somebody receives, or a quota is raised."""


class BrokerUnavailable(BrokerError, ConnectionError):
    """The broker could not be reached, or did not answer. A later call may succeed.

    Attributes:
        maybe_done: Whether it may have done what it was asked to all the same.
    """

    def __init__(self, message: str, maybe_done: bool = True) -> None:
        super().__init__(message)
        self.maybe_done = maybe_done


class DeadLetterDoesNotExist(BrokerError, LookupError):
    """There is no dead letter with this id: it has been sent again or deleted, or never was there."""


class SettingsError(DiatorError, ValueError):
    """Settings that cannot be used: a line for each, with the name of the variable and never with a value."""


class MissingExtraError(DiatorError, ImportError):
    """An optional dependency is not installed. The message names the command that installs it."""
