# Generated from diator/aio/message_brokers/_azure_slot.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""One connection that receives from Azure Service Bus."""

from typing import Any

from ..._core.servicebus_pool import Held
from ..._runtime.servicebus import NoSession, logger, make_patient, read
from ..._runtime.sync.servicebus import RECEIVE_WAIT, Job, interrupt, is_cut, must_stop
from ..._runtime.sync.waiting import current_time
from ._azure_holder import Holder
from ._azure_workplace import SessionMemory, Workplace

__all__ = ("Slot",)

#: Seconds before a connection that could not be opened is tried again; twice as long each time, up to the second one.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
#: Seconds after which a connection that has brought nothing is replaced: it may be dead without anybody having said so.
_SILENCE = 240.0
#: Seconds to wait for the next message of a session, and how many messages of one session to handle in a row.
_SESSION_IDLE, _SESSION_TURN = 0.5, 100


class Slot:
    """Owns a receiver of the SDK: nobody else uses it, and it does one thing at a time."""

    def __init__(self, workplace: Workplace) -> None:
        self._is_changing = False
        self._workplace = workplace
        self._pool, self._changes, self._entity = workplace.pool, workplace.changes, workplace.entity
        self._link: Any = None
        self._memory = SessionMemory()
        self._news = 0.0
        self._turn = 0
        self._pause = _FIRST_PAUSE

    def run(self) -> None:
        """Look for messages when they are wanted, and hold each until it is settled."""
        try:
            while self._may_look():
                raw = self._look()
                if raw is not None:
                    self._hold(raw)
        finally:
            self._drop_link()
            with self._changes:
                self._pool.gone(self)
                self._changes.notify()

    def interrupt(self, job: Job) -> bool:
        """End the wait for a message, and return whether that is possible: not while a connection opens or closes.

        Args:
            job: What runs this.
        """
        return not self._is_changing and (job.cancel() or interrupt(self._link))

    def _may_look(self) -> bool:
        """Wait until it is this one's turn to look; False if the time for that is over."""
        pool, sessions = self._pool, self._entity.sessions
        while not must_stop():
            if self._link is not None and is_cut(self._link):
                self._drop_link()  # all at once after an outage, instead of one after another when they look
            must_open = False
            with self._changes:
                if pool.stopped:
                    return False
                has_link = self._link is not None
                if (has_link or sessions) and pool.claim(self, current_time(), needs_session=not has_link):
                    return True
                must_open = not has_link and not sessions and pool.is_interested(current_time())
                if not must_open:
                    self._changes.wait(_SESSION_IDLE if has_link and sessions else _SILENCE)
            if must_open:
                self._open()
            elif sessions and current_time() > self._news + _SESSION_IDLE:
                self._drop_link()  # others may want the session
        return False

    def _open(self) -> None:
        self._is_changing = True
        try:
            self._link = self._entity.receiver()
            self._memory = SessionMemory.read(self._link) if self._entity.sessions else SessionMemory()
        except NoSession as error:
            self._drop_link()
            if not self._entity.sessions:
                self._fail(error)
        except Exception as error:  # noqa: BLE001 - whoever receives raises it
            self._drop_link()
            self._fail(error)
        else:
            self._pause, self._news, self._turn = _FIRST_PAUSE, current_time(), 0
        finally:
            self._is_changing = False

    def _fail(self, error: Exception) -> None:
        """Let whoever receives know, and wait a little."""
        with self._changes:
            self._pool.error = self._entity.explain(error)
            self._changes.notify()
            if not self._pool.stopped:
                self._changes.wait(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _look(self) -> Any:
        """Wait for a message for some time; None if there is none, or the connection has to be replaced."""
        if self._link is None:
            self._open()
        if self._link is None:
            return None
        wait = _SESSION_IDLE if self._entity.sessions and self._turn else RECEIVE_WAIT
        begin = current_time()
        try:
            messages = self._receive(wait)
        except Exception as error:  # noqa: BLE001 - the next one may be better; if it cannot be opened, that is told
            logger.info("a connection to %s is replaced: %s", self._entity, type(error).__name__)
            self._drop_link()
            return None
        now = current_time()
        if messages:
            self._news = now
            self._turn += 1
            return messages[0]
        is_broken = now - begin < wait / 2  # by something that the SDK cannot read, for example
        if is_broken or self._entity.sessions or now - self._news > _SILENCE:
            self._drop_link()
        return None

    def _receive(self, seconds: float) -> Any:
        """Ask for a message. What goes wrong is told at once: to open another connection is up to this."""
        make_patient(self._link, False, self._entity.timeout)
        try:
            return self._link.receive_messages(max_message_count=1, max_wait_time=seconds)
        finally:
            make_patient(self._link, True, self._entity.timeout)

    def _hold(self, raw: Any) -> None:
        held = Held(self, raw, str(raw.lock_token), self._memory.recall(read(raw)))
        with self._changes:
            self._pool.admit(held, is_for_others=self._entity.is_for_others(held.arrived))
            self._changes.notify()
        try:
            is_usable = Holder(self._workplace, self._link, self._memory, held).hold()
        finally:
            with self._changes:
                self._pool.let_go(held)
                self._changes.notify()
        if not is_usable or (self._entity.sessions and self._turn >= _SESSION_TURN):
            self._drop_link()

    def _drop_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            self._is_changing = True
            self._entity.hang_up(link)
            self._is_changing = False
        with self._changes:
            self._pool.dropped(self)
            self._changes.notify()
