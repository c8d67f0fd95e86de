"""Runs the Django example on real servers and databases, in processes of its own."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "django_views"

#: Commands that serve HTTP on a listening socket, which they inherit.
SERVERS = {
    "gunicorn": ("-m", "gunicorn", "--bind=fd://{fd}", "--threads=4", "--no-control-socket", "project.wsgi"),
    "uvicorn": ("-m", "uvicorn", "--fd={fd}", "--no-access-log", "project.asgi:application"),
}


@dataclass
class Database:
    """A database, as Django's settings have it."""

    settings: dict[str, Any]

    def rows(self, query: str) -> list[Any]:
        """Read the first column from outside, on a connection of its own: what it sees has been committed."""
        with closing(self._connect()) as connection:
            return [row[0] for row in connection.cursor().execute(query)]

    def _connect(self) -> Any:
        if self.settings["ENGINE"].endswith("sqlite3"):
            return sqlite3.connect(self.settings["NAME"])
        import psycopg

        return psycopg.connect(host=self.settings["HOST"], user=self.settings["USER"], dbname=self.settings["NAME"])

    @property
    def environment(self) -> dict[str, str]:
        """For processes that run the example with this database."""
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(EXAMPLE)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "tests.examples.django_settings",
            "TEST_DATABASE": json.dumps(self.settings),
        }

    def migrate(self) -> None:
        manage(EXAMPLE, self.environment, "migrate")


@dataclass
class Site:
    """A running server."""

    port: int
    database: Database
    process: subprocess.Popen[bytes]

    def get(self, path: str, timeout: float = 30) -> tuple[int, Any]:
        """Return the status and the decoded answer; raise TimeoutError without one."""
        return self._request("GET", path, None, timeout)

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        return self._request("POST", path, json.dumps(body), 30)

    def _request(self, method: str, path: str, body: str | None, timeout: float) -> tuple[int, Any]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as connection:
            connection.request(method, path, body, {"Connection": "close"})
            response = connection.getresponse()
            text = response.read().decode()
        return response.status, json.loads(text) if text.startswith("{") else text


def manage(directory: Path, environment: dict[str, str], *arguments: str) -> str:
    """Run manage.py, where every warning is an error."""
    command = [sys.executable, "-W", "error", "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    finally:
        process.kill()
        process.wait()


@contextmanager
def running_site(server: str, database: Database, log: Path) -> Iterator[Site]:
    """Serve the example. At the end its log must not show a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as listening, log.open("w") as output:
        fd, port = listening.fileno(), listening.getsockname()[1]
        command = [sys.executable, "-X", "dev", *(argument.format(fd=fd) for argument in SERVERS[server])]
        process = subprocess.Popen(
            command, cwd=log.parent, env=database.environment, pass_fds=[fd], stdout=output, stderr=output
        )
    try:
        yield Site(port, database, process)
    finally:
        stop(process)
    assert "Traceback" not in log.read_text(), log.read_text()
