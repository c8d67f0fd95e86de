"""The same handlers on asyncio, on trio and in blocking code, and what happens in each, side by side."""

import asyncio
import sys
from itertools import zip_longest

import trio
from meetings_app import (
    Container,
    JoinMeeting,
    Journal,
    LeaveMeeting,
    MeetingIsFull,
    Meetings,
    ReadMeeting,
    Transaction,
    event_map,
    request_map,
)

import diator.aio
import diator.sync
from diator import Command, MiddlewareChain
from diator.delivery import Ack
from diator.message_brokers import EventTypes, JSONSerializer

serializer = JSONSerializer()
event_types = EventTypes(event_map.get_events())


def wiring(effects: list[str]) -> tuple[Journal, Container, MiddlewareChain]:
    """What a mediator needs besides the maps; every effect ends up in the list."""
    journal = Journal(effects.append)
    chain = MiddlewareChain()
    chain.add(Transaction(journal), requests=[Command])
    return journal, Container(journal, Meetings(seats={1: 2})), chain


async def awaiting() -> list[str]:
    """What an asyncio or a trio application does."""
    effects: list[str] = []
    journal, container, chain = wiring(effects)
    broker = diator.aio.InMemoryMessageBroker()
    async with diator.aio.Mediator(
        request_map, container, middleware_chain=chain, event_map=event_map, message_broker=broker
    ) as mediator:
        await mediator.send(JoinMeeting(meeting_id=1, user_id=7))
        await mediator.send(JoinMeeting(meeting_id=1, user_id=8))
        try:
            await mediator.send(JoinMeeting(meeting_id=1, user_id=9))
        except MeetingIsFull as error:
            journal.write(str(error))
        await mediator.send(LeaveMeeting(meeting_id=1, user_id=7))
        view = await mediator.send(ReadMeeting(meeting_id=1))
        journal.write(f"read: users {view.users}")
        receiver = broker.receiver()
        for delivery in await receiver.receive(limit=10, timeout=0):
            event = event_types.event(serializer.decode(delivery.body, delivery.headers))
            await mediator.receive(event)
            await receiver.settle(delivery, Ack())
    return effects


def blocking() -> list[str]:
    """What a script or a Django view does: the same without `await`."""
    effects: list[str] = []
    journal, container, chain = wiring(effects)
    broker = diator.sync.InMemoryMessageBroker()
    with diator.sync.Mediator(
        request_map, container, middleware_chain=chain, event_map=event_map, message_broker=broker
    ) as mediator:
        mediator.send(JoinMeeting(meeting_id=1, user_id=7))
        mediator.send(JoinMeeting(meeting_id=1, user_id=8))
        try:
            mediator.send(JoinMeeting(meeting_id=1, user_id=9))
        except MeetingIsFull as error:
            journal.write(str(error))
        mediator.send(LeaveMeeting(meeting_id=1, user_id=7))
        view = mediator.send(ReadMeeting(meeting_id=1))
        journal.write(f"read: users {view.users}")
        receiver = broker.receiver()
        for delivery in receiver.receive(limit=10, timeout=0):
            event = event_types.event(serializer.decode(delivery.body, delivery.headers))
            mediator.receive(event)
            receiver.settle(delivery, Ack())
    return effects


def main() -> int:
    worlds = {"asyncio": asyncio.run(awaiting()), "trio": trio.run(awaiting), "blocking": blocking()}
    show(worlds)
    if any(effects != worlds["blocking"] for effects in worlds.values()):
        print("The effects differ.")
        return 1
    print(f"The same {len(worlds['blocking'])} effects in the same order on asyncio, on trio and in blocking code.")
    return 0


def show(worlds: dict[str, list[str]]) -> None:
    rows = list(zip_longest(*worlds.values(), fillvalue="-"))
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        for row in [tuple(worlds), *rows]:
            print("".join(f"{effect:<25}" for effect in row).rstrip())
        return
    table = Table(*worlds)
    for row in rows:
        table.add_row(*row, style="" if len(set(row)) == 1 else "bold red")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
