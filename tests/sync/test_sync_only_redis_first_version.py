"""Pub/Sub with diator 0.1.2 at the other end, which runs in a process of its own."""

from dataclasses import dataclass

import pytest

from diator import NotificationEvent, RequestMap
from diator.message_brokers import EventTypes, JSONSerializer
from diator.sync import Mediator
from diator.sync.message_brokers.redis import RedisMessageBroker
from tests.servers.first_version import run_first_version, start_first_version
from tests.servers.redis import RedisServer, shared_redis


@dataclass(frozen=True, kw_only=True)
class UserJoined(NotificationEvent):
    user_id: int
    nickname: str


SENDS = """
import asyncio, sys
from dataclasses import dataclass
import diator
from diator.events import EventEmitter, EventMap, NotificationEvent
from diator.message_brokers.redis import RedisMessageBroker
from redis.asyncio import Redis

@dataclass(frozen=True, kw_only=True)
class UserJoined(NotificationEvent):
    user_id: int
    nickname: str

async def main():
    client = Redis(unix_socket_path=sys.argv[1])
    emitter = EventEmitter(EventMap(), None, RedisMessageBroker(client))
    for number in range(3):
        event = UserJoined(user_id=number, nickname="Zoë")
        print(event.event_id)
        await emitter.emit(event)
    await client.aclose()

asyncio.run(main())
"""

RECEIVES = """
import asyncio, sys
import diator.message_brokers.redis
import orjson
from redis.asyncio import Redis

async def main():
    client = Redis(unix_socket_path=sys.argv[1])
    async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.psubscribe("python_diator_channel:*")
        await pubsub.get_message(timeout=5)
        print("ready", flush=True)
        received = 0
        while received < 3:
            message = await pubsub.get_message(timeout=20)
            if message is not None:
                body = orjson.loads(message["data"])
                print(message["channel"].decode(), body["message_type"], body["message_name"], body["message_id"],
                      body["payload"]["user_id"], body["payload"]["nickname"], sep="|", flush=True)
                received += 1
    await client.aclose()

asyncio.run(main())
"""


@pytest.fixture
def server() -> RedisServer:
    return shared_redis()


def test_receives_what_the_first_version_sends(server: RedisServer) -> None:
    broker = RedisMessageBroker(server.url)
    receiver = broker.receiver()
    assert not receiver.receive(1, 0)
    ids = run_first_version(SENDS, server.socket).split()
    events, types = [], EventTypes([UserJoined])
    while len(events) < 3:
        deliveries = receiver.receive(3, 5)
        assert deliveries
        events += [types.event(JSONSerializer().decode(delivery.body)) for delivery in deliveries]
    assert events == [UserJoined(user_id=number, nickname="Zoë") for number in range(3)]
    assert [str(event.event_id) for event in events] == ids
    broker.close()


def test_the_first_version_receives_what_is_sent(server: RedisServer) -> None:
    process = start_first_version(RECEIVES, server.socket)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    broker = RedisMessageBroker(server.url)
    mediator = Mediator(RequestMap(), message_broker=broker)
    events = [UserJoined(user_id=number, nickname="Zoë") for number in range(3)]
    for event in events:
        mediator.publish(event)
    out, _ = process.communicate(timeout=60)
    assert out.splitlines() == [
        f"python_diator_channel:notification_event:{event.event_id}|notification_event|UserJoined|{event.event_id}"
        f"|{event.user_id}|Zoë"
        for event in events
    ]
    assert broker.unheard == 0
    broker.close()
