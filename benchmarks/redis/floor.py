"""What the server and redis-py can do without us: the same entries, with the same fields, over TCP as well."""

import subprocess
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import redis
import redis.asyncio

__all__ = ("consume_plain", "publish_plain", "publish_plain_asyncio", "redis_benchmark")


def redis_benchmark(port: int, clients: int, pipeline: int, count: int, fields: Mapping[str, str]) -> float:
    """XADDs per second of ``redis-benchmark``."""
    numbers = ("-p", str(port), "-c", str(clients), "-P", str(pipeline), "-n", str(count))
    command = ("XADD", "floor", "*", *[part for field in fields.items() for part in field])
    done = subprocess.run(
        ["redis-benchmark", "-q", "--csv", *numbers, *command], capture_output=True, text=True, check=True
    )
    columns = done.stdout.splitlines()[-1].rsplit('","', 7)  # the first one holds the command, and its quotes
    return float(columns[1])


def publish_plain(url: str, count: int, fields: Mapping[str, str]) -> float:
    """Messages per second of a client of redis-py, one after another: nothing is encoded, or sent again."""
    with redis.Redis.from_url(url) as client:
        client.xadd("plain", dict(fields))
        begin = perf_counter()
        for _ in range(count):
            client.xadd("plain", dict(fields))
        return count / (perf_counter() - begin)


async def publish_plain_asyncio(url: str, count: int, fields: Mapping[str, str]) -> float:
    """The same with ``redis.asyncio``."""
    async with redis.asyncio.Redis.from_url(url) as client:
        await client.xadd("plain", dict(fields))
        begin = perf_counter()
        for _ in range(count):
            await client.xadd("plain", dict(fields))
        return count / (perf_counter() - begin)


def consume_plain(client: Any, count: int, fields: Mapping[str, str]) -> float:
    """Messages per second of a loop of XREADGROUP and XACK in batches of 100 with redis-py."""
    client.delete("plain")
    client.xgroup_create("plain", "g", "0", mkstream=True)
    pipeline = client.pipeline(transaction=False)
    for _ in range(count):
        pipeline.xadd("plain", dict(fields))
    pipeline.execute()
    handled, begin = 0, perf_counter()
    while handled < count:
        reply = client.xreadgroup("g", "c", {"plain": ">"}, count=100)
        entries = [entry for _, entries in reply for entry in entries]
        client.xack("plain", "g", *[entry[0] for entry in entries])
        handled += len(entries)
    return count / (perf_counter() - begin)
