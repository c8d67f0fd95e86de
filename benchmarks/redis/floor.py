"""What the server and redis-py can do without any of us."""

import subprocess
from time import perf_counter
from typing import Any

__all__ = ("consume_plain", "redis_benchmark")


def redis_benchmark(socket: str, clients: int, pipeline: int, count: int, body: bytes) -> float:
    """XADDs per second of ``redis-benchmark``."""
    numbers = ("-c", str(clients), "-P", str(pipeline), "-n", str(count))
    command = ("XADD", "floor", "*", "body", body.decode(), "content_type", "application/json")
    done = subprocess.run(
        ["redis-benchmark", "-s", socket, "-q", "--csv", *numbers, *command], capture_output=True, text=True, check=True
    )
    columns = done.stdout.splitlines()[-1].rsplit('","', 7)  # the first one holds the command, and its quotes
    return float(columns[1])


def consume_plain(client: Any, count: int, body: bytes) -> float:
    """Messages per second of a loop of XREADGROUP and XACK in batches of 100 with redis-py."""
    client.delete("plain")
    client.xgroup_create("plain", "g", "0", mkstream=True)
    pipeline = client.pipeline(transaction=False)
    for _ in range(count):
        pipeline.xadd("plain", {"body": body, "content_type": "application/json"})
    pipeline.execute()
    handled, begin = 0, perf_counter()
    while handled < count:
        reply = client.xreadgroup("g", "c", {"plain": ">"}, count=100)
        entries = [entry for _, entries in reply for entry in entries]
        client.xack("plain", "g", *[entry[0] for entry in entries])
        handled += len(entries)
    return count / (perf_counter() - begin)
