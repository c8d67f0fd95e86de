"""diator 0.1.2 publishes: run in a process of its own, where `diator` is that version."""

import asyncio
import sys
from time import perf_counter

from redis.asyncio import Redis

from diator.message_brokers.protocol import Message
from diator.message_brokers.redis import RedisMessageBroker


async def main(url: str, tasks: int, count: int) -> None:
    client = Redis.from_url(url, max_connections=1000)
    broker = RedisMessageBroker(client)
    messages = [
        Message(message_type="notification_event", message_name="Counted", payload={"number": n, "text": "x" * 50})
        for n in range(count // tasks)
    ]

    async def send() -> None:
        for message in messages:
            await broker.send_message(message)

    await broker.send_message(messages[0])
    begin = perf_counter()
    await asyncio.gather(*[send() for _ in range(tasks)])
    print(count / (perf_counter() - begin))
    await client.aclose()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
