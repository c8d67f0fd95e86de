# Generated from tests/aio/test_redis_faults.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Nothing is lost while servers die, hang and cut connections: what a send returned for is handled, at least once."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from diator._core.delivery import Ack, Retry
from diator._core.serializers import JSONSerializer
from diator._core.wire import Message
from diator.errors import BrokerError, BrokerUnavailable
from diator.sync.message_brokers.redis import RedisStreamsMessageBroker
from tests.servers.proxy import Proxy, running_proxy
from tests.servers.redis import RedisServer, redis_binaries, running_redis
from tests.servers.seeds import SEEDS
from tests.sync.conftest import sleep, together

LONG = bool(os.environ.get("DIATOR_LONG"))
TOTAL = 1000 if LONG else 200
AOF = ("--appendonly", "yes", "--appendfsync", "always")
VISIBILITY = 0.5


@pytest.fixture
def source() -> Callable[[str], Any]:
    """Makes what a broker is given to reach a server; the same tests also run with another one."""
    return str


def make(number: int) -> Message:
    return Message(message_type="t", message_name="n", payload={"number": number}, partition_key=str(number % 7))


class Run:
    """Sends and handles messages while something happens to the server.

    Attributes:
        accepted: What sends have returned for.
        handled: How often each message was handled.
    """

    def __init__(self, source: Any, seed: int, total: int = TOTAL, **options: Any) -> None:
        self.random = random.Random(seed)
        self.total = total
        self.broker = RedisStreamsMessageBroker(source, stream="s", group="g", retry_timeout=20, timeout=1, **options)
        self.accepted: set[int] = set()
        self.handled: Counter[int] = Counter()
        self.sending = True

    def send(self) -> None:
        for number in range(self.total):
            self.broker.send_message(make(number))
            self.accepted.add(number)
            sleep(self.random.random() * 0.01)
        self.sending = False

    def work(self) -> None:
        receiver = self.broker.receiver(visibility_timeout=VISIBILITY)
        is_quiet = False
        while self.sending or len(self.handled) < len(self.accepted) or not is_quiet:
            is_quiet = False
            try:
                deliveries = receiver.receive(10, 0.2 if self.sending else VISIBILITY * 2.5)
                for delivery in deliveries:
                    if receiver.begin(delivery):
                        retry = self.random.random() < 0.05
                        if not retry:
                            self.handled[JSONSerializer().decode(delivery.body).payload["number"]] += 1
                        receiver.settle(delivery, Retry(0.05) if retry else Ack())
                is_quiet = not deliveries
            except BrokerUnavailable:
                sleep(0.02)
        receiver.close()

    def suffer(self, fault: Callable[[], object], times: int, pause: float) -> None:
        for _ in range(times):
            sleep(pause)
            fault()

    def finish(self, server: RedisServer) -> None:
        assert len(self.accepted) == self.total
        assert set(self.handled) >= self.accepted
        self.broker.close()
        with server.client() as client:
            for stream in self.broker._place.streams:
                assert client.xpending(stream, "g")["pending"] == 0


@contextmanager
def proxied(server: RedisServer, seed: int) -> Iterator[tuple[Proxy, str]]:
    with running_proxy(server.port, seed) as proxy:
        yield proxy, f"redis://127.0.0.1:{proxy.port}"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("partitions", [1, 3])
def test_a_server_that_is_killed_and_restarted(source: Callable[[str], Any], seed: int, partitions: int) -> None:
    with running_redis("system", *AOF) as server:
        run = Run(source(server.url), seed, partitions=partitions)

        def kill() -> None:
            server.kill()
            server.start()

        together(run.send, run.work, run.work, lambda: run.suffer(kill, 4 if LONG else 2, 0.4))
        run.finish(server)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_server_that_hangs(source: Callable[[str], Any], seed: int) -> None:
    with running_redis() as server:
        run = Run(source(server.url), seed)

        def hang() -> None:
            for _ in range(2):
                sleep(0.4)
                server.pause()
                sleep(1.3)  # longer than a call may take
                server.resume()

        together(run.send, run.work, run.work, hang)
        run.finish(server)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("partitions", [1, 3])
def test_connections_that_the_server_kills(source: Callable[[str], Any], seed: int, partitions: int) -> None:
    with running_redis() as server, server.client() as client:
        run = Run(source(server.url), seed, partitions=partitions)

        def kill() -> None:
            client.client_kill_filter(_type="normal", skipme=True)

        together(run.send, run.work, run.work, lambda: run.suffer(kill, 15, 0.06))
        run.finish(server)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_server_that_pauses_its_clients(source: Callable[[str], Any], seed: int) -> None:
    with running_redis() as server, server.client() as client:
        run = Run(source(server.url), seed)
        together(run.send, run.work, lambda: run.suffer(lambda: client.client_pause(700), 2, 1.0))
        run.finish(server)


def test_a_server_that_forgets_everything_goes_on_with_what_comes_then(source: Callable[[str], Any]) -> None:
    with running_redis() as server, server.client() as client:
        for partitions in (1, 3):
            broker = RedisStreamsMessageBroker(source(server.url), stream="s", group="g", partitions=partitions)
            receiver = broker.receiver(visibility_timeout=VISIBILITY)
            broker.send_message(make(1))
            [delivery] = receiver.receive(1, 5)
            client.flushall()
            receiver.settle(delivery, Ack())
            broker.send_message(make(2))
            [delivery] = receiver.receive(1, 5)
            assert JSONSerializer().decode(delivery.body).payload == {"number": 2}
            receiver.settle(delivery, Ack())
            broker.close()
            client.flushall()


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("name", redis_binaries())
def test_a_full_server_refuses_messages_and_lets_those_it_has_be_handled(name: str, partitions: int) -> None:
    with running_redis(name) as server, server.client() as client:
        broker = RedisStreamsMessageBroker(server.url, stream="s", group="g", retention=0, partitions=partitions)
        broker.send_messages([make(number) for number in range(100)])
        client.config_set("maxmemory", "1")
        for send in (lambda: broker.send_message(make(100)), lambda: broker.send_messages([make(101), make(102)])):
            with pytest.raises(BrokerError, match=r"\((OOM|EXECABORT)\)"):
                send()
        receiver = broker.receiver()
        handled = 0
        while handled < 100:
            for delivery in receiver.receive(100, 5):
                receiver.settle(delivery, Ack() if delivery.attempt > 1 else Retry())
                handled += delivery.attempt > 1
        client.config_set("maxmemory", "0")
        broker.send_message(make(103))
        assert len(receiver.receive(10, 5)) == 1
        broker.close()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("partitions", [1, 3])
def test_a_network_that_delays_cuts_and_loses_replies(source: Callable[[str], Any], seed: int, partitions: int) -> None:
    with running_redis() as server, proxied(server, seed) as (proxy, url):
        proxy.delay, proxy.losses = 0.005, 0.02
        run = Run(source(url), seed, partitions=partitions)
        together(run.send, run.work, run.work, lambda: run.suffer(proxy.cut, 8, 0.15))
        run.finish(server)
        assert run.handled.total() <= run.total + 10 * proxy.lost + 8 * 30
