"""What comes out of a message broker, and what becomes of it.

What may live here: deliveries, verdicts, and the decision between them. No broker, no clock, no randomness.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any, cast

from ..errors import MessageDecodeError

__all__ = (
    "Ack",
    "Capability",
    "DeadLetter",
    "DeadMessage",
    "Delivery",
    "Retry",
    "RetryPolicy",
    "Verdict",
    "decide",
)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A message as it arrived, not yet read.

    Attributes:
        body: The bytes.
        headers: What came through the broker's header channel.
        delivery_id: Names this delivery, not the message, to the broker that made it.
        attempt: Which delivery of the message this is, counted from 1, once it has begun. One that never begins is not
            counted: the next one has the same number.
        done: The names of the handlers that succeeded in earlier deliveries, if the broker remembers them.
        handle: Whatever the broker needs to settle it.
    """

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    delivery_id: str
    attempt: int = 1
    done: frozenset[str] = frozenset()
    handle: Any = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.attempt < 1:
            raise ValueError(f"attempt is counted from 1, not {self.attempt}")


@dataclass(frozen=True, slots=True)
class Ack:
    """Done: do not deliver it again."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Deliver it again.

    Attributes:
        after: Seconds to wait before that, at least.
        done: The names of all handlers that have succeeded so far, to be remembered.
    """

    after: float = 0.0
    done: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.after >= 0:
            raise ValueError(f"after must be a number of seconds from 0, not {self.after}")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Put it aside for a person to look at.

    Attributes:
        reason: Why, without any part of the message.
    """

    reason: str


Verdict = Ack | Retry | DeadLetter


class Capability(Enum):
    """What a broker may do beyond carrying messages from those who send to those who receive at that time."""

    #: Messages wait for a receiver, and several receivers share them.
    KEEPS = auto()
    #: What is not settled in time is delivered again, and so is what is to be retried; begun deliveries are counted.
    REDELIVERS = auto()
    #: A later delivery knows which handlers have succeeded already.
    REMEMBERS_DONE = auto()
    #: What is put aside can be looked at, and sent again.
    DEAD_LETTERS = auto()


@dataclass(frozen=True, kw_only=True)
class DeadMessage:
    """A message that was put aside.

    Attributes:
        dead_id: Names it among the dead letters.
        reason: Why, without any part of the message.
        body: The bytes, as they arrived.
        headers: What came through the broker's header channel.
        attempt: Which delivery was the last one.
        dead_at: When it was put aside, if the broker knows.
    """

    dead_id: str
    reason: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    attempt: int = 1
    dead_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often and when to deliver a message again whose handlers failed.

    The delay grows exponentially up to a limit, and half of it is random: "Equal Jitter" in Marc Brooker's "Exponential
    Backoff And Jitter" (AWS Architecture Blog, 2015). The fixed half leaves a failing neighbour time to recover.

    Attributes:
        max_deliveries: With this many failed deliveries the message goes to the dead letters.
        first_delay: Seconds before the second delivery.
        factor: What each failure multiplies the delay by.
        max_delay: Seconds that the delay never exceeds.
    """

    max_deliveries: int = 5
    first_delay: float = 1.0
    factor: float = 2.0
    max_delay: float = 300.0

    def __post_init__(self) -> None:
        if self.max_deliveries < 1:
            raise ValueError(f"max_deliveries must be at least 1, not {self.max_deliveries}")
        if not (self.factor >= 1 and 0 <= self.first_delay <= self.max_delay):
            raise ValueError("factor must be at least 1, and first_delay between 0 and max_delay")

    def delay(self, attempt: int, jitter: float) -> float:
        """Seconds to wait after a failed delivery.

        Args:
            attempt: Which delivery it was, counted from 1.
            jitter: A random number from 0 to 1.
        """
        try:
            delay = min(self.max_delay, self.first_delay * self.factor ** (attempt - 1))
        except OverflowError:
            delay = self.max_delay if self.first_delay else 0.0
        return delay / 2 + delay / 2 * jitter


def decide(error: Exception | None, attempt: int, policy: RetryPolicy, jitter: float) -> Verdict:
    """What becomes of a delivery.

    Args:
        error: What reading or handling it raised; None if that went well.
        attempt: Which delivery it was, counted from 1.
        policy: How often and when to try again.
        jitter: A random number from 0 to 1.
    """
    if error is None:
        return Ack()
    if isinstance(error, MessageDecodeError):
        return DeadLetter(str(error))  # the next attempt would read the same bytes
    if attempt < policy.max_deliveries:
        return Retry(policy.delay(attempt, jitter))
    return DeadLetter(f"{_kinds(error)} in delivery {attempt} of at most {policy.max_deliveries}")


def _kinds(error: BaseException) -> str:
    """The types of what was raised: their texts may quote the message."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return ", ".join(dict.fromkeys(_kinds(part) for part in group.exceptions))
    return type(error).__name__
