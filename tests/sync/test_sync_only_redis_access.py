"""Who may reach a Redis server, and how: TLS, users with few rights, sentinels, forked processes."""

import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
import redis.sentinel
import trustme

import diator
from diator._core.delivery import Ack, DeadLetter, Retry
from diator._core.wire import Message
from diator._runtime import redis_connections
from diator._runtime.redis_connections import Connections
from diator._runtime.redis_pools import make_pool
from diator.errors import BrokerError, BrokerUnavailable
from diator.sync.message_brokers.redis import RedisMessageBroker, RedisStreamsMessageBroker
from tests.servers.redis import RedisServer, redis_binaries, running_redis, shared_redis

DOCS = Path(diator.__file__).parents[1] / "docs" / "redis.md"


def make(number: int) -> Message:
    return Message(message_type="t", message_name="n", payload={"number": number})


def there_and_back(broker: Any) -> None:
    broker.send_message(make(1))
    receiver = broker.receiver(visibility_timeout=1)
    [delivery] = receiver.receive(1, 5)
    receiver.settle(delivery, Retry())
    [delivery] = receiver.receive(1, 5)
    assert receiver.begin(delivery)
    assert not receiver.extend([delivery])
    receiver.settle(delivery, DeadLetter("again"))
    assert broker.dead_letters.retry_all() == 1
    [delivery] = receiver.receive(1, 5)
    receiver.settle(delivery, Ack())
    receiver._upkeep._next_at = 0
    assert not receiver.receive(1, 0)
    receiver.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    certificate.private_key_and_cert_chain_pem.write_to_path(str(directory / "server.pem"))
    return directory


@pytest.fixture(scope="module")
def encrypted(authority: Path) -> Iterator[RedisServer]:
    files = ("--tls-cert-file", "server.pem", "--tls-key-file", "server.pem", "--tls-ca-cert-file", "ca.pem")
    paths = [f"{authority}/{part}" if part.endswith(".pem") else part for part in files]
    port = str(RedisServer("", "").port)
    with running_redis("system", *paths, "--tls-port", port, "--tls-auth-clients", "no") as server:
        server.port = int(port)
        yield server


def test_tls_by_url_and_by_client(encrypted: RedisServer, authority: Path) -> None:
    url = f"rediss://localhost:{encrypted.port}/0?ssl_ca_certs={authority}/ca.pem"
    client = redis.Redis(host="localhost", port=encrypted.port, ssl=True, ssl_ca_certs=f"{authority}/ca.pem")
    for number, source in enumerate((url, client)):
        broker = RedisStreamsMessageBroker(source, stream=f"s{number}", group="g")
        there_and_back(broker)
        broker.close()


