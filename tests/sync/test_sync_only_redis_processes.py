"""Receivers in processes of their own, which are killed in the midst of their work."""

import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

import diator
from diator._core.wire import Message
from diator.sync.message_brokers.redis import RedisStreamsMessageBroker
from tests.servers.redis import running_redis
from tests.servers.seeds import SEEDS

KILLS = 14 if os.environ.get("DIATOR_LONG") else 6
TOTAL, KEYS = 60 * KILLS, 12
PREFETCH, VISIBILITY = 5, 0.5

WORKER = f"""
import sys, time
from diator._core.delivery import Ack
from diator._core.serializers import JSONSerializer
from diator.sync.message_brokers.redis import RedisStreamsMessageBroker
import redis

url, partitions = sys.argv[1], int(sys.argv[2])
log = redis.Redis.from_url(url)
broker = RedisStreamsMessageBroker(url, stream="s", group="g", partitions=partitions)
receiver = broker.receiver(visibility_timeout={VISIBILITY})
while True:
    deliveries = list(receiver.receive({PREFETCH}, 1))
    while deliveries:
        lost = receiver.extend(deliveries)
        delivery = deliveries.pop(0)
        if delivery in lost or not receiver.begin(delivery):
            continue
        message = JSONSerializer().decode(delivery.body, delivery.headers)
        log.rpush("log", f"{{message.partition_key}} {{message.payload['number']}} {{delivery.attempt}}")
        time.sleep(0.002)
        receiver.settle(delivery, Ack())
"""


def start(url: str, partitions: int) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(Path(diator.__file__).parents[1])}
    return subprocess.Popen([sys.executable, "-c", WORKER, url, str(partitions)], env=environment)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("partitions", [1, 4])
def test_killed_receivers_lose_nothing(seed: int, partitions: int) -> None:
    dice = random.Random(seed)
    with running_redis() as server, server.client() as client:
        broker = RedisStreamsMessageBroker(server.url, stream="s", group="g", partitions=partitions)
        processes = [start(server.url, partitions) for _ in range(2)]
        try:
            sent: dict[str, int] = defaultdict(int)
            for number in range(TOTAL):
                key = f"key{number % KEYS}"
                broker.send_message(
                    Message(message_type="t", message_name="n", payload={"number": sent[key]}, partition_key=key)
                )
                sent[key] += 1
            for _ in range(KILLS):
                before = client.llen("log")
                deadline = time.monotonic() + 30
                while client.llen("log") < min(before + dice.randrange(5, 40), TOTAL) and time.monotonic() < deadline:
                    time.sleep(0.005)
                victim = dice.randrange(2)
                processes[victim].kill()
                processes[victim].wait()
                processes[victim] = start(server.url, partitions)
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                handled = [line.decode().split() for line in client.lrange("log", 0, -1)]
                pending = sum(client.xpending(stream, "g")["pending"] for stream in broker._place.streams)
                if len({(key, number) for key, number, _ in handled}) == TOTAL and not pending:
                    break
                time.sleep(0.05)
        finally:
            for process in processes:
                process.kill()
                process.wait()
            broker.close()
    assert not pending
    first = defaultdict(list)
    for key, number, _ in handled:
        if int(number) not in first[key]:
            first[key].append(int(number))
    assert {key: sorted(numbers) for key, numbers in first.items()} == {key: list(range(sent[key])) for key in sent}
    assert len(handled) - TOTAL <= KILLS * PREFETCH
    if partitions > 1:
        assert {key: sorted(numbers) for key, numbers in first.items()} == first
