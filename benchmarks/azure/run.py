"""``make bench-azure``: the broker on Azure Service Bus beside the bare SDK, diator 0.1.2, and itself on trio.

The stand-in of the tests is the server, in a process of its own, with 5 ms of delay where that is said. The figures are
ratios within one round; the rounds are interleaved, and the median of them counts.
"""

import json
import logging
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.azure import measures

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "azure.json"
FIRST_VERSION = ROOT / "build" / "diator-0.1.2-azure"
ROUNDS = 5
ALL_PROCESSORS = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()
DELAY = 0.005
#: What each ratio should reach, if that was said; see benchmarks/README.md. Where no processor is named, client and
#: server have one each.
TARGETS: dict[str, float | None] = {
    "64 publishers vs the SDK, one at a time, 5 ms": 10,
    "publishing on trio vs on asyncio, 5 ms": 0.8,
    "receiving on trio vs on asyncio, 5 ms": 0.8,
    "publishing on trio vs on asyncio": 0.8,
    "receiving on trio vs on asyncio": 0.8,
    "receiving on trio vs on asyncio, any processor": None,
    "one publisher vs diator 0.1.2": 500,
}


@contextmanager
def server(delay: float = 0.0) -> Iterator[str]:
    """Run the stand-in, and give the connection string."""
    command = [
        sys.executable,
        "-m",
        "tests.servicebus",
        "--queue",
        "q",
        "--topic",
        "t/s",
        "--delay",
        str(delay),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def on_processor(choose: Callable[[set[int]], int]) -> Iterator[None]:
    """Let what starts inside run on one processor.

    The client can hardly use more, and the server has another one. Left to the system, the two threads of the client on
    trio sit on two, and to wake one from the other takes longer in a virtual machine than anything that they do.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {choose(ALL_PROCESSORS)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def first_version(connection: str) -> float:
    """Messages per second of diator 0.1.2."""
    script = Path(__file__).with_name("first_version.py")
    done = subprocess.run(
        [FIRST_VERSION / "bin" / "python", script, connection, "3"], capture_output=True, text=True, check=True
    )
    return 1 / float(done.stdout)


def install_first_version() -> None:
    if not (FIRST_VERSION / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", FIRST_VERSION], check=True)
    pip = [FIRST_VERSION / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    azure = f"azure-servicebus=={version('azure-servicebus')}"
    subprocess.run(
        [*pip, "diator==0.1.2", azure, "orjson", "dataclass-factory", "di"], check=True, stderr=subprocess.DEVNULL
    )


def one_round() -> dict[str, float]:
    run = measures.run
    rates: dict[str, float] = {}
    with server(DELAY) as connection:
        rates["SDK, one at a time, 5 ms"] = run(measures.sdk_one_at_a_time, connection, 100)
        rates["64 publishers, 5 ms"] = run(measures.publish, connection, 64, 2560)
        for connections in (1, 8):
            for ordered in (True, False):
                name = f"receiving, {connections} at a time, {'ordered' if ordered else 'unordered'}, 5 ms"
                rates[name] = run(measures.receive, connection, connections, 60 * connections, ordered)
        for backend in ("asyncio", "trio"):
            rates[f"64 publishers on {backend}, 5 ms"] = run(measures.publish, connection, 64, 2560, backend=backend)
            rates[f"receiving, 4 at a time on {backend}, 5 ms"] = receive(connection, 240, backend)
    with server() as connection:
        rates["one publisher"] = run(measures.publish, connection, 1, 500)
        rates["diator 0.1.2"] = first_version(connection)
        for backend in ("asyncio", "trio"):
            rates[f"receiving, 4 at a time on {backend}, any processor"] = receive(connection, 1200, backend)
    with on_processor(min), server() as connection, on_processor(max):
        for backend in ("asyncio", "trio"):
            rates[f"64 publishers on {backend}"] = run(measures.publish, connection, 64, 6400, backend=backend)
            rates[f"receiving, 4 at a time on {backend}"] = receive(connection, 1200, backend)
    return rates


def receive(connection: str, count: int, backend: str) -> float:
    rate: float = measures.run(measures.receive, connection, 4, count, True, backend=backend)
    return rate


def ratios(rates: dict[str, float]) -> dict[str, float]:
    found = {
        "64 publishers vs the SDK, one at a time, 5 ms": rates["64 publishers, 5 ms"]
        / rates["SDK, one at a time, 5 ms"],
        "one publisher vs diator 0.1.2": rates["one publisher"] / rates["diator 0.1.2"],
    }
    for name in TARGETS:
        what, _, where = name.partition(" on trio vs on asyncio")
        if name not in found:
            case = {"publishing": "64 publishers", "receiving": "receiving, 4 at a time"}[what]
            found[name] = rates[f"{case} on trio{where}"] / rates[f"{case} on asyncio{where}"]
    return {name: found[name] for name in TARGETS}


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(f"{statistics.median(r[name] for r in rounds):.3g}") for name in rounds[0]}


def main() -> int:
    logging.disable(logging.CRITICAL)  # the SDK tells every connection that is cut
    install_first_version()
    rounds = [one_round() for _ in range(ROUNDS)]
    reached = medians([ratios(rates) for rates in rounds])
    cuts = {backend: measures.run(measures.with_cuts, 400, 4, 1.5, backend=backend) for backend in ("asyncio", "trio")}
    results: dict[str, Any] = {
        "python": platform.python_version(),
        "azure-servicebus": version("azure-servicebus"),
        "rounds": ROUNDS,
        "messages_per_second": medians(rounds),
        "ratios": {name: {"reached": value, "target": TARGETS[name]} for name, value in reached.items()},
        "connections cut every 1.5 s": cuts,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))
    lost = any(cut["missing"] or cut["effects_twice_behind_an_inbox"] for cut in cuts.values())
    return int(lost or any(target is not None and reached[name] < target for name, target in TARGETS.items()))


if __name__ == "__main__":
    sys.exit(main())
