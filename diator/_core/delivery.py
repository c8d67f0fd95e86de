"""What comes out of a message broker, and what becomes of it.

What may live here: deliveries, verdicts, and the decision between them. No broker, no clock, no randomness.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any, cast

from ..errors import Reject, RetryLater

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
    "describe_error",
    "refuse_late",
)

#: Characters of a reason that are kept: enough to read, and bounded whatever a handler says.
MAX_REASON = 500


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
    """When to deliver a message again whose handlers failed.

    The delay grows exponentially up to a limit. A random part comes on top, so that messages which failed together do
    not come again together, but none comes early: the fixed part leaves a failing neighbour time to recover.

    Attributes:
        first_delay: Seconds before the second delivery, at least.
        factor: What each failure multiplies the delay by.
        max_delay: Seconds that the delay without its random part never exceeds.
        jitter: The most that the random part adds, as a fraction of the delay.
        keep_order: Whether a failed message that has a key keeps later ones of that key waiting until it is settled.
            Otherwise they overtake it.
    """

    first_delay: float = 1.0
    factor: float = 2.0
    max_delay: float = 300.0
    jitter: float = 0.5
    keep_order: bool = True

    def __post_init__(self) -> None:
        if not (1 <= self.factor < math.inf and 0 <= self.first_delay <= self.max_delay < math.inf):
            raise ValueError("factor must be at least 1, and first_delay between 0 and max_delay; all of them finite")
        if not 0 <= self.jitter < math.inf:
            raise ValueError(f"jitter must be a finite number from 0, not {self.jitter}")

    def delay(self, attempt: int, chance: float) -> float:
        """Seconds to wait after a failed delivery.

        Args:
            attempt: Which delivery it was, counted from 1.
            chance: A random number from 0 to 1.
        """
        try:
            delay = min(self.max_delay, self.first_delay * self.factor ** (attempt - 1))
        except OverflowError:
            delay = self.max_delay if self.first_delay else 0.0
        return delay * (1 + self.jitter * chance)


def decide(
    error: Exception | None,
    attempt: int,
    policy: RetryPolicy,
    *,
    max_deliveries: int,
    chance: float,
    done: frozenset[str] = frozenset(),
    unreadable: bool = False,
) -> Verdict:
    """What becomes of a delivery.

    Args:
        error: What reading or handling it raised; None if that went well.
        attempt: Which delivery it was, counted from 1.
        policy: When to try again.
        max_deliveries: With this many failed deliveries the message is put aside.
        chance: A random number from 0 to 1.
        done: The handlers that have succeeded so far.
        unreadable: Whether the error is ours, about reading the message. It may be quoted, as those of handlers may
            not: these can be about anything.
    """
    if error is None:
        return Ack()
    if unreadable:
        return DeadLetter(str(error))  # the next attempt would read the same bytes
    errors = list(_leaves(error))
    if all(isinstance(one, Reject) for one in errors):  # the handlers that failed otherwise may still succeed
        return DeadLetter(_shortened("; ".join(dict.fromkeys(str(one) for one in errors))))
    if attempt >= max_deliveries:
        kinds = ", ".join(dict.fromkeys(type(one).__name__ for one in errors))  # their texts may quote the message
        return DeadLetter(_shortened(f"{kinds} in delivery {attempt} of at most {max_deliveries}"))
    wanted = [one.after for one in errors if isinstance(one, RetryLater) and one.after is not None]
    if len(wanted) < len(errors):
        wanted.append(policy.delay(attempt, chance))
    return Retry(max(wanted), done)


def refuse_late(attempt: int, max_deliveries: int) -> Verdict | None:
    """The verdict about a delivery that is one too many, so that it must not run: earlier ones never came to an end."""
    if attempt <= max_deliveries:
        return None
    return DeadLetter(f"{attempt - 1} deliveries began and were never settled: it may have ended the process")


def describe_error(error: Exception | None) -> str:
    """Name the errors and where they were raised, in brackets; nothing for none."""
    if error is None:
        return ""
    return f" [{'; '.join(map(_place, _leaves(error)))}]"


def _place(error: BaseException) -> str:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    name = type(error).__name__
    return name if traceback is None else f"{name} in {traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        for part in group.exceptions:
            yield from _leaves(part)
    else:
        yield error


def _shortened(reason: str) -> str:
    return reason if len(reason) <= MAX_REASON else f"{reason[: MAX_REASON - 3]}..."
