# Generated from diator/aio/message_brokers/_redis_upkeep.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Keeps a stream tidy: handled messages, forgotten consumers, stale notes."""

import logging
import math
from time import monotonic
from typing import Any

from ..._core.redis_errors import is_no_group
from ..._core.stream_entries import lowest_needed, number_of
from ..._core.stream_scripts import FORGET, LOCK
from ...errors import BrokerError, BrokerUnavailable
from ._redis_place import StreamPlace

__all__ = ("Upkeep",)

#: Seconds between two rounds, of whoever comes first.
_INTERVAL = 10.0
#: Seconds after which a consumer that has nothing and does nothing is forgotten. It may come back.
_IDLE = 3600.0

_logger = logging.getLogger("diator.redis")


class Upkeep:
    """Does what no message asks for.

    Args:
        place: The streams.
        consumer: Who does it.
        is_temporary: Whether nobody will come back under this name.
    """

    def __init__(self, place: StreamPlace, consumer: str, is_temporary: bool) -> None:
        self._place = place
        self._consumer = consumer
        self._is_temporary = is_temporary
        self._next_at = -math.inf

    def run(self) -> None:
        """Do a round, if it is time and nobody else of the group has done it."""
        now = monotonic()
        if now < self._next_at:
            return
        self._next_at = now + _INTERVAL
        try:
            key = self._place.key(f"{self._place.group}:upkeep")
            lock = ("EVAL", LOCK, 1, key, self._consumer, int(_INTERVAL * 900))
            if (self._place.client.exchange(lock))[0]:
                for stream in self._place.streams:
                    self._tidy(stream)
                    self._drop_notes(stream)
        except BrokerUnavailable:
            raise
        except BrokerError as error:  # the user may have no right to some of this, and messages flow without it
            self._next_at = now + _INTERVAL if is_no_group(error) else math.inf
            _logger.warning("Redis stream %s is not trimmed: %s", self._place.stream, error)

    def leave(self) -> None:
        """Forget the consumer itself."""
        if self._is_temporary:
            scripts = [("EVAL", FORGET, 1, s, self._place.group, self._consumer) for s in self._place.streams]
            self._place.client.exchange(*scripts)

    def _tidy(self, stream: str) -> None:
        exchange = self._place.client.exchange
        groups, consumers, time = exchange(
            ("XINFO", "GROUPS", stream), ("XINFO", "CONSUMERS", stream, self._place.group), ("TIME",)
        )
        for consumer in consumers:
            info = dict(zip(consumer[::2], consumer[1::2], strict=True))
            if info[b"pending"] == 0 and info[b"idle"] > _IDLE * 1000 and info[b"name"] != self._consumer.encode():
                exchange(("EVAL", FORGET, 1, stream, self._place.group, info[b"name"]))
        if self._place.retention is not None and groups:
            names = [group[1] for group in groups]
            pending = exchange(*[("XPENDING", stream, name) for name in names])
            now = int(time[0]) * 1000 + int(time[1]) // 1000
            self._trim(stream, groups, pending, now - int(self._place.retention * 1000))

    def _trim(self, stream: str, groups: Any, pending: Any, oldest: int) -> None:
        """Remove what is older than this and needed by no group; a round removes no more than the server likes to."""
        needed = lowest_needed(groups, pending)
        limit = f"{oldest}-0"
        if needed is None or oldest < 0:
            return
        first = min(needed, limit, key=number_of)
        while (self._place.client.exchange(("XTRIM", stream, "MINID", "~", first)))[0]:
            pass

    def _drop_notes(self, stream: str) -> None:
        """Drop notes about messages that somebody removed before they were settled."""
        notes, cursor = self._place.notes(stream), b"0"
        while True:
            (cursor, found), pending = self._place.client.exchange(
                ("HSCAN", notes, cursor, "COUNT", 1000), ("XPENDING", stream, self._place.group)
            )
            lowest = number_of(pending[1].decode()) if pending[0] else (math.inf, 0)
            stale = [note for note in found[::2] if number_of(note.decode()) < lowest]
            if stale:
                self._place.client.exchange(("HDEL", notes, *stale))
            if cursor == b"0":
                return
