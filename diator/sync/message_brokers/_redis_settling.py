# Generated from diator/aio/message_brokers/_redis_settling.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Tells a Redis server what has become of messages."""

from collections.abc import Collection, Sequence
from functools import partial
from time import monotonic

from ..._core.delivery import Ack, Delivery, Retry, Verdict
from ..._core.stream_acks import ack_commands
from ..._core.stream_entries import Note, dead_fields
from ..._core.stream_ledger import Held, Ledger
from ..._core.stream_scripts import BEGIN, BURY, EXTEND, RELEASE, RETRY
from ..._runtime.sync.group_commit import Done, GroupCommit
from ..._runtime.sync.redis import Command, Reply
from ...errors import BrokerError
from ._redis_place import StreamPlace

__all__ = ("Settling",)


class Settling:
    """Begins, keeps and settles deliveries of one consumer.

    Args:
        place: Where the messages are.
        consumer: Who has them.
        visibility: Seconds for which they are kept.
        ledger: Knows them.
    """

    def __init__(self, place: StreamPlace, consumer: str, visibility: float, ledger: Ledger) -> None:
        self._place = place
        self._client = place.client
        self._consumer = consumer
        self._visibility = visibility
        self._ledger = ledger
        self._acks: GroupCommit[tuple[Held, bool], None]
        self._acks = GroupCommit(self._start_acks, place.client.max_batch, is_patient=True)

    def is_known(self, held: Held, delivery: Delivery) -> bool:
        """Whether the server knows all that this delivery says."""
        return delivery.attempt <= held.counted and delivery.done <= held.done

    def begin(self, held: Held, delivery: Delivery) -> bool:
        """Tell the server that a delivery begins, and return whether the message is still ours."""
        asked_at = monotonic()
        counted, done = max(held.counted, delivery.attempt), held.done | delivery.done
        note = Note.text(done) if done != held.done else b""
        is_ours = self._run(BEGIN, held, held.id, counted, note)
        if not is_ours:
            self._ledger.remove(held)
            return False
        held.counted, held.done, held.begun = counted, done, True
        held.is_noted = held.is_noted or bool(note)
        held.until = asked_at + self._visibility
        return True

    def extend(self, deliveries: Sequence[Held]) -> Collection[Held]:
        """Keep what is still ours, and return it."""
        asked_at = monotonic()
        kept: list[Held] = []
        for stream in {held.stream for held in deliveries}:
            those = [held for held in deliveries if held.stream == stream]
            for held, is_ours in zip(those, self._run(EXTEND, those[0], *[h.id for h in those]), strict=True):
                if is_ours:
                    held.until = asked_at + self._visibility
                    kept.append(held)
                else:
                    self._ledger.remove(held)
        return kept

    def settle(self, held: Held, delivery: Delivery, verdict: Verdict, is_ours: bool) -> float | None:
        """Carry out a verdict.

        Args:
            held: What it is about.
            delivery: The same, as it was handed out.
            verdict: What to do.
            is_ours: Whether nobody else can have claimed it; else the server is asked.

        Returns:
            When the message is to be claimed again, if ever.
        """
        if isinstance(verdict, Ack):
            self._client.persist(partial(self._acks.submit, (held, is_ours)))
            return None
        if isinstance(verdict, Retry):
            done = held.done | verdict.done
            times = int(self._visibility * 1000), int(verdict.after * 1000 + 0.999)
            self._run(RETRY, held, held.id, *times, Note.text(done))
            return monotonic() + verdict.after
        self._client.persist(partial(self._bury, held, delivery, verdict.reason))
        return None

    def release(self, unsettled: Sequence[Held]) -> None:
        """Let others claim messages at once. A delivery that has not begun is not counted."""
        commands: list[Command] = []
        for stream in {held.stream for held in unsettled}:
            those = [held for held in unsettled if held.stream == stream]
            counts = [part for h in those for part in (h.id, h.counted if h.begun else h.before)]
            commands.append(self._script(RELEASE, those[0], int(self._visibility * 1000), *counts))
        if commands:
            self._client.exchange(*commands)

    def _script(self, text: str, held: Held, *arguments: bytes | str | int) -> Command:
        keys = held.stream, self._place.notes(held.stream)
        return ("EVAL", text, len(keys), *keys, self._place.group, self._consumer, *arguments)

    def _run(self, text: str, held: Held, *arguments: bytes | str | int) -> Reply:
        script = self._script(text, held, *arguments)
        [reply] = self._client.persist(partial(self._client.submit, [script]))
        return reply

    def _bury(self, held: Held, delivery: Delivery, reason: str) -> None:
        """Move a message to the dead letters, unless it is somebody else's by now, or was moved by an earlier try."""
        dead, group = self._place.dead_stream, self._place.group
        fields = dead_fields(
            delivery.body, delivery.headers, reason=reason, attempt=delivery.attempt, group=group, source=held.stream
        )
        keys = held.stream, self._place.notes(held.stream), dead
        settle = ("EVAL", BURY, len(keys), *keys, group, self._consumer, held.id)
        self._client.submit([("MULTI",), ("XADD", dead, "*", *fields), settle, ("EXEC",)])

    def _start_acks(self, items: Sequence[tuple[Held, bool]], done: Done[None]) -> None:
        commands, places = ack_commands(items, self._place.group, self._consumer, self._place.notes)

        def share_out(replies: list[Reply] | Exception) -> None:
            if isinstance(replies, Exception):
                done(replies)
                return
            own = [replies[place] for place in places]
            done([reply if isinstance(reply, BrokerError) else None for reply in own])

        self._client.transport.start(commands, share_out)
