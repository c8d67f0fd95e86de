"""A private PostgreSQL for tests: its own cluster in a temporary directory, reached by a unix socket only."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ("PostgresMissing", "running_postgres")

#: Where Debian, Fedora and Homebrew put the servers that are not on the PATH.
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
_OPTIONS = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off"


class PostgresMissing(Exception):
    """There is no PostgreSQL server on this machine. The message says how to get one."""


@contextmanager
def running_postgres() -> Iterator[dict[str, str]]:
    """Start a server, and stop it at the end.

    Yields:
        How to connect to it, in libpq's words: ``host`` (the directory of the socket), ``user`` and ``dbname``.

    Raises:
        PostgresMissing: The server is not installed.
    """
    binaries = _find_binaries()
    # /tmp, because the path of a socket must be short, and another user may have to come through
    with tempfile.TemporaryDirectory(prefix="diator-pg-", dir="/tmp", ignore_cleanup_errors=True) as directory:
        as_user = _hand_over(directory)
        data = f"{directory}/data"
        _run([*as_user, f"{binaries}/initdb", "-D", data, "-U", "diator", "-A", "trust", "-E", "UTF8", "--no-sync"])
        control = [*as_user, f"{binaries}/pg_ctl", "-D", data, "-w", "-t", "60"]
        _run([*control, "-l", f"{directory}/log", "-o", f"{_OPTIONS} -k {directory}", "start"])
        try:
            yield {"host": directory, "user": "diator", "dbname": "postgres"}
        finally:
            _run([*control, "-m", "immediate", "stop"])


def _find_binaries() -> Path:
    """Find the directory of the newest server."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).parent
    found = [path.parent for place in _PLACES for path in Path("/").glob(f"{place[1:]}/initdb")]
    if not found:
        raise PostgresMissing(
            "PostgreSQL is not installed, and these tests run on the real one: "
            "`apt-get install postgresql` or `brew install postgresql`"
        )
    return max(found, key=lambda path: [int(number) for number in re.findall(r"\d+", str(path))])


def _hand_over(directory: str) -> list[str]:
    """Give the directory to a user that PostgreSQL accepts, which is not root.

    Returns:
        The start of a command that runs as this user.
    """
    if os.getuid() != 0:
        return []
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise PostgresMissing("PostgreSQL does not run as root: run the tests as another user") from None
    os.chown(directory, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/"
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command} failed:\n{done.stdout}")
