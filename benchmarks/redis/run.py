"""The brokers on Redis beside the floor, diator 0.1.2 and FastStream: ``make bench-redis``.

All take turns in each of five rounds on one server, and medians are compared. Prints tables, and writes the results to
benchmarks/results/redis.json.
"""

import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import redis.asyncio
from floor import consume_plain, publish_plain, publish_plain_asyncio, redis_benchmark
from ours import consume, latency, message, publish, publish_batches, publish_blocking, work

from diator.message_brokers import JSONSerializer
from tests.servers.first_version import run_first_version
from tests.servers.redis import RedisServer, running_redis

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "redis.json"
ROUNDS = 5
#: Ratio of medians to the floor of the same group; for milliseconds the most they may be.
TARGETS = {
    "sequential: asyncio, threads": 0.15,
    "sequential: trio, threads": 0.15,
    "sequential: asyncio, redis.asyncio": 0.20,
    "sequential: blocking": 0.40,
    "50 at a time: asyncio, threads": 0.35,
    "50 at a time: trio, threads": 0.35,
    "batches of 100: asyncio": 0.10,
    "batches of 100: trio": 0.10,
    "consume: asyncio": 0.15,
    "consume: trio": 0.15,
    "milliseconds to the handler: asyncio": 1.5,
    "milliseconds to the handler: trio": 1.5,
}


def faststream() -> str:
    """A Python with FastStream, in a virtual environment of its own that stays in the temporary directory."""
    home = Path(tempfile.gettempdir()) / f"diator-faststream-{sys.version_info.major}.{sys.version_info.minor}"
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "faststream[redis]"], check=True)
        (home / "ready").touch()
    return str(python)


def one_processor(server: RedisServer, case: Callable[[], float]) -> Callable[[], float]:
    """Let the server and the case share a processor.

    One at a time, they never run at the same time. On two, a round trip takes 10 or 70 microseconds, depending on where
    the system puts them: to wake an idle processor takes longer than everything else, most of all in a virtual machine.
    """

    def run() -> float:
        if not hasattr(os, "sched_setaffinity"):
            return case()
        every = os.sched_getaffinity(0)
        try:
            _move({max(every)}, server)
            return case()
        finally:
            _move(every, server)

    return run


def _move(processors: set[int], server: RedisServer) -> None:
    with server.client() as client:
        pid = client.info("server")["process_id"]
    for process in (os.getpid(), pid):
        for thread in os.listdir(f"/proc/{process}/task"):
            with suppress(ProcessLookupError):  # it has ended
                os.sched_setaffinity(int(thread), processors)


def cases(server: RedisServer) -> dict[str, Callable[[], float]]:
    """What to measure, in this order in each round; the first of each group is its floor."""
    url, one = server.tcp_url, message(1)
    fields = {"body": JSONSerializer().encode(one).decode(), **one.headers()}
    python, first = faststream(), (HERE / "first_version.py").read_text(encoding="utf-8")

    def run(function: Any, *args: Any, backend: str = "asyncio") -> float:
        result: float = anyio.run(function, url, *args, backend=backend)
        return result

    def run_asyncio(*args: Any) -> float:
        async def main() -> float:
            return await publish(redis.asyncio.Redis.from_url(url), *args)

        return anyio.run(main)

    def other(tasks: int, count: int) -> float:
        command = [python, str(HERE / "faststream_broker.py"), url, str(tasks), str(count)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def old(tasks: int, count: int) -> float:
        return float(run_first_version(first, url, str(tasks), str(count)))

    def plain() -> float:
        with redis.Redis.from_url(url) as client:
            return consume_plain(client, 20_000, fields)

    floor = partial(redis_benchmark, server.port, fields=fields)
    trio = partial(run, backend="trio")
    found: dict[str, Callable[[], float]] = {
        "sequential: redis-benchmark -c 1": partial(floor, 1, 1, 20_000),
        "sequential: asyncio, threads": partial(run, publish, 1, 5000),
        "sequential: trio, threads": partial(trio, publish, 1, 5000),
        "sequential: asyncio, redis.asyncio": partial(run_asyncio, 1, 5000),
        "sequential: blocking": partial(publish_blocking, url, 1, 5000),
        "sequential: plain redis-py": partial(publish_plain, url, 5000, fields),
        "sequential: plain redis.asyncio": lambda: anyio.run(publish_plain_asyncio, url, 3000, fields),
        "sequential: FastStream": partial(other, 1, 3000),
        "sequential: diator 0.1.2": partial(old, 1, 1000),
        "50 at a time: redis-benchmark -c 50": partial(floor, 50, 1, 50_000),
        "50 at a time: asyncio, threads": partial(run, publish, 50, 20_000),
        "50 at a time: trio, threads": partial(trio, publish, 50, 20_000),
        "50 at a time: asyncio, redis.asyncio": partial(run_asyncio, 50, 20_000),
        "50 at a time: blocking": partial(publish_blocking, url, 50, 10_000),
        "50 at a time: FastStream": partial(other, 50, 10_000),
        "50 at a time: diator 0.1.2": partial(old, 50, 1000),
        "batches of 100: redis-benchmark -P 100": partial(floor, 1, 100, 200_000),
        "batches of 100: asyncio": partial(run, publish_batches, 20_000),
        "batches of 100: trio": partial(trio, publish_batches, 20_000),
        "consume: plain redis-py": plain,
        "consume: asyncio": partial(run, consume, 20_000),
        "consume: trio": partial(trio, consume, 20_000),
        "consume: asyncio, with a worker": partial(run, work, 10_000),
        "consume: trio, with a worker": partial(trio, work, 10_000),
        "consume: FastStream": partial(other, 0, 5000),
        "milliseconds to the handler: asyncio": partial(run, latency, 100),
        "milliseconds to the handler: trio": partial(trio, latency, 100),
    }
    return {name: one_processor(server, case) if "sequential" in name else case for name, case in found.items()}


def report(measured: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Compare medians with the floor of the same round."""
    rows: list[dict[str, Any]] = []
    for name, values in measured.items():
        group = name.partition(":")[0]
        floors = next(found for other, found in measured.items() if other.startswith(group))
        row = {"case": name, "median": median(values), "rounds": values, "target": TARGETS.get(name)}
        if not name.startswith("milliseconds"):
            row["ratio"] = median(value / floor for value, floor in zip(values, floors, strict=True))
        rows.append(row)
    return rows


def main() -> None:
    logging.disable(logging.CRITICAL)
    with running_redis() as server, server.client() as client:
        todo = cases(server)
        measured: dict[str, list[float]] = {name: [] for name in todo}
        for number in range(ROUNDS):
            for name, case in todo.items():
                measured[name].append(case())
                client.flushall()
                print(f"round {number + 1}: {name}: {measured[name][-1]:,.2f}", file=sys.stderr, flush=True)
        version = client.info("server")["redis_version"]
    rows = report(measured)
    machine = f"Python {platform.python_version()}, redis-py {redis.__version__}, Redis {version}"
    print(f"{machine}: medians of {ROUNDS} rounds; rates per second, and their ratio to the floor")
    for row in rows:
        ratio = f"{row['ratio']:6.3f}" if "ratio" in row else "      "
        target = "" if row["target"] is None else f"  target {row['target']}"
        print(f"{row['case']:45} {row['median']:12,.2f} {ratio}{target}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "results": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
