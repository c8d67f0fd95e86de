"""A small application: people join a meeting. It does not know which container puts it together.

The `Storage` is there once. Each dispatch has a `Session` of its own, which its handlers share; it is closed when the
last of them is done, and what was not committed is dropped.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from diator import Command, DomainEvent, EventMap, Events, Query, RequestMap, aio, sync

SEATS = 2


# -- messages


@dataclass(frozen=True, kw_only=True)
class JoinMeeting(Command[int]):
    user: str


@dataclass(frozen=True, kw_only=True)
class ReadMeeting(Query[str]):
    pass


@dataclass(frozen=True, kw_only=True)
class UserJoined(DomainEvent):
    user: str


# -- what the container gives


class Storage:
    def __init__(self) -> None:
        self.users: list[str] = []


class Session:
    def __init__(self, storage: Storage) -> None:
        print("  session opened")
        self._storage = storage
        self._new: list[str] = []

    @property
    def users(self) -> list[str]:
        return self._storage.users + self._new

    def add(self, user: str) -> None:
        self._new.append(user)

    def commit(self) -> None:
        self._storage.users += self._new
        self._new = []

    def close(self) -> None:
        print("  session closed" + "".join(f", {user} dropped" for user in self._new))


def open_session(storage: Storage) -> Iterator[Session]:
    """For containers that finalise generators."""
    session = Session(storage)
    try:
        yield session
    finally:
        session.close()


class JoinMeetingHandler:
    def __init__(self, session: Session) -> None:
        self._session = session

    def handle(self, command: JoinMeeting, events: Events) -> int:
        self._session.add(command.user)
        free_seats = SEATS - len(self._session.users)
        if free_seats < 0:
            raise ValueError("no seat left")
        self._session.commit()
        events.append(UserJoined(user=command.user))
        return free_seats


class WelcomeUser:
    def __init__(self, session: Session) -> None:
        self._session = session

    def handle(self, event: UserJoined) -> None:
        others = [user for user in self._session.users if user != event.user]
        print(f"  welcome {event.user}, you will meet {' and '.join(others) or 'nobody yet'}")


def read_meeting(query: ReadMeeting, session: Session) -> str:
    """A function needs no entry in the container; its parameters do."""
    return " and ".join(session.users)


request_map, event_map = RequestMap(), EventMap()
request_map.bind(JoinMeeting, JoinMeetingHandler)
request_map.bind(ReadMeeting, read_meeting)
event_map.bind(UserJoined, WelcomeUser)


# -- what happens


async def run(container: Any) -> None:
    async with aio.Mediator(request_map, container, event_map=event_map) as mediator:
        for user in ("Ann", "Bob", "Cleo"):
            try:
                print(f"{user} joins, free seats: {await mediator.send(JoinMeeting(user=user))}")
            except ValueError as refusal:
                print(f"{user} cannot join: {refusal}")
        print(f"in the meeting: {await mediator.send(ReadMeeting())}")


def run_blocking(container: Any) -> None:
    with sync.Mediator(request_map, container, event_map=event_map) as mediator:
        for user in ("Ann", "Bob", "Cleo"):
            try:
                print(f"{user} joins, free seats: {mediator.send(JoinMeeting(user=user))}")
            except ValueError as refusal:
                print(f"{user} cannot join: {refusal}")
        print(f"in the meeting: {mediator.send(ReadMeeting())}")


def main(container: Any, blocking_container: Any) -> None:
    print("--- on asyncio")
    asyncio.run(run(container))
    print("--- in blocking code")
    run_blocking(blocking_container)
