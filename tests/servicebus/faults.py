"""What goes wrong on purpose. All of it may be called from any thread."""

import asyncio
from typing import TYPE_CHECKING

from .errors import Refusal

if TYPE_CHECKING:
    from .server import ServiceBusServer

__all__ = ("Faults",)


class Faults:
    """The faults of a server.

    Attributes:
        lost_acknowledgements: So many sends are stored, then the connection is reset instead of saying so.
        lost_settlements: So many verdicts are forgotten, and the connection is reset.
        refused_sends: Each refuses one send.
        frozen: See `freeze`.
    """

    def __init__(self, server: "ServiceBusServer") -> None:
        self.lost_acknowledgements = 0
        self.lost_settlements = 0
        self.refused_sends: list[Refusal] = []
        self.frozen = False
        self._server = server

    def drop_connections(self) -> int:
        """Reset all connections, and return how many there were."""

        def drop() -> int:
            connections = list(self._server.connections)
            for connection in connections:
                connection.drop()
            return len(connections)

        return self._server.call(drop)

    def detach_links(self, path: str, refusal: Refusal | None = None) -> int:
        """Detach the links of an entity, with an error or without, and return how many there were."""

        def detach() -> int:
            links = [(connection, link) for connection in self._server.connections for link in connection.links(path)]
            for connection, link in links:
                connection.detach(link, refusal)
            return len(links)

        return self._server.call(detach)

    def freeze(self) -> None:
        """Neither read nor write, but keep all connections open, until `thaw`."""

        def freeze() -> None:
            self.frozen = True
            for connection in self._server.connections:
                connection.socket.pause_reading()

        self._server.call(freeze)

    def thaw(self) -> None:
        def thaw() -> None:
            self.frozen = False
            for connection in list(self._server.connections):
                connection.socket.resume_reading()
                connection.work()

        self._server.call(thaw)

    def stop_listening(self) -> None:
        """Reset all connections, and refuse new ones until `resume_listening`."""
        self._server.call(self._server.listener.close)
        self.drop_connections()

    def resume_listening(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.listen(), self._server.loop).result()

    # asked by the server, on its loop

    def lose_acknowledgement(self) -> bool:
        if self.lost_acknowledgements <= 0:
            return False
        self.lost_acknowledgements -= 1
        return True

    def lose_settlement(self) -> bool:
        if self.lost_settlements <= 0:
            return False
        self.lost_settlements -= 1
        return True

    def refuse_send(self) -> None:
        if self.refused_sends:
            raise self.refused_sends.pop(0)