def test_a_certificate_of_somebody_else_is_refused(encrypted: RedisServer) -> None:
    for url in (f"rediss://localhost:{encrypted.port}", f"rediss://127.0.0.1:{encrypted.port}"):
        broker = RedisStreamsMessageBroker(url, stream="s", group="g", retry_timeout=0)
        with pytest.raises(BrokerUnavailable, match="cannot be reached") as caught:
            broker.send_message(make(1))
        cause: BaseException | None = caught.value
        causes = []
        while cause is not None:
            causes.append(cause)
            cause = cause.__cause__ or cause.__context__
        assert any(isinstance(error, ssl.SSLError) or "certificate" in str(error).lower() for error in causes)


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("name", redis_binaries())
def test_the_rights_that_the_documentation_names_are_enough(name: str, partitions: int) -> None:
    [rules] = re.findall(r"^ACL SETUSER meetings (.*)$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    with running_redis(name) as server, server.client() as client:
        client.execute_command("ACL", "SETUSER", "meetings", *rules.split())
        client.execute_command("ACL", "SETUSER", "default", "off")
        [password] = re.findall(r">(\S+)", rules)
        url = f"unix://meetings:{password}@{server.socket}"
        streams = RedisStreamsMessageBroker(url, stream="meetings", group="g", partitions=partitions)
        there_and_back(streams)
        streams.close()
        pubsub = RedisMessageBroker(url)
        receiver = pubsub.receiver()
        assert not receiver.receive(1, 0)
        pubsub.send_message(make(1))
        assert len(receiver.receive(1, 5)) == 1
        pubsub.close()
        with pytest.raises(BrokerError, match="NOPERM"):
            RedisStreamsMessageBroker(url, stream="others", group="g").send_message(make(1))


def test_a_wrong_password_is_said_to_be_so_at_once() -> None:
    with running_redis("system", "--requirepass", "s3cr3t") as server:
        for url in (f"unix://:wr0ng@{server.socket}", server.url):
            broker = RedisStreamsMessageBroker(url, stream="s", group="g")
            begin = time.monotonic()
            with pytest.raises(BrokerError, match="user and password") as caught:
                broker.send_message(make(1))
            assert time.monotonic() - begin < 5
            assert "wr0ng" not in repr(caught.value) + repr(caught.value.__cause__)


def test_a_sentinel_names_the_server(tmp_path: Path) -> None:
    port = RedisServer("", "").port
    with running_redis() as server:
        config = tmp_path / "sentinel.conf"
        config.write_text(f"port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {server.port} 1\n")
        process = subprocess.Popen(
            [redis_binaries()["system"], str(config), "--sentinel"], stdout=subprocess.DEVNULL, cwd=tmp_path
        )
        try:
            sentinel = redis.sentinel.Sentinel([("127.0.0.1", port)], socket_timeout=5)
            deadline = time.monotonic() + 30
            while True:
                try:
                    sentinel.discover_master("main")
                    break
                except redis.ConnectionError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            broker = RedisStreamsMessageBroker(sentinel.master_for("main"), stream="s", group="g")
            there_and_back(broker)
            broker.close()
        finally:
            process.kill()
            process.wait()


def test_without_redis_py_the_error_says_what_to_install() -> None:
    code = "import sys; sys.modules['redis'] = None; import diator.{}.message_brokers.redis"
    for side in ("aio", "sync"):
        done = subprocess.run([sys.executable, "-c", code.format(side)], capture_output=True, text=True, check=False)
        assert 'MissingExtraError: redis-py is not installed: pip install "diator[redis]"' in done.stderr


def test_a_client_of_asyncio_is_refused() -> None:
    with pytest.raises(TypeError, match="needs an event loop"):
        RedisMessageBroker(redis.asyncio.Redis())


def test_a_forked_process_has_connections_of_its_own() -> None:
    server = shared_redis()
    broker = RedisStreamsMessageBroker(server.url, stream=f"fork-{os.getpid()}", group="g")
    broker.send_message(make(1))
    child = os.fork()
    if child == 0:
        try:
            broker.send_message(make(2))
            receiver = broker.receiver()
            os._exit(0 if len(receiver.receive(5, 5)) == 2 else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    broker.send_message(make(3))
    with server.client() as client:
        assert client.xlen(broker._place.stream) == 3
    broker.close()


def test_an_interrupted_exchange_leaves_no_replies_to_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    connections = Connections(make_pool(shared_redis().url, 5))
    assert connections.exchange([("ECHO", "a")]) == [b"a"]
    read = redis_connections._reply

    def interrupted(connection: Any, command: Any) -> Any:
        if command[0] == "BLPOP":
            raise KeyboardInterrupt
        return read(connection, command)

    with monkeypatch.context() as patch:
        patch.setattr(redis_connections, "_reply", interrupted)
        with pytest.raises(KeyboardInterrupt):
            connections.exchange([("ECHO", "b"), ("BLPOP", "nothing", 1)])  # whose reply comes later
    assert connections.exchange([("ECHO", "c")]) == [b"c"]
    connections.close()


def test_a_client_with_its_own_retries_still_sends_each_message_once() -> None:
    server = shared_redis()
    client = redis.Redis(unix_socket_path=server.socket, decode_responses=True, max_connections=1, protocol=3)
    before = dict(client.connection_pool.connection_kwargs)
    broker = RedisStreamsMessageBroker(client, stream=f"lent-{os.getpid()}", group="g")
    broker.send_messages([make(number) for number in range(3)])
    assert client.xlen(broker._place.stream) == 3
    broker.close()
    assert client.connection_pool.connection_kwargs == before
    assert client.ping()
    client.close()
