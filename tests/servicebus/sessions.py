"""Sessions: all messages of one id go to one receiver at a time, in order."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .errors import Refusal

if TYPE_CHECKING:
    from .queues import Queue

__all__ = ("Session", "SessionHolder", "Sessions")


class SessionHolder(Protocol):
    """A link that has asked for a session."""

    def granted(self, session: "Session") -> None: ...
    def refuse(self, refusal: Refusal) -> None: ...
    def session_lost(self) -> None: ...


@dataclass
class Session:
    """A session that somebody has named."""

    id: str
    state: bytes | None = None
    holder: SessionHolder | None = None
    until: float = 0.0
    timer: Any = None


class Sessions:
    """The sessions of a queue."""

    def __init__(self, queue: "Queue", later: Callable[..., Any]) -> None:
        self._queue, self._later = queue, later
        self._sessions: dict[str, Session] = {}
        self._waiting: list[SessionHolder] = []  # for any session

    def __getitem__(self, session_id: str) -> Session:
        return self._sessions.setdefault(session_id, Session(session_id))

    def accept(self, session_id: str, holder: SessionHolder) -> None:
        """Lock a session, which need not have messages."""
        session = self[session_id]
        if session.holder is not None:
            raise Refusal.session_taken(session_id)
        session.holder = holder
        self.renew(session_id)
        holder.granted(session)

    def wait_for_any(self, holder: SessionHolder, timeout: float) -> None:
        """Lock the next session that has messages, or refuse when the time is over."""
        self._waiting.append(holder)
        self._later(timeout, self._give_up, holder)

    def _give_up(self, holder: SessionHolder) -> None:
        if holder in self._waiting:
            self._waiting.remove(holder)
            holder.refuse(Refusal.timeout())

    def forget(self, holder: SessionHolder) -> None:
        if holder in self._waiting:
            self._waiting.remove(holder)

    def grant(self) -> None:
        """Give free sessions that have messages to those who wait for one."""
        if self._waiting:
            for session_id in self._queue.ready_sessions:
                if self._waiting and self[session_id].holder is None:
                    self.accept(session_id, self._waiting.pop(0))

    def renew(self, session_id: str) -> float:
        session = self[session_id]
        if session.holder is None:
            raise Refusal.session_lock_lost()
        if session.timer is not None:
            session.timer.cancel()
        duration = self._queue.options.lock_duration
        session.until = time.time() + duration
        session.timer = self._later(duration, self._expire, session)
        return session.until

    def _expire(self, session: Session) -> None:
        holder = session.holder
        self._free(session, self._queue.abandon)
        if holder is not None:
            holder.session_lost()

    def release(self, session: Session) -> None:
        """Free a session whose holder has gone."""
        self._free(session, self._queue.release)

    def _free(self, session: Session, give_back: Callable[[Any], None]) -> None:
        session.holder = None
        session.timer.cancel()
        for lock in [lock for lock in self._queue.locks.values() if lock.message.wire.session_id == session.id]:
            give_back(lock.token)
        self._queue.pump()
