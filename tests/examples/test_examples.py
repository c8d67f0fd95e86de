"""Every example is run as its reader would run it, in a process of its own."""

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
#: Seconds until a process that hangs fails a test. None of them needs more than a few.
PATIENCE = 30
#: What `python -c` needs before it runs an example, to act as if rich were not installed.
WITHOUT_RICH = "import runpy, sys; sys.modules['rich'] = None; sys.argv = sys.argv[1:]; "

EFFECTS = """
begin JoinMeeting
user 7 joins
commit JoinMeeting
greet user 7
free seats: 1
begin JoinMeeting
user 8 joins
commit JoinMeeting
greet user 8
free seats: 0
close the door
begin JoinMeeting
rollback JoinMeeting
meeting 1 is full
begin LeaveMeeting
user 7 leaves
commit LeaveMeeting
read: users [8]
redraw user 7
redraw user 8
redraw user 7
""".strip().splitlines()


def environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "error", "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"}


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, env=environment(), capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False
    )


def run_without_rich(example: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    start = WITHOUT_RICH + f"sys.path.insert(0, {str(EXAMPLES)!r}); runpy.run_path(sys.argv[0], run_name='__main__')"
    return run("-c", start, example, *arguments)


@dataclass
class Started:
    """A process in the background."""

    process: "subprocess.Popen[bytes]"
    stdout: Path
    stderr: Path

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if result := condition():
                return result
            assert self.process.poll() is None, self.stderr.read_text()
            time.sleep(0.01)
        raise TimeoutError(self.stdout.read_text() + self.stderr.read_text())


@contextmanager
def started(folder: Path, *arguments: object) -> Iterator[Started]:
    stdout, stderr = folder / "stdout", folder / "stderr"
    with (
        stdout.open("wb") as out,
        stderr.open("wb") as err,
        subprocess.Popen([sys.executable, *map(str, arguments)], env=environment(), stdout=out, stderr=err) as process,
    ):
        try:
            yield Started(process, stdout, stderr)
        finally:
            process.kill()


def test_the_table_of_examples_names_every_example() -> None:
    table = (EXAMPLES / "README.md").read_text()
    runnable = [path for path in EXAMPLES.glob("*.py") if 'if __name__ == "__main__":' in path.read_text()]
    assert len(runnable) >= 3
    assert all(f"({path.name})" in table for path in runnable)


# -- meetings.py


def test_meetings_has_the_same_effects_in_all_three_worlds() -> None:
    result = run(EXAMPLES / "meetings.py")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert rows == [[effect] * 3 for effect in EFFECTS]
    assert result.stdout.splitlines()[-1].startswith(f"The same {len(EFFECTS)} effects in the same order")
    assert (result.returncode, result.stderr) == (0, "")


def test_meetings_prints_plain_columns_without_rich() -> None:
    result = run_without_rich(EXAMPLES / "meetings.py")
    head, *rows, verdict = result.stdout.splitlines()
    assert head.split() == ["asyncio", "trio", "blocking"]
    assert [re.split(r" {2,}", row) for row in rows] == [[effect] * 3 for effect in EFFECTS]
    assert verdict.startswith("The same")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "difference",
    ["effects[3], effects[4] = effects[4], effects[3]", "effects.append('one more')", "effects.pop()"],
)
def test_meetings_fails_if_one_world_differs(difference: str) -> None:
    code = f"""
import sys; sys.path.insert(0, {str(EXAMPLES)!r})
import meetings
effects = meetings.blocking()
{difference}
meetings.blocking = lambda: effects
sys.exit(meetings.main())
"""
    result = run("-c", code)
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.splitlines()[-1] == "The effects differ."


# -- trio_app.py


