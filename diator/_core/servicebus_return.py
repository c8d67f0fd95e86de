"""What becomes of a message of Azure Service Bus that is to be delivered again, or was put aside.

What may live here: the decision, and what is to be remembered for it. No SDK, no clock, no I/O.
"""

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from .servicebus import ATTEMPTS, DONE, MESSAGE_ID, SUBSCRIPTION, Arrived, Outgoing

__all__ = (
    "Abandon",
    "Release",
    "Resend",
    "describe_death",
    "give_back",
    "read_death",
    "recall",
    "remember",
    "resend",
)


@dataclass(frozen=True, slots=True)
class Release:
    """Give it back as if it had not been delivered."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """Give it back, so that Service Bus counts a delivery.

    Attributes:
        after: Seconds to keep it before that.
        attempts: Deliveries to remember that Service Bus does not count.
        done: Handlers to remember.
    """

    after: float = 0.0
    attempts: int = 0
    done: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Resend:
    """Send a copy, which remembers more than Service Bus does, and complete the message.

    Attributes:
        copy: What to send.
        after: Seconds until it is to be delivered.
    """

    copy: Outgoing
    after: float = 0.0


def give_back(
    arrived: Arrived,
    begun: int,
    done: frozenset[str],
    *,
    after: float = 0.0,
    keeps_place: bool = False,
    subscription: str | None = None,
) -> Release | Abandon | Resend:
    """Decide how a message becomes one that is to be delivered again.

    Args:
        arrived: The message.
        begun: The highest number of an attempt that has begun; 0 if none has.
        done: All handlers that have succeeded.
        after: Seconds to wait before the next delivery, at least.
        keeps_place: It must stay before those that follow it, so it is never sent again.
        subscription: Where it was received, if that is one of a topic: a copy is for nobody else.
    """
    more = begun - arrived.attempt
    if begun == 0 and not after and done <= arrived.done:
        return Release()
    if keeps_place:
        return Abandon(after, arrived.remembered + max(more, 0), done)
    if more == 0 and not after and done <= arrived.done:
        return Abandon()
    return Resend(_copy(arrived, max(begun, arrived.attempt - 1), done | arrived.done, subscription), after)


def resend(arrived: Arrived, subscription: str | None) -> Outgoing:
    """A copy of a dead letter, of which nobody knows anything yet."""
    return _copy(arrived, 0, frozenset(), subscription)


def _copy(arrived: Arrived, attempts: int, done: frozenset[str], subscription: str | None) -> Outgoing:
    """A copy with an id of its own, or duplicate detection would drop it."""
    properties = {**arrived.message.properties, MESSAGE_ID: arrived.message.message_id}
    if attempts:
        properties[ATTEMPTS] = str(attempts)
    if done:
        properties[DONE] = json.dumps(sorted(done))
    if subscription is not None:
        properties[SUBSCRIPTION] = subscription
    return replace(arrived.message, message_id=str(uuid4()), properties=properties)


# what the state of a session remembers of the message at its head

_STATE = "diator"


def remember(state: str | None, arrived: Arrived, abandon: Abandon) -> str | None:
    """The new state of a session: the same if there is nothing to remember, or if it belongs to the application."""
    if (state and _read_state(state) is None) or not (abandon.attempts or abandon.done):
        return state
    known = [abandon.attempts, sorted(abandon.done)]
    return json.dumps({_STATE: [arrived.sequence, *known]})


def recall(state: str | None, arrived: Arrived) -> Arrived:
    """A message with what the state of its session says about it."""
    known = _read_state(state or "")
    if known is None or known[0] != arrived.sequence:
        return arrived
    _, attempts, done = known
    done |= arrived.done
    return replace(arrived, attempt=arrived.attempt + attempts, done=done, remembered=attempts)


def _read_state(state: str) -> tuple[int, int, frozenset[str]] | None:
    try:
        sequence, attempts, done = json.loads(state)[_STATE]
        return int(sequence), int(attempts), frozenset(str(name) for name in done)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None


# dead letters

_DEATH_NOTE = re.compile(r"delivery ([1-9][0-9]{0,8}) at (\S{1,40})", re.ASCII)


def describe_death(attempt: int, moment: datetime) -> str:
    """What goes into the description of a dead letter, beside the reason."""
    return f"delivery {attempt} at {moment.isoformat()}"


def read_death(description: str | None, delivery_count: int) -> tuple[int, datetime | None]:
    """In which delivery a message was put aside, and when: from our description, else from the count of the service."""
    found = _DEATH_NOTE.fullmatch(description or "")
    if found is not None:
        try:
            return int(found[1]), datetime.fromisoformat(found[2])
        except ValueError:
            pass
    return max(1, delivery_count), None
