# Generated from diator/aio/message_brokers/redis_pubsub_receiver.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Receives what is published to channels of Redis."""

import logging
from collections import deque
from collections.abc import Sequence
from time import monotonic

from ..._core.delivery import Ack, DeadLetter, Delivery, Verdict
from ..._runtime.sync.redis import Reply
from ..._runtime.sync.waiting import Changes, checkpoint
from ...errors import BrokerClosed
from ._redis_client import BLOCK, RedisClient

__all__ = ("RedisPubSubReceiver",)

#: The most messages to take from the connection at a time; the others wait there.
_READ_AHEAD = 100

_logger = logging.getLogger("diator.redis")


class RedisPubSubReceiver:
    """Receives messages for one worker; see `Receiver`. Each is delivered once, and what is not acknowledged is lost.

    Args:
        client: Connects.
        pattern: What to subscribe to.

    Attributes:
        lost: How many messages were to be retried or put aside, which Pub/Sub cannot do.
        is_closed: Whether it has been closed.
    """

    def __init__(self, client: RedisClient, pattern: str) -> None:
        self.lost = 0
        self.is_closed = False
        self._client = client
        self._subscribe = ("PSUBSCRIBE", pattern)
        self._changes = Changes()
        self._lane = client.transport.lane()
        self._ready: deque[bytes] = deque()
        self._held: set[str] = set()
        self._received = 0
        self._is_reading = self._is_stopped = False
        self._failure: Exception | None = None

    def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Wait for messages; see `Receiver.receive`. After an error the next call connects and subscribes again."""
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        checkpoint()
        deadline = monotonic() + timeout
        has_looked = False
        while True:
            with self._changes:
                self._expect_open()
                if self._is_stopped:
                    return []
                if self._ready:
                    return [self._deliver(self._ready.popleft()) for _ in range(min(limit, len(self._ready)))]
                now = monotonic()
                if has_looked and now >= deadline:
                    return []
                starts = not self._is_reading
                if starts:
                    self._is_reading, self._failure = True, None
            if starts:
                block = max(0.0, min(deadline - now, BLOCK))
                self._lane.listen(self._subscribe, _READ_AHEAD, block, self._arrived)
            self._wait(deadline if deadline > now or not starts else now + 2 * self._client.timeout)
            has_looked = True

    def begin(self, delivery: Delivery) -> bool:
        """Count a delivery: there is only one of each message."""
        return delivery.delivery_id in self._held

    def extend(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Keep deliveries: nobody else gets them anyway."""
        return [delivery for delivery in deliveries if delivery.delivery_id not in self._held]

    def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        """Carry out a verdict: whatever it is, the message does not come again."""
        with self._changes:
            if delivery.delivery_id not in self._held:
                return
            self._held.discard(delivery.delivery_id)
            self.lost += not isinstance(verdict, Ack)
        if isinstance(verdict, DeadLetter):
            _logger.error("a message of Redis Pub/Sub is lost, which keeps no dead letters: %s", verdict.reason)
        elif not isinstance(verdict, Ack):
            _logger.error("a message of Redis Pub/Sub is lost, which delivers nothing again")

    def stop(self) -> None:
        """Receive no more, and wake those who wait."""
        with self._changes:
            self._is_stopped = True
            self._ready.clear()
            self._changes.notify()
        self._lane.close()

    def close(self) -> None:
        """Stop. What is not settled is lost."""
        self.is_closed = True
        self.stop()
        with self._changes:
            self._held.clear()

    def _wait(self, until: float) -> None:
        """Wait until something has arrived, and raise what has gone wrong."""
        with self._changes:
            while self._is_reading and not self._is_stopped and monotonic() < until:
                self._changes.wait(until - monotonic())
            failure, self._failure = self._failure, None
            self._expect_open()
            if failure is not None and not self._is_stopped:
                raise failure

    def _arrived(self, pushes: list[Reply] | Exception) -> None:
        with self._changes:
            self._is_reading = False
            if isinstance(pushes, Exception):
                self._failure = pushes
            elif not self._is_stopped:
                self._ready += [push[3] for push in pushes if push[0] == b"pmessage"]
            self._changes.notify()

    def _deliver(self, body: bytes) -> Delivery:
        self._received += 1
        delivery = Delivery(body=body, delivery_id=str(self._received))
        self._held.add(delivery.delivery_id)
        return delivery

    def _expect_open(self) -> None:
        self._client.expect_open()
        if self.is_closed:
            raise BrokerClosed("the receiver has been closed: ask the broker for a new one")
