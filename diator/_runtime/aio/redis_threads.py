"""How tasks talk to Redis on any event loop: with blocking connections, in threads."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from ...errors import BrokerError
from ..daemon_threads import run_in_thread
from ..redis_connections import Command, Connections, Reply
from ..redis_connections import Lane as Connection
from ..redis_failures import no_thread
from ..redis_pools import make_pool
from .loops import current_loop, new_event

__all__ = ("Lane", "Taker", "Transport")

#: Takes the replies to some commands, or why there are none.
Taker = Callable[[list[Reply] | Exception], None]


class Lane(Protocol):
    """A connection for commands that block, used by one call at a time."""

    @property
    def client_id(self) -> int:
        """The number of the connection at the server; 0 if there is none."""
        ...

    def start(self, commands: Sequence[Command], done: Taker) -> None:
        """Send commands, and hand the replies over on this event loop, whoever is cancelled."""
        ...

    def listen(self, subscribe: Command, limit: int, timeout: float, done: Taker) -> None:
        """Wait for pushes, and hand them over on this event loop."""
        ...

    def close(self) -> None:
        """Close the connection, also while a call uses it."""
        ...


class Transport:
    """Makes round trips to a server, each on a connection of its own: in threads.

    A cancelled task stops waiting at once; the thread ends when the server answers, or the time is over.
    """

    def __init__(self, source: Any, timeout: float, block: float) -> None:
        self._connections = Connections(make_pool(source, timeout))
        self._lanes = make_pool(source, timeout + block)

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Send commands in one go, and return their replies; a `BrokerError` among them is not raised.

        Raises:
            BrokerUnavailable: The replies did not come.
        """
        arrived = new_event(current_loop())
        outcomes: list[list[Reply] | Exception] = []

        def done(outcome: list[Reply] | Exception) -> None:
            outcomes.append(outcome)
            arrived.set()

        self.start(commands, done)
        await arrived.wait()
        if isinstance(outcomes[0], Exception):
            raise outcomes[0]
        return outcomes[0]

    def start(self, commands: Sequence[Command], done: Taker) -> None:
        """Do the same, and hand the replies over on this event loop, whoever is cancelled."""
        _detach(partial(self._connections.exchange, commands), done)

    def detach(self, commands: Sequence[Command], done: Taker) -> None:
        """Do the same; here no caller ever waits for it."""
        self.start(commands, done)

    def lane(self) -> Lane:
        """Make a connection for commands that block."""
        return _ThreadLane(self._lanes)

    async def aclose(self) -> None:
        self._connections.close()


class _ThreadLane:
    def __init__(self, pool: Any) -> None:
        self._connection = Connection(pool)

    @property
    def client_id(self) -> int:
        return self._connection.client_id

    def start(self, commands: Sequence[Command], done: Taker) -> None:
        _detach(partial(self._connection.exchange, commands), done)

    def listen(self, subscribe: Command, limit: int, timeout: float, done: Taker) -> None:
        _detach(partial(self._connection.listen, subscribe, limit, timeout), done)

    def close(self) -> None:
        self._connection.close()


def _detach(function: Callable[[], list[Reply]], done: Taker) -> None:
    post = current_loop().call_soon_threadsafe

    def job() -> None:
        try:
            outcome: list[Reply] | Exception = function()
        except BaseException as exc:  # noqa: BLE001 - a thread of ours has nobody else to tell
            outcome = exc if isinstance(exc, Exception) else BrokerError(f"the thread ended: {type(exc).__name__}")
        with suppress(RuntimeError):  # the event loop has ended, and nobody waits
            post(done, outcome)

    try:
        run_in_thread(job)
    except RuntimeError as exc:
        post(done, no_thread(exc))