@dataclass
class Service:
    """The running HTTP service."""

    started: Started
    port: int

    def call(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with closing(connection):
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = response.read()
            assert response.headers["content-type"] == "application/json"
            return response.status, json.loads(answer) if answer else None

    def join(self, meeting_id: int, user_id: int) -> int:
        return self.call("POST", f"/meetings/{meeting_id}/join", json.dumps({"user_id": user_id}).encode())[0]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def stop(self, signal_: signal.Signals = signal.SIGTERM) -> None:
        self.started.process.send_signal(signal_)
        assert self.started.process.wait(PATIENCE) == 0
        assert self.started.stderr.read_text() == ""
        assert self.started.stdout.read_text().endswith("stopped\n")


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    with started(folder, EXAMPLES / "trio_app.py", "--port", 0) as process:
        address = process.wait_for(
            lambda: re.search(r"^listening on http://127\.0\.0\.1:(\d+)\n", process.stdout.read_text())
        )
        yield Service(process, int(address[1]))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path) as service:
        yield service


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all requests that it refuses; in the end nothing must have happened."""
    with serving(tmp_path_factory.mktemp("service")) as service:
        yield service
        service.stop()
        assert len(service.started.stdout.read_text().splitlines()) == 2


def test_trio_app_sends_commands_and_queries(service: Service) -> None:
    assert service.call("POST", "/meetings/1/join", b'{"user_id": 7}') == (200, None)
    assert service.call("POST", "/meetings/1/join", b'{"user_id": 8, "unknown": 1}') == (200, None)
    assert service.call("POST", "/meetings/1/leave", b'{"user_id": 8}') == (200, None)
    assert service.call("POST", "/meetings/3/join", b'{"user_id": 8}') == (404, {"error": "no meeting 3"})
    assert service.call("GET", "/meetings/1?pretty") == (200, {"users": [7], "free_seats": 19})
    service.stop()
    assert service.started.stdout.read_text().splitlines()[1:7] == [
        "begin JoinMeeting",
        "user 7 joins",
        "commit JoinMeeting",
        "greet user 7",
        "free seats: 19",
        "redraw user 7",
    ]


def test_trio_app_gives_every_seat_once_to_concurrent_users(service: Service) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda user_id: service.join(1, user_id), range(25)))
    assert sorted(statuses) == [200] * 20 + [409] * 5
    admitted = [user_id for user_id, status in enumerate(statuses) if status == 200]
    assert service.call("GET", "/meetings/1") == (200, {"users": admitted, "free_seats": 0})
    service.stop()
    journal = service.started.stdout.read_text()
    assert (journal.count("greet user"), journal.count("rollback"), journal.count("close the door")) == (20, 5, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"{}",
        b'{"user_id": "7"}',
        b'{"user_id": 7.5}',
        b'{"user_id": null}',
        b'{"user_id": "\xff"}',
        b'{"user_id": 7, "request_id": "not an id"}',
        b'{"user_id": ' + b"[" * 60_000,
    ],
    ids=lambda body: body[:20].decode("ascii", "replace"),
)
def test_trio_app_answers_400_to_a_bad_body_and_changes_nothing(untouched: Service, body: bytes) -> None:
    status, answer = untouched.call("POST", "/meetings/1/join", body)
    assert (status, list(answer)) == (400, ["error"])
    assert untouched.call("GET", "/meetings/1") == (200, {"users": [], "free_seats": 20})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/meetings/x"),
        ("GET", "/meetings/1/"),
        ("GET", "/meetings/3"),
        ("PUT", "/meetings/1"),
        ("HEAD", "/meetings/1"),
        ("GET", "/meetings/1/join"),
        ("GET", "/meetings/%ff"),
    ],
)
def test_trio_app_answers_404_to_what_it_does_not_know(untouched: Service, method: str, path: str) -> None:
    assert untouched.call(method, path)[0] == 404


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),  # no Host
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"431"),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"POST /meetings/1/join HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" + b" " * 70_000, b"413"),
    ],
)
def test_trio_app_survives_bad_http(untouched: Service, sent: bytes, status: bytes) -> None:
    with untouched.connect() as client, suppress(ConnectionError):  # it need not wait for all of what it refuses
        client.sendall(sent)
        assert client.recv(1000).split()[1] == status
    with untouched.connect() as client:
        client.sendall(b"POST /meetings/1/join HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")  # and goes away
    assert untouched.call("GET", "/meetings/1")[0] == 200


def test_trio_app_stops_on_ctrl_c(service: Service) -> None:
    service.stop(signal.SIGINT)


def test_trio_app_finishes_requests_in_progress_before_it_stops(service: Service) -> None:
    body = b'{"user_id": 7}'
    head = f"POST /meetings/1/join HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with service.connect() as client:
        client.sendall(head.encode() + body[:5])
        assert service.call("GET", "/meetings/1")[0] == 200  # so the half request has been accepted, too
        service.started.process.send_signal(signal.SIGTERM)
        service.started.wait_for(lambda: not can_connect(service))
        client.sendall(body[5:])
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert service.started.process.wait(PATIENCE) == 0
    assert "commit JoinMeeting" in service.started.stdout.read_text()


def test_trio_app_does_not_wait_for_a_client_that_says_nothing(service: Service) -> None:
    begin = time.monotonic()
    with service.connect():
        assert service.call("GET", "/meetings/1")[0] == 200
        service.stop()
    assert time.monotonic() - begin < 10, "the time that a request may take"


def can_connect(service: Service) -> bool:
    try:
        service.connect().close()
    except ConnectionRefusedError:
        return False
    return True


# -- worker.py


def test_worker_runs_only_the_failed_handler_again_and_puts_one_message_aside() -> None:
    result = run(EXAMPLES / "worker.py")
    assert result.stdout.splitlines() == [
        *("reserve 1", "mail for 1", "reserve 2", "reserve 4", "mail for 2", "reserve 3", "mail for 3"),
        "put aside: there is no such customer",
    ]
    failed, rejected = result.stderr.splitlines()
    assert re.search(r"OrderPlaced \S+ failed in delivery 1 of at most 5, the next one is in 0.. s", failed)
    assert "there is no such customer" in rejected
    assert result.returncode == 0


# -- batch_import.py


def rows(database: Path) -> list[int]:
    """The ids that are there; nothing before the script has made its tables."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as reader:
        return [id_ for (id_,) in reader.execute("SELECT id FROM users ORDER BY id")]
    return []


