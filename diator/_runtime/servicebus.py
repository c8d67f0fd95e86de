"""What both sides do with the SDK of Azure Service Bus: clients, messages and errors. No I/O."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from inspect import iscoroutinefunction
from typing import Any

from .._core.servicebus import Arrived, Outgoing, read_properties
from ..errors import (
    BrokerAccessDenied,
    BrokerEntityDoesNotExist,
    BrokerError,
    BrokerFull,
    BrokerUnavailable,
    MessageTooLarge,
    MissingExtraError,
)

try:
    import azure.servicebus as sdk
    from azure.servicebus import exceptions
    from azure.servicebus.amqp import AmqpMessageBodyType
except ImportError as exc:
    raise MissingExtraError('azure-servicebus is not installed: pip install "diator[azure]"', name="azure") from exc

__all__ = (
    "NEXT_SESSION",
    "LockLost",
    "NoSession",
    "check_client",
    "check_source",
    "connect",
    "explain",
    "fill",
    "let_close_at_once",
    "link_options",
    "logger",
    "make_patient",
    "read",
    "seconds_left",
    "too_large",
    "write",
)

logger = logging.getLogger("diator.message_brokers.azure")

NEXT_SESSION: Any = sdk.NEXT_AVAILABLE_SESSION
NoSession = exceptions.OperationTimeoutError
LockLost = (exceptions.MessageLockLostError, exceptions.SessionLockLostError, exceptions.MessageAlreadySettled)

#: How often the SDK repeats what failed on a link that receives; it needs this to settle on a new connection.
_RETRIES, _BACKOFF = 3, 0.1


def check_client(client: Any, *, is_async: bool) -> None:
    """Refuse a client of the wrong side, which would fail only when the first message goes out."""
    if isinstance(client, str):
        return
    if not callable(getattr(client, "get_queue_sender", None)):
        raise TypeError(
            f"the client must be a ServiceBusClient, a connection string or the name of a namespace, "
            f"not {type(client).__name__}"
        )
    if iscoroutinefunction(getattr(client, "close", None)) is not is_async:
        module = "azure.servicebus.aio" if is_async else "azure.servicebus"
        raise TypeError(f"this side needs a ServiceBusClient of {module}")


def check_source(source: str, credential: Any) -> None:
    """Refuse a connection string that is none, and a namespace without a credential, without quoting them."""
    is_connection_string = "endpoint=" in source.lower()
    if (credential is None) is not is_connection_string:
        raise ValueError("give a connection string alone, or the name of a namespace and a credential")
    if is_connection_string and not _is_readable(source):
        raise ValueError("the connection string is malformed: copy it from the portal as it is")


def _is_readable(connection_string: str) -> bool:
    try:
        sdk.parse_connection_string(connection_string)
    except ValueError:
        return False
    return True


def connect(client_type: Any, source: str, credential: Any, timeout: float) -> Any:
    """Make a client of our own.

    Args:
        client_type: The class of the side.
        source: A connection string, or the name of a namespace.
        credential: For a namespace.
        timeout: Seconds that an attempt may take.
    """
    options = {"retry_total": _RETRIES, "retry_backoff_factor": _BACKOFF, "try_timeout": timeout}
    if credential is not None:
        return client_type(source, credential, **options)
    return client_type.from_connection_string(source, **options)


def link_options(timeout: float) -> dict[str, Any]:
    """Options for a sender or a receiver: no keep-alive task, which closing would wait for, and an end to each wait."""
    return {"keep_alive": 0, "timeout": timeout, "auth_timeout": timeout}


def make_patient(link: Any, patient: bool, timeout: float) -> None:
    """Let the SDK repeat what fails, or not.

    It repeats even what is hopeless, such as a wrong key, for as long as the client says, so whoever can repeat things
    itself takes that over. The SDK has no other way to say so for a link of a client that somebody else has made.
    """
    config = getattr(link, "_config", None)
    if config is not None:
        config.retry_total = _RETRIES if patient else 0
        config.try_timeout = min(timeout, getattr(config, "try_timeout", None) or timeout)


def let_close_at_once(link: Any) -> None:
    """Let closing a link not wait for what keeps it alive, which sleeps for a second at a time and ends by itself.

    The SDK closes links also by itself, when something fails, and waits then as well.
    """
    handler: Any = getattr(link, "_handler", None)
    if getattr(handler, "_keep_alive_thread", None) is not None:
        handler._keep_alive_thread = None


# messages


def write(message: Outgoing, due: datetime | None = None) -> Any:
    """Make a message of the SDK.

    Args:
        message: What to send.
        due: When to deliver it.
    """
    return sdk.ServiceBusMessage(
        message.body,
        message_id=message.message_id,
        subject=message.subject,
        content_type=message.content_type,
        correlation_id=message.correlation_id,
        session_id=message.session_id,
        application_properties=dict(message.properties.items()),
        scheduled_enqueue_time_utc=due,
    )


def fill(batch: Any, messages: Sequence[Outgoing], due: datetime | None) -> int:
    """Put messages into a batch, and return how many have found room."""
    for count, message in enumerate(messages):
        try:
            batch.add_message(write(message, due))
        except exceptions.MessageSizeExceededError:
            return count
    return len(messages)


def read(received: Any) -> Arrived:
    """Make sense of a message of the SDK."""
    message = Outgoing(
        body=_body(received),
        message_id=_text(received.message_id) or "",
        subject=_text(received.subject),
        content_type=_text(received.content_type),
        correlation_id=_text(received.correlation_id),
        session_id=_text(received.session_id),
    )
    properties: Mapping[Any, Any] = received.application_properties or {}
    return read_properties(message, properties, received.sequence_number or 0, received.delivery_count or 0)


def _body(received: Any) -> bytes:
    if received.body_type == AmqpMessageBodyType.DATA:
        return b"".join(received.body)
    body = received.body
    return body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""


def _text(value: Any) -> str | None:
    return None if value is None else value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def seconds_left(until: datetime | None) -> float:
    """How long a lock lives on."""
    return 0.0 if until is None else (until - datetime.now(UTC)).total_seconds()


# errors


def too_large(entity: str) -> MessageTooLarge:
    return MessageTooLarge(f"the message is larger than {entity} accepts: send less, or what to fetch it by")


def explain(error: Exception, entity: str) -> BrokerError | MessageTooLarge:
    """Say in diator's terms what the SDK has raised; that becomes the cause, and is not quoted.

    Args:
        error: What was raised.
        entity: The queue or topic.
    """
    if isinstance(error, (BrokerError, MessageTooLarge)):
        return error
    problem = _explain(error, entity)
    problem.__cause__ = error
    return problem


def _explain(error: Exception, entity: str) -> BrokerError | MessageTooLarge:
    status = _status(error)
    if isinstance(error, exceptions.MessageSizeExceededError):
        return too_large(entity)
    if status == 404 or isinstance(error, exceptions.MessagingEntityNotFoundError):
        return BrokerEntityDoesNotExist(f"there is no {entity} in this namespace: create it, or correct its name")
    if status in (401, 403) or isinstance(
        error, (exceptions.ServiceBusAuthenticationError, exceptions.ServiceBusAuthorizationError)
    ):
        return BrokerAccessDenied(f"access to {entity} was denied: check the key or the credential, and its rights")
    if isinstance(error, exceptions.ServiceBusQuotaExceededError):
        return BrokerFull(f"{entity} is full, or a quota of the namespace is exhausted: receive, or raise the quota")
    if isinstance(error, exceptions.MessagingEntityDisabledError):
        return BrokerError(f"{entity} is disabled: enable it")
    if isinstance(error, (TypeError, ValueError)) and not isinstance(error, exceptions.ServiceBusError):
        return BrokerError(f"the client cannot be used for {entity}: see the cause")
    return BrokerUnavailable(f"{entity} could not be reached, or did not answer ({type(error).__name__})")


def _status(error: BaseException | None) -> int | None:
    """The status code that an error of the SDK, or the one inside of it, carries."""
    for _ in range(5):
        if error is None:
            break
        for name in ("status_code", "_status_code"):
            status = getattr(error, name, None)
            if isinstance(status, int):
                return status
        error = getattr(error, "inner_exception", None) or error.__cause__
    return None
