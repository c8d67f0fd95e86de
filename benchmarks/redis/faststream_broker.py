"""FastStream's Redis broker publishes to a stream, or consumes from one with a group; in a process of its own."""

import asyncio
import logging
import sys
from time import perf_counter

from faststream.redis import RedisBroker, StreamSub
from redis.asyncio import Redis

BODY = {
    "message_type": "notification_event",
    "message_name": "Counted",
    "message_id": "0" * 36,
    "payload": {"number": 1, "text": "x" * 50},
}


async def publish(broker: RedisBroker, tasks: int, count: int) -> float:
    async def send() -> None:
        for _ in range(count // tasks):
            await broker.publish(BODY, stream="faststream")

    await broker.publish(BODY, stream="faststream")
    begin = perf_counter()
    await asyncio.gather(*[send() for _ in range(tasks)])
    return count / (perf_counter() - begin)


async def consume(broker: RedisBroker, count: int) -> float:
    handled, done = 0, asyncio.Event()

    @broker.subscriber(stream=StreamSub("faststream-in", group="g", consumer="c", max_records=100, last_id=">"))
    async def handle(body: dict[str, object]) -> None:
        nonlocal handled
        handled += 1
        if handled == count:
            done.set()

    client = Redis.from_url(sys.argv[1])
    await client.delete("faststream-in")
    await client.xgroup_create(
        "faststream-in", "g", "0", mkstream=True
    )  # its own group would begin with the next message
    await client.aclose()
    for _ in range(count):
        await broker.publish(BODY, stream="faststream-in")
    begin = perf_counter()
    await broker.start()
    await done.wait()
    return count / (perf_counter() - begin)


async def main(url: str, tasks: int, count: int) -> None:
    broker = RedisBroker(url, logger=None)
    await broker.connect()
    print(await (publish(broker, tasks, count) if tasks else consume(broker, count)))
    await broker.stop()


logging.disable(logging.CRITICAL)
asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
