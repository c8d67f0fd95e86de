"""A blocking script: one command per CSV row, each in a transaction of its own, with a clean end on Ctrl-C.

Try it, press Ctrl-C, and start it again to go on:

    python examples/batch_import.py --rows 100000 --database users.sqlite3
"""

import argparse
import csv
import signal
import sqlite3
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, takewhile
from time import perf_counter
from typing import TypeVar

import anyio

from diator import Command, DomainEvent, EventMap, Events, MiddlewareChain, RequestMap
from diator.sync import Mediator

R = TypeVar("R")

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS statistics (domain TEXT PRIMARY KEY, users INTEGER NOT NULL);
"""
DOMAINS = ("example.org", "example.net", "example.com")


@dataclass(frozen=True, kw_only=True)
class ImportUser(Command[None]):
    id: int
    name: str
    email: str


@dataclass(frozen=True, kw_only=True)
class UserImported(DomainEvent):
    id: int
    email: str


@dataclass(frozen=True, kw_only=True)
class MilestoneReached(DomainEvent):
    users: int


@dataclass
class Transaction:
    """A middleware: an error of the handler is raised at the `yield`, and so rolls back."""

    connection: sqlite3.Connection

    def __call__(self, command: Command[R]) -> Generator[Command[R], R, R]:
        with self.connection:
            return (yield command)


@dataclass
class Users:
    """Handlers that share a connection. In blocking code every `def` runs in the calling thread, so they may."""

    connection: sqlite3.Connection

    def add(self, command: ImportUser, events: Events) -> None:
        self.connection.execute("INSERT INTO users VALUES (?, ?, ?)", (command.id, command.name, command.email))
        events.append(UserImported(id=command.id, email=command.email))

    def count(self, event: UserImported, events: Events) -> None:
        domain = event.email.partition("@")[2]
        with self.connection:
            self.connection.execute(
                "INSERT INTO statistics VALUES (?, 1) ON CONFLICT DO UPDATE SET users = users + 1", (domain,)
            )
        if event.id % 1000 == 0:
            events.append(MilestoneReached(users=event.id))


async def congratulate(event: MilestoneReached) -> None:
    await anyio.sleep(0.001)  # post it to a chat, say; `async def` code works in a blocking script, too
    print(f"{event.users:,} users")


def mediator_for(connection: sqlite3.Connection) -> Mediator:
    users = Users(connection)
    request_map, event_map, chain = RequestMap(), EventMap(), MiddlewareChain()
    request_map.bind(ImportUser, users.add)
    event_map.bind(UserImported, users.count)
    event_map.bind(MilestoneReached, congratulate)
    chain.add(Transaction(connection))
    return Mediator(request_map, event_map=event_map, middleware_chain=chain)


def read_csv(rows: int) -> Iterator[ImportUser]:
    """Stands for a file: the rows are made up."""
    lines = (f"{i},User {i},user{i}@{DOMAINS[i % len(DOMAINS)]}" for i in range(1, rows + 1))
    for id_, name, email in csv.reader(lines):
        yield ImportUser(id=int(id_), name=name, email=email)


class Interruption:
    """Turns Ctrl-C into a request to stop after the current command.

    As a KeyboardInterrupt it could strike between the commit of a command and its events, which would then be lost.
    """

    def __init__(self) -> None:
        self.requested = False
        signal.signal(signal.SIGINT, self._request)

    def _request(self, *_: object) -> None:
        self.requested = True


def with_progress(commands: Iterable[ImportUser], total: int) -> Iterable[ImportUser]:
    try:
        from rich.progress import track
    except ImportError:
        return commands
    return track(commands, description="importing", total=total)


def import_users(connection: sqlite3.Connection, rows: int) -> int:
    """Import what is not there yet, and return the exit status."""
    interruption = Interruption()
    connection.executescript(SCHEMA)
    (done,) = connection.execute("SELECT count(*) FROM users").fetchone()
    commands = takewhile(lambda _: not interruption.requested, islice(read_csv(rows), done, None))
    imported = 0
    start = perf_counter()
    with mediator_for(connection) as mediator:
        for command in with_progress(commands, total=max(0, rows - done)):
            mediator.send(command)
            imported += 1
    seconds = perf_counter() - start
    print(f"imported {imported:,} users in {seconds:.1f} s; the database has {done + imported:,} of {rows:,}")
    for domain, users in connection.execute("SELECT domain, users FROM statistics ORDER BY domain"):
        print(f"  {domain}: {users:,}")
    if interruption.requested:
        print("interrupted")
    return 130 if interruption.requested else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Import users into SQLite.")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--database", default=":memory:", help="a file; by default nothing is kept")
    options = parser.parse_args()
    with closing(sqlite3.connect(options.database)) as connection:
        return import_users(connection, options.rows)


if __name__ == "__main__":
    sys.exit(main())