def counted(database: Path) -> int:
    """How many users the event handler has counted."""
    with closing(sqlite3.connect(database)) as reader:
        (users,) = reader.execute("SELECT sum(users) FROM statistics").fetchone()
        return int(users)


def reported(stdout: str) -> tuple[int, int]:
    """How many users the script says it has imported, and how many it says are there."""
    match = re.search(r"^imported ([\d,]+) users in .* the database has ([\d,]+) of", stdout, re.MULTILINE)
    assert match, stdout
    return int(match[1].replace(",", "")), int(match[2].replace(",", ""))


@pytest.mark.parametrize("start", [run, run_without_rich])
def test_batch_import_imports_every_row_once(
    start: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    database = tmp_path / "users.sqlite3"
    result = start(EXAMPLES / "batch_import.py", "--rows", 3000, "--database", database)
    assert (result.returncode, result.stderr) == (0, "")
    assert rows(database) == list(range(1, 3001))
    assert counted(database) == 3000
    assert reported(result.stdout) == (3000, 3000)
    assert result.stdout.splitlines()[:3] == ["1,000 users", "2,000 users", "3,000 users"]  # by an `async def` handler
    assert ("importing" in result.stdout) is (start is run)


def test_batch_import_needs_no_arguments() -> None:
    result = run(EXAMPLES / "batch_import.py")
    assert (result.returncode, result.stderr) == (0, "")
    assert reported(result.stdout) == (10_000, 10_000)


@pytest.mark.parametrize("times", [1, 3])
def test_batch_import_ends_cleanly_on_ctrl_c_and_goes_on_when_started_again(tmp_path: Path, times: int) -> None:
    database = tmp_path / "users.sqlite3"
    with started(tmp_path, EXAMPLES / "batch_import.py", "--rows", 1_000_000, "--database", database) as script:
        script.wait_for(lambda: len(rows(database)) > 500)
        for _ in range(times):
            script.process.send_signal(signal.SIGINT)
        assert script.process.wait(PATIENCE) == 130
        assert script.stderr.read_text() == ""
    there = rows(database)
    assert there == list(range(1, len(there) + 1))
    assert 500 < len(there) < 1_000_000
    assert counted(database) == len(there)
    assert reported(script.stdout.read_text()) == (len(there), len(there))

    total = len(there) + 1500
    result = run(EXAMPLES / "batch_import.py", "--rows", total, "--database", database)
    assert (result.returncode, result.stderr) == (0, "")
    assert reported(result.stdout) == (1500, total)
    assert rows(database) == list(range(1, total + 1))
    assert counted(database) == total


def test_batch_import_rolls_back_a_row_that_fails_and_counts_nothing() -> None:
    code = f"""
import sqlite3, sys; sys.path.insert(0, {str(EXAMPLES)!r})
from batch_import import SCHEMA, ImportUser, mediator_for
connection = sqlite3.connect(":memory:")
connection.executescript(SCHEMA)
with mediator_for(connection) as mediator:
    mediator.send(ImportUser(id=1, name="Ann", email="ann@example.org"))
    try:
        mediator.send(ImportUser(id=1, name="Bob", email="bob@example.org"))
    except sqlite3.IntegrityError:
        print(connection.in_transaction, connection.execute("SELECT name, users FROM users, statistics").fetchall())
connection.close()
"""
    result = run("-c", code)
    assert (result.stdout, result.stderr) == ("False [('Ann', 1)]\n", "")
