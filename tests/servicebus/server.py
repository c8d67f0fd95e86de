"""The server: its entities, its socket and its thread."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from typing import Any, Self, TypeVar

from .connection import Connection
from .errors import Refusal
from .faults import Faults
from .queues import Options, Queue, Stored
from .security import Security, path_of
from .topics import Filter, Topic, everything
from .wire import unpack_batch

__all__ = ("ServiceBusServer",)

T = TypeVar("T")

_DEAD_LETTERS = "/$deadletterqueue"


class ServiceBusServer:
    """A Service Bus namespace on a loopback port, in a thread of its own, while it is entered.

    Args:
        key: The shared access key, under the name of a namespace's first key.
        max_message_size: Bytes, the 256 KB of the standard tier.
        idle_timeout: Seconds that a client may be silent.
        delay: Seconds by which everything that the server says is late.
        port: Where to listen; 0 for any free port.
        tls: Speak TLS, with this certificate.
    """

    def __init__(
        self,
        *,
        key: str = "c3RhbmQtaW4ta2V5",
        max_message_size: int = 262_144,
        idle_timeout: float = 240.0,
        delay: float = 0.0,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.max_message_size, self.idle_timeout, self.delay, self.port = max_message_size, idle_timeout, delay, port
        self.security = Security("RootManageSharedAccessKey", key, self.entity)
        self.faults = Faults(self)
        self.connections: set[Connection] = set()
        self.transfers = 0  # how often clients have sent something, one message or a batch
        self.loop: asyncio.AbstractEventLoop
        self.listener: asyncio.Server
        self._tls = tls
        self._entities: dict[str, Queue | Topic] = {}
        self._thread = threading.Thread(target=self._run, name="ServiceBusServer", daemon=True)
        self._started = threading.Event()

    @property
    def connection_string(self) -> str:
        """How to connect, in the form that names an emulator: plain AMQP, on the port of the endpoint."""
        return (
            f"Endpoint=sb://localhost:{self.port};SharedAccessKeyName={self.security.key_name};"
            f"SharedAccessKey={self.security.key};UseDevelopmentEmulator=true;"
        )

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        self.loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self.loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await self.listen()
        self._started.set()
        await self._stopping.wait()
        self.listener.close()
        for connection in list(self.connections):
            connection.drop()
        await asyncio.sleep(0)  # the transports close one step later

    async def listen(self) -> None:
        self.listener = await self.loop.create_server(lambda: Connection(self), "127.0.0.1", self.port, ssl=self._tls)
        self.port = self.listener.sockets[0].getsockname()[1]

    def later(self, delay: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        return self.loop.call_later(delay, callback, *args)

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function on the loop of the server, from any other thread."""

        async def run() -> T:
            return function(*args)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result()

    # entities

    def add_queue(self, name: str, **options: Any) -> Queue:
        """Add a queue, with the fields of `Options`."""
        queue = Queue(name, self.later, Options(**options))
        self._entities[path_of(name)] = queue
        return queue

    def add_topic(self, name: str, *subscriptions: str, duplicate_window: float = 0.0) -> Topic:
        """Add a topic, with subscriptions to everything."""
        topic = Topic(name, duplicate_window)
        self._entities[path_of(name)] = topic
        for subscription in subscriptions:
            self.add_subscription(name, subscription)
        return topic

    def add_subscription(self, topic: str, name: str, accepts: Filter = everything, **options: Any) -> Queue:
        """Add a subscription, with the fields of `Options`."""
        queue = self.add_queue(f"{topic}/Subscriptions/{name}", **options)
        parent = self._entities[path_of(topic)]
        assert isinstance(parent, Topic)
        parent.subscriptions.append((queue, accepts))
        return queue

    def path_of(self, address: str) -> str:
        return path_of(address)

    def entity(self, path: str) -> Queue | Topic:
        """Find an entity.

        Raises:
            Refusal: There is none.
        """
        key = path_of(path)
        found = self._entities.get(key.removesuffix(_DEAD_LETTERS))
        if key.endswith(_DEAD_LETTERS):
            found = getattr(found, "dead_letters", None)
        if found is None:
            raise Refusal.not_found(path)
        return found

    def messages(self, path: str) -> list[Stored]:
        """What a queue holds, from any other thread."""

        def read() -> list[Stored]:
            queue = self.entity(path)
            assert isinstance(queue, Queue)
            return [stored for _, stored in sorted(queue.messages.items())]

        return self.call(read)

    def store(self, path: str, raw: bytes) -> None:
        """Put what a client has sent into an entity."""
        self.transfers += 1
        self.faults.refuse_send()
        if len(raw) > self.max_message_size:
            raise Refusal.too_large(len(raw), self.max_message_size)
        entity = self.entity(path)
        for wire in unpack_batch(raw):
            entity.put(wire)
