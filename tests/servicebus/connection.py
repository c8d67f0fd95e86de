"""One connection of a client: bytes between its socket and Proton, and answers to what Proton reads in them."""

import asyncio
import itertools
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import proton
from proton import Collector, Delivery, Event, Link, Terminus, Transport, symbol, uint

from .errors import Refusal
from .links import ReceivingLink
from .queues import Queue
from .requests import answer_management, answer_token
from .topics import Topic

if TYPE_CHECKING:
    from .server import ServiceBusServer

__all__ = ("Connection",)

_CREDIT = 1000  # for clients that send
_MANAGEMENT = "/$management"


class Connection(asyncio.Protocol):
    """A connection, from its start to its end."""

    def __init__(self, server: "ServiceBusServer") -> None:
        self.server = server
        self.claims: set[str] = set()  # the entities that the client has shown a token for
        self.receiving: list[ReceivingLink] = []
        self._replies = itertools.count(1)
        self._outgoing: deque[bytes] = deque()
        self._awake = False

    # bytes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.socket: Any = transport
        self.amqp = proton.Connection()
        self.amqp.container = "servicebus-stand-in"
        self._events = Collector()
        self.amqp.collect(self._events)
        self._engine = Transport(Transport.SERVER)
        self._engine.idle_timeout = self.server.idle_timeout
        self._engine.sasl().allowed_mechs("ANONYMOUS")
        self._engine.bind(self.amqp)
        self.server.connections.add(self)
        if self.server.faults.frozen:
            self.socket.pause_reading()
        self._tick()

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)
        self._ticker.cancel()
        for receiving in list(self.receiving):
            self._forget(receiving.link)

    def data_received(self, data: bytes) -> None:
        while data and (room := self._engine.capacity()) > 0:
            self._engine.push(data[:room])
            data = data[room:]
            self.work()

    def drop(self) -> None:
        """Reset the connection."""
        self.socket.abort()

    def wake(self) -> None:
        """Send soon what another connection or a timer has put on a link."""
        if not self._awake:
            self._awake = True
            self.server.loop.call_soon(self.work)

    def _tick(self) -> None:
        self._engine.tick(time.time())
        self._ticker = self.server.later(1.0, self._tick)
        self.work()

    def work(self) -> None:
        """Answer what has been read, and write what there is to say."""
        self._awake = False
        while (event := self._events.peek()) is not None:
            answer = getattr(self, event.type.method, None)
            if answer is not None:
                answer(event)
            self._events.pop()
        self.flush()

    def flush(self) -> None:
        """Write what there is to say."""
        if self.server.faults.frozen:
            return
        while (pending := self._engine.pending()) > 0:
            data = self._engine.peek(pending)
            self._engine.pop(len(data))
            self._write(bytes(data))
        if pending < 0:
            self.socket.close()

    def _write(self, data: bytes) -> None:
        if not self.server.delay:
            self._write_now(data)
        else:
            self._outgoing.append(data)
            self.server.later(self.server.delay, self._write_next)

    def _write_next(self) -> None:
        self._write_now(self._outgoing.popleft())

    def _write_now(self, data: bytes) -> None:
        if not self.socket.is_closing():
            self.socket.write(data)

    # what opens and closes

    def on_connection_remote_open(self, event: Event) -> None:
        event.connection.open()

    def on_connection_remote_close(self, event: Event) -> None:
        event.connection.close()

    def on_session_remote_open(self, event: Event) -> None:
        event.session.open()

    def on_session_remote_close(self, event: Event) -> None:
        event.session.close()

    def on_link_remote_open(self, event: Event) -> None:
        link = event.link
        link.source.copy(link.remote_source)
        link.target.copy(link.remote_target)
        link.snd_settle_mode, link.rcv_settle_mode = link.remote_snd_settle_mode, link.remote_rcv_settle_mode
        end = link.remote_target if link.is_receiver else link.remote_source
        link.path = self.server.path_of(end.address or "")
        try:
            self._attach(link)
        except Refusal as refusal:
            self.refuse(link, refusal)
        else:
            if link.is_receiver:
                link.flow(_CREDIT)

    def _attach(self, link: Link) -> None:
        if link.path != "$cbs":
            entity_path = link.path.removesuffix(_MANAGEMENT)
            if not self.server.security.allows(self.claims, entity_path):
                raise Refusal.unauthorized(f"Unauthorized access to '{entity_path}'.")
            entity = self.server.entity(entity_path)
            if link.is_sender and entity_path == link.path:
                return self._attach_receiving(link, entity)
            limit = self.server.max_message_size
            link.max_message_size = limit
            link.properties = {symbol("com.microsoft:max-message-batch-size"): uint(limit)}
        link.open()
        return None

    def _attach_receiving(self, link: Link, entity: Queue | Topic) -> None:
        if isinstance(entity, Topic):
            raise Refusal.not_allowed(f"'{entity.path}' is a topic: receive from a subscription of it.")
        receiving = link.receiving = ReceivingLink(self, link, entity)
        self.receiving.append(receiving)
        receiving.attach()

    def refuse(self, link: Link, refusal: Refusal) -> None:
        """Open a link without an end on this side and detach it at once, which is how AMQP refuses it."""
        (link.target if link.is_receiver else link.source).type = Terminus.UNSPECIFIED
        link.open()
        self.detach(link, refusal)

    def detach(self, link: Link, refusal: Refusal | None = None) -> None:
        if refusal is not None:
            link.condition = refusal.for_amqp()
        link.close()
        self._forget(link)
        self.wake()

    def on_link_remote_close(self, event: Event) -> None:
        event.link.close()
        self._forget(event.link)

    def on_link_remote_detach(self, event: Event) -> None:
        event.link.detach()
        self._forget(event.link)

    def _forget(self, link: Link) -> None:
        receiving = getattr(link, "receiving", None)
        if receiving in self.receiving:
            self.receiving.remove(receiving)
            receiving.closed()

    def links(self, path: str) -> list[Link]:
        """The open links of an entity."""
        found, link = [], self.amqp.link_head(0)
        while link is not None:
            if getattr(link, "path", None) == path and not link.state & Link.LOCAL_CLOSED:
                found.append(link)
            link = link.next(0)
        return found

    # what is sent and settled

    def on_link_flow(self, event: Event) -> None:
        receiving = getattr(event.link, "receiving", None)
        if receiving is not None:
            receiving.queue.pump()
            if event.link.drain_mode:
                event.link.drained()

    def on_delivery(self, event: Event) -> None:
        link, delivery = event.link, event.delivery
        if link.state & Link.LOCAL_CLOSED:
            return  # what comes over a detached link has no effect
        if link.is_sender:
            self._on_verdict(link, delivery)
        elif delivery.readable and not delivery.partial:
            raw = link.recv(delivery.pending)
            link.advance()
            self._on_transfer(link, delivery, raw)
            if link.credit < _CREDIT // 2:
                link.flow(_CREDIT - link.credit)

    def _on_verdict(self, link: Link, delivery: Delivery) -> None:
        receiving = getattr(link, "receiving", None)
        if receiving is None or getattr(delivery, "lock_token", None) is None:
            delivery.settle()  # an answer to a request, or a message that was deleted when it was sent
        elif delivery.updated and delivery.remote_state:
            if self.server.faults.lose_settlement():
                self.drop()
            else:
                receiving.settle(delivery)

    def _on_transfer(self, link: Link, delivery: Delivery, raw: bytes) -> None:
        try:
            if link.path == "$cbs":
                answer_token(self, raw)
            elif link.path.endswith(_MANAGEMENT):
                answer_management(self, link.path, raw)
            else:
                self.server.store(link.path, raw)
                if self.server.faults.lose_acknowledgement():
                    return self.drop()
        except Refusal as refusal:
            delivery.local.condition = refusal.for_amqp()
            delivery.update(Delivery.REJECTED)
            delivery.settle()
            if refusal.condition == "amqp:link:message-size-exceeded":
                self.detach(link, refusal)
        else:
            delivery.update(Delivery.ACCEPTED)
            delivery.settle()

    def reply(self, path: str, message: proton.Message) -> None:
        """Send an answer on the link that the client has opened for them."""
        for link in self.links(path):
            if link.is_sender:
                link.delivery(b"%d" % next(self._replies))
                link.send(message.encode())
                link.advance()
                return

    def entity(self, path: str) -> Queue | Topic:
        return self.server.entity(path)
