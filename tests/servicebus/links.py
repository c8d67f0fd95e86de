"""The server's ends of links that receive: each locks messages and sends them, and carries out verdicts."""

import uuid
from typing import TYPE_CHECKING

from proton import Delivery, Link, symbol

from .errors import Refusal
from .queues import Queue, Stored
from .sessions import Session

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ("ReceivingLink",)

_TICKS_AT_EPOCH = 621_355_968_000_000_000  # .NET counts 100 ns from the year 1
_DEFAULT_SESSION_WAIT = 65.0


class ReceivingLink:
    """A link on which a client receives; see `Consumer` and `SessionHolder`."""

    def __init__(self, connection: "Connection", link: Link, queue: Queue) -> None:
        self.connection, self.link, self.queue = connection, link, queue
        self.session: Session | None = None
        self._deletes = link.remote_snd_settle_mode == Link.SND_SETTLED  # "receive and delete"

    def attach(self) -> None:
        """Open the link, or leave it waiting for a session."""
        asked, session_id = _wanted_session(self.link)
        if asked != self.queue.options.requires_session:
            raise Refusal.not_allowed("An entity with sessions takes only receivers for sessions, and only it does.")
        if not asked:
            self.link.open()
            self.queue.consumers.append(self)
        elif session_id is not None:
            self.queue.sessions.accept(session_id, self)
        else:
            asked_wait = (self.link.remote_properties or {}).get("com.microsoft:timeout")
            self.queue.sessions.wait_for_any(self, asked_wait / 1000 if asked_wait else _DEFAULT_SESSION_WAIT)
        self.queue.pump()

    def closed(self) -> None:
        """The link has gone. Locks of messages live on until they expire; a session is free at once."""
        if self in self.queue.consumers:
            self.queue.consumers.remove(self)
        self.queue.sessions.forget(self)
        if self.session is not None and self.session.holder is self:
            self.queue.sessions.release(self.session)

    # as a consumer

    @property
    def credit(self) -> int:
        return int(self.link.credit)

    @property
    def session_id(self) -> str | None:
        return self.session.id if self.session is not None else None

    def send(self, message: Stored) -> None:
        if self._deletes:
            self.queue.remove(message)
            delivery = self.link.delivery(uuid.uuid4().bytes)
            delivery.lock_token = None
            self.link.send(message.encode())
        else:
            lock = self.queue.lock(message, self.session)
            delivery = self.link.delivery(lock.token.bytes_le)  # the SDK takes the tag for the token
            delivery.lock_token = lock.token
            self.link.send(message.encode(lock.until, lock.token))
        self.link.advance()
        if self._deletes:
            delivery.settle()
        # at once: Proton holds back for ever what is not yet written when the client takes its credit back
        self.connection.flush()
        self.connection.wake()

    # as the holder of a session

    def granted(self, session: Session) -> None:
        self.session = session
        answer = self.link.source.filter
        answer.clear()
        answer.put_dict({symbol("com.microsoft:session-filter"): session.id})
        ticks = int(session.until * 10_000_000) + _TICKS_AT_EPOCH
        self.link.properties = {symbol("com.microsoft:locked-until-utc"): ticks}
        self.link.open()
        self.queue.consumers.append(self)
        self.connection.wake()

    def refuse(self, refusal: Refusal) -> None:
        self.connection.refuse(self.link, refusal)

    def session_lost(self) -> None:
        self.connection.detach(self.link, Refusal.session_lock_lost())

    # verdicts

    def settle(self, delivery: Delivery) -> None:
        """Do what the client has decided, and tell it: it waits for that."""
        outcome = delivery.remote_state
        try:
            self._carry_out(delivery)
        except Refusal as refusal:
            delivery.local.condition = refusal.for_amqp()
            outcome = Delivery.REJECTED
        delivery.update(outcome)
        delivery.settle()

    def _carry_out(self, delivery: Delivery) -> None:
        token, state = delivery.lock_token, delivery.remote_state
        if state == Delivery.ACCEPTED:
            self.queue.complete(token)
        elif state == Delivery.RELEASED:
            self.queue.release(token)
        elif state == Delivery.MODIFIED and delivery.remote.undeliverable:
            self.queue.defer(token)
        elif state == Delivery.MODIFIED:
            self.queue.abandon(token)
        elif state == Delivery.REJECTED:
            condition = delivery.remote.condition
            details = {str(name): text for name, text in ((condition and condition.info) or {}).items()}
            self.queue.bury(token, details.get("DeadLetterReason"), details.get("DeadLetterErrorDescription"))


def _wanted_session(link: Link) -> tuple[bool, str | None]:
    """Whether the client wants a session, and which one; None for any."""
    filters = link.remote_source.filter
    filters.rewind()
    if filters.next():
        for name, value in (filters.get_object() or {}).items():
            if name == "com.microsoft:session-filter":
                return True, getattr(value, "value", value)
    return False, None
