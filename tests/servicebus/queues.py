"""Queues, which subscriptions are as well: messages that are locked while somebody works on them."""

import heapq
import itertools
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, Protocol

from .errors import Refusal
from .sessions import Session, Sessions
from .wire import WireMessage, moment

__all__ = ("Consumer", "Lock", "Options", "Queue", "State", "Stored")

Later = Callable[..., Any]  # `AbstractEventLoop.call_later`


class State(IntEnum):
    """What ``x-opt-message-state`` says."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(kw_only=True)
class Options:
    """What an operator sets on a queue or a subscription; times in seconds."""

    lock_duration: float = 30.0
    max_delivery_count: int = 10
    time_to_live: float = float("inf")
    dead_letter_on_expiry: bool = False
    duplicate_window: float = 0.0
    requires_session: bool = False
    max_messages: int | None = None


@dataclass
class Stored:
    """A message in a queue."""

    wire: WireMessage
    sequence: int
    enqueued: float
    expires: float
    delivery_count: int = 0
    state: State = State.ACTIVE
    lock: "Lock | None" = None

    def encode(self, locked_until: float | None = None, token: uuid.UUID | None = None) -> bytes:
        annotations: dict[str, Any] = {
            "x-opt-sequence-number": self.sequence,
            "x-opt-enqueued-time": moment(self.enqueued),
            "x-opt-message-state": int(self.state),
        }
        if locked_until is not None:
            annotations["x-opt-locked-until"] = moment(locked_until)
        return self.wire.encode(self.delivery_count, annotations, token)


@dataclass
class Lock:
    """The right to settle a message, until some time."""

    message: Stored
    until: float
    token: uuid.UUID = field(default_factory=uuid.uuid4)
    timer: Any = None


class Consumer(Protocol):
    """A link that receives from a queue."""

    @property
    def credit(self) -> int: ...
    @property
    def session_id(self) -> str | None: ...
    def send(self, message: Stored) -> None: ...


class Duplicates:
    """Remembers message ids for a while."""

    def __init__(self, window: float) -> None:
        self.window = window
        self._seen: dict[Any, float] = {}

    def saw(self, message_id: Any) -> bool:
        if not self.window or message_id is None:
            return False
        now = time.time()
        self._seen = {known: at for known, at in self._seen.items() if now - at < self.window}
        known = message_id in self._seen
        self._seen.setdefault(message_id, now)
        return known


class Queue:
    """A queue, a subscription, or the dead letters of one. All methods run on the loop of the server."""

    def __init__(self, path: str, later: Later, options: Options, *, is_dead_letters: bool = False) -> None:
        self.path, self.options = path, options
        self.messages: dict[int, Stored] = {}  # by sequence number
        self.locks: dict[uuid.UUID, Lock] = {}
        self.consumers: list[Consumer] = []
        self.sessions = Sessions(self, later)
        dead_options = Options(lock_duration=options.lock_duration)
        self.dead_letters = (
            None if is_dead_letters else Queue(f"{path}/$DeadLetterQueue", later, dead_options, is_dead_letters=True)
        )
        self._later = later
        self._duplicates = Duplicates(options.duplicate_window)
        self._sequences = itertools.count(1)
        self._ready: defaultdict[str | None, list[int]] = defaultdict(list)  # heaps of sequence numbers, by session

    # what arrives

    def put(self, wire: WireMessage) -> int:
        """Take a message, and return its sequence number; 0 for a duplicate, which is accepted and dropped."""
        options, now = self.options, time.time()
        if options.max_messages is not None and len(self.messages) >= options.max_messages:
            raise Refusal.full(self.path)
        if options.requires_session and wire.session_id is None:
            raise Refusal.not_allowed("The SessionId was not set on a message for an entity that requires sessions.")
        if self._duplicates.saw(wire.message_id):
            return 0
        stored = self._store(wire, now)
        if wire.scheduled_for > now:
            stored.state = State.SCHEDULED
            self._later(wire.scheduled_for - now, self._enqueue_scheduled, stored.sequence)
        else:
            self._make_ready(stored)
        return stored.sequence

    def cancel_scheduled(self, sequence: int) -> None:
        if sequence not in self.messages or self.messages[sequence].state != State.SCHEDULED:
            raise Refusal.message_not_found(sequence)
        del self.messages[sequence]

    def _store(self, wire: WireMessage, now: float) -> Stored:
        lifetime = min(self.options.time_to_live, wire.time_to_live)
        stored = Stored(wire, next(self._sequences), now, now + lifetime)
        self.messages[stored.sequence] = stored
        return stored

    def _enqueue_scheduled(self, sequence: int) -> None:
        """A scheduled message that is due is enqueued as if it had just been sent, under a new number."""
        scheduled = self.messages.pop(sequence, None)
        if scheduled is not None:
            self._make_ready(self._store(scheduled.wire, time.time()))

    # what leaves

    def _make_ready(self, stored: Stored) -> None:
        heapq.heappush(self._ready[self.session_of(stored)], stored.sequence)
        self.pump()

    def session_of(self, stored: Stored) -> str | None:
        return stored.wire.session_id if self.options.requires_session else None

    def has_ready(self, session_id: str | None) -> bool:
        return any(self._is_ready(self.messages.get(number)) for number in self._ready[session_id])

    @property
    def ready_sessions(self) -> list[str]:
        return [key for key in self._ready if key is not None and self.has_ready(key)]

    def pump(self) -> None:
        """Send what is ready to the consumers that have credit, in turn."""
        self.sessions.grant()
        sent = True
        while sent:
            sent = False
            for consumer in list(self.consumers):
                if consumer.credit > 0 and (stored := self._take(consumer.session_id)) is not None:
                    self.consumers.append(self.consumers.pop(self.consumers.index(consumer)))
                    consumer.send(stored)
                    sent = True

    def _take(self, session_id: str | None) -> Stored | None:
        ready = self._ready[session_id]
        while ready:
            stored = self.messages.get(heapq.heappop(ready))
            if stored is not None and self._is_ready(stored):
                if stored.expires > time.time():
                    return stored
                self._expire(stored)
        return None

    @staticmethod
    def _is_ready(stored: Stored | None) -> bool:
        return stored is not None and stored.lock is None and stored.state == State.ACTIVE

    def _expire(self, stored: Stored) -> None:
        if self.options.dead_letter_on_expiry:
            self._bury(stored, "TTLExpiredException", "The message expired and was dead lettered.")
        else:
            del self.messages[stored.sequence]

    def remove(self, stored: Stored) -> None:
        del self.messages[stored.sequence]

    def deferred(self, sequence: int) -> Stored:
        stored = self.messages.get(sequence)
        if stored is None or stored.state != State.DEFERRED or stored.lock is not None:
            raise Refusal.message_not_found(sequence)
        return stored

    def peek(self, sequence: int, count: int, session_id: str | None = None) -> list[Stored]:
        now = time.time()
        found = [s for number, s in sorted(self.messages.items()) if number >= sequence and s.expires > now]
        return [s for s in found if session_id in (None, s.wire.session_id)][:count]

    # locks

    def lock(self, stored: Stored, session: Session | None = None) -> Lock:
        until = session.until if session is not None else time.time() + self.options.lock_duration
        lock = stored.lock = Lock(stored, until)
        self.locks[lock.token] = lock
        if session is None:
            lock.timer = self._later(self.options.lock_duration, self._lock_expired, lock)
        return lock

    def renew(self, token: uuid.UUID) -> float:
        if token not in self.locks:
            raise Refusal.message_lock_lost()
        lock = self.locks[token]
        lock.timer.cancel()
        lock.until = time.time() + self.options.lock_duration
        lock.timer = self._later(self.options.lock_duration, self._lock_expired, lock)
        return lock.until

    def _lock_expired(self, lock: Lock) -> None:
        if self.locks.get(lock.token) is lock:
            self.abandon(lock.token)

    def _unlock(self, token: uuid.UUID) -> Stored:
        lock = self.locks.pop(token, None)
        if lock is None:
            raise Refusal.message_lock_lost()
        if lock.timer is not None:
            lock.timer.cancel()
        lock.message.lock = None
        return lock.message

    # verdicts; each needs a lock that lives

    def complete(self, token: uuid.UUID) -> None:
        self.remove(self._unlock(token))

    def release(self, token: uuid.UUID) -> None:
        """Give a message back that nobody has tried to handle."""
        self._give_back(self._unlock(token))

    def abandon(self, token: uuid.UUID) -> None:
        """Give a message back, as one that was tried in vain."""
        stored = self._unlock(token)
        stored.delivery_count += 1
        if self.dead_letters is not None and stored.delivery_count >= self.options.max_delivery_count:
            text = f"Message could not be consumed after {stored.delivery_count} delivery attempts."
            self._bury(stored, "MaxDeliveryCountExceeded", text)
        else:
            self._give_back(stored)

    def _give_back(self, stored: Stored) -> None:
        if stored.state == State.ACTIVE:
            self._make_ready(stored)

    def defer(self, token: uuid.UUID) -> None:
        stored = self._unlock(token)
        stored.state = State.DEFERRED
        stored.delivery_count += 1

    def bury(self, token: uuid.UUID, reason: str | None, description: str | None) -> None:
        """Move a message to the dead letters."""
        if self.dead_letters is None:
            raise Refusal.not_allowed("A message cannot be dead-lettered from a dead-letter queue.")
        self._bury(self._unlock(token), reason, description)

    def _bury(self, stored: Stored, reason: str | None, description: str | None) -> None:
        target = self.dead_letters
        assert target is not None
        self.remove(stored)
        details = {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
        wire = stored.wire.with_properties({name: text for name, text in details.items() if text is not None})
        dead = replace(
            stored, wire=wire, sequence=next(target._sequences), expires=float("inf"), state=State.ACTIVE, lock=None
        )
        target.messages[dead.sequence] = dead
        target._make_ready(dead)
