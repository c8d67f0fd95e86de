"""From redis-py's errors to ours."""

from collections.abc import Sequence
from typing import Any, Final

from .._core.redis_errors import UNAVAILABLE, code_of, explain
from ..errors import BrokerError, BrokerUnavailable
from .redis_library import AuthorizationError, redis

__all__ = ("failure", "no_thread", "parts", "refusal")

#: redis-py takes the code off some replies, and makes a class of it.
_CODES: Final = {
    "ExecAbortError": "EXECABORT",
    "MasterDownError": "MASTERDOWN",
    "NoPermissionError": "NOPERM",
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "TryAgainError": "TRYAGAIN",
    "ClusterDownError": "CLUSTERDOWN",
}


def parts(reply: Any, command: Sequence[Any]) -> Any:
    """Translate the errors inside of the reply to a transaction."""
    if command[0] != "EXEC" or not isinstance(reply, list):
        return reply
    replies: list[Any] = reply  # pyright: ignore[reportUnknownVariableType]
    return [refusal(part, ("a command",)) if isinstance(part, redis.ResponseError) else part for part in replies]


def refusal(exc: redis.ResponseError, command: Sequence[Any]) -> BrokerError:
    """What an error reply means. It may quote arguments, so it is not chained."""
    code = _CODES.get(type(exc).__name__) or code_of(str(exc))
    text = explain(code, str(exc), str(command[0]))
    return BrokerUnavailable(text, maybe_done=False) if code in UNAVAILABLE else BrokerError(text)


def failure(exc: Exception, maybe_done: bool = True) -> BrokerError:
    """What to raise when a connection could not be made, or was lost.

    Args:
        exc: What redis-py raised.
        maybe_done: Whether something had been sent.
    """
    if isinstance(exc, redis.AuthenticationError | AuthorizationError):
        return BrokerError("Redis does not accept this user and password: look at the URL or the client")
    if isinstance(exc, redis.BusyLoadingError):
        return BrokerUnavailable(explain("LOADING", "", "the command"), maybe_done=False)
    if isinstance(exc, redis.ResponseError | redis.DataError):  # while the connection was set up
        return BrokerError(f"Redis refused the connection: {type(exc).__name__}")
    if isinstance(exc, redis.TimeoutError | TimeoutError):
        return BrokerUnavailable("Redis did not answer in time", maybe_done)
    return BrokerUnavailable(
        "the connection to Redis was lost" if maybe_done else "Redis cannot be reached", maybe_done
    )


def no_thread(exc: RuntimeError) -> BrokerUnavailable:
    """What to hand over when no thread can be started for a call: there may be too many now, and fewer later."""
    error = BrokerUnavailable("no thread could be started to talk to Redis", maybe_done=False)
    error.__cause__ = exc
    return error
