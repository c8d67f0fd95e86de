"""A TCP proxy that misbehaves: it delays, cuts, and loses replies to requests that were carried out."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ("Proxy", "running_proxy")


class Proxy:
    """Forwards connections to a port.

    Attributes:
        port: Where it listens.
        delay: Seconds that each chunk of a reply is late, at most.
        losses: The probability that a request gets through, and its reply does not: the connection is cut instead.
        lost: How many replies were lost.
        random: Where chance comes from.
    """

    def __init__(self, target: int, seed: int) -> None:
        self.delay = 0.0
        self.losses = 0.0
        self.lost = 0
        self.random = random.Random(seed)
        self._target = target
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._mute: set[tuple[socket.socket, socket.socket]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut all connections."""
        for pair in list(self._pairs):
            self._close(pair)

    def silence(self) -> None:
        """Let nothing more through on the connections of now, and close none of them, like a cable that is cut."""
        self._mute |= self._pairs

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = client, server
            for one in pair:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs.add(pair)
            loses = threading.Event()
            threading.Thread(target=self._requests, args=(pair, loses), daemon=True).start()
            threading.Thread(target=self._replies, args=(pair, loses), daemon=True).start()

    def _requests(self, pair: tuple[socket.socket, socket.socket], loses: threading.Event) -> None:
        client, server = pair
        with suppress(OSError):
            while data := client.recv(65536):
                if pair in self._mute:
                    continue
                if self.random.random() < self.losses:
                    loses.set()
                server.sendall(data)
        self._close(pair)

    def _replies(self, pair: tuple[socket.socket, socket.socket], loses: threading.Event) -> None:
        client, server = pair
        with suppress(OSError):
            while data := server.recv(65536):
                if pair in self._mute:
                    continue
                if self.delay:
                    time.sleep(self.delay * self.random.random())
                if loses.is_set():
                    self.lost += 1
                    break
                client.sendall(data)
        self._close(pair)

    def _close(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self._pairs.discard(pair)
        for one in pair:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def running_proxy(target: int, seed: int = 0) -> Iterator[Proxy]:
    """Start a proxy to a port, and stop it at the end."""
    proxy = Proxy(target, seed)
    try:
        yield proxy
    finally:
        proxy.close()
