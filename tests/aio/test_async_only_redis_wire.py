"""How replies are read from connections of ``redis.asyncio``: whole, by those who asked, and only while all is well."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import anyio
import hiredis
import pytest
import redis.asyncio
from redis.asyncio.sentinel import SentinelConnectionPool

from diator._core.delivery import Ack
from diator._core.wire import Message
from diator._runtime.aio import redis_asyncio, redis_asyncio_connections
from diator._runtime.aio.redis import connect
from diator.aio.message_brokers.redis import RedisStreamsMessageBroker
from diator.errors import BrokerError, BrokerUnavailable
from tests.servers.redis import RedisServer, running_redis, shared_redis

pytestmark = pytest.mark.parametrize("anyio_backend", ["asyncio"])

#: What a server sends for a command, each piece by itself.
Answer = Callable[[list[bytes]], list[bytes]]


@pytest.fixture
def server() -> RedisServer:
    return shared_redis()


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[Any]:
    """A server that answers as a test wants, and a transport to it."""

    serving: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands = hiredis.Reader()
        serving.append(asyncio.current_task())
        with suppress(ConnectionError):  # the other side has had enough
            while data := await reader.read(65536):
                commands.feed(data)
                while command := commands.gets():
                    for piece in [b"+OK\r\n"] if command[0] == b"CLIENT" else answer(command):
                        writer.write(piece)
                        await asyncio.sleep(0.001)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    transport = connect(redis.asyncio.Redis(port=listener.sockets[0].getsockname()[1]), 0.5, 1)
    try:
        yield transport
    finally:
        await transport.aclose()
        listener.close()
        await asyncio.wait(serving, timeout=10)


def connections_of(transport: Any) -> Any:
    return redis_asyncio._connections[asyncio.get_running_loop()][transport._opened]


def used_by(transport: Any) -> list[Any]:
    wires: list[Any] = connections_of(transport)._used
    return wires


def counted() -> tuple[Answer, dict[bytes, int]]:
    """Echoes, and counts what."""
    counts: dict[bytes, int] = {}

    def answer(command: list[bytes]) -> list[bytes]:
        counts[command[1]] = counts.get(command[1], 0) + 1
        return [b"+", command[1], b"\r\n"]

    return answer, counts


@pytest.mark.parametrize("has_hiredis", [True, False])
async def test_replies_are_the_same_with_and_without_hiredis(
    server: RedisServer, has_hiredis: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_hiredis:
        monkeypatch.setattr(redis_asyncio_connections, "Reader", None)
    transport = connect(redis.asyncio.Redis(unix_socket_path=server.socket, decode_responses=True), 5, 5)
    for _ in range(3):
        none, number, text, many, refused, multi, *_, done = await transport.exchange(
            [
                ("GET", "nothing here"),
                ("STRLEN", "nothing here"),
                ("ECHO", "x" * 100_000),
                ("COMMAND", "GETKEYS", "MGET", "a", "b"),
                ("INCR",),
                ("MULTI",),
                ("ECHO", "y"),
                ("LPOP", "nothing here", "no number"),
                ("EXEC",),
            ]
        )
        assert (none, number, text, many, multi) == (None, 0, b"x" * 100_000, [b"a", b"b"], b"OK")
        assert isinstance(refused, BrokerError)
        assert done[0] == b"y"
        assert isinstance(done[1], BrokerError)
    await transport.aclose()


async def test_those_who_follow_need_no_task() -> None:
    answer, _ = counted()
    async with answering(answer) as transport:
        await transport.exchange([("ECHO", "first")])
        tasks = len(asyncio.all_tasks())
        replies: list[Any] = []
        transport.start([("ECHO", "a"), ("ECHO", "b")], replies.append)
        assert len(asyncio.all_tasks()) == tasks
        with anyio.fail_after(10):
            while not replies:
                await anyio.sleep(0.001)
        assert replies == [[b"a", b"b"]]


async def test_those_who_follow_need_no_other_connection() -> None:
    with running_redis() as server, server.client() as client:
        before = client.info("stats")["total_connections_received"]
        transport = connect(redis.asyncio.Redis(unix_socket_path=server.socket), 0.3, 5)
        for number in range(50):
            assert await transport.exchange([("ECHO", number)]) == [str(number).encode()]
            await anyio.sleep(0.01)
        assert client.info("stats")["total_connections_received"] == before + 1
        await transport.aclose()


async def test_a_connection_that_was_closed_meanwhile_is_not_used() -> None:
    with running_redis() as server, server.client() as client:
        transport = connect(redis.asyncio.Redis(unix_socket_path=server.socket), 5, 5)
        for number in range(5):
            [reply] = await transport.exchange([("ECHO", str(number))])
            assert reply == str(number).encode()
            client.client_kill_filter(_type="normal", skipme=True)
            await anyio.sleep(0.02)  # less than a connection may rest without being looked at
        await transport.aclose()


async def test_a_connection_that_is_about_to_close_is_not_used(server: RedisServer) -> None:
    transport = connect(redis.asyncio.Redis(unix_socket_path=server.socket), 5, 5)
    await transport.exchange([("ECHO", "first")])
    [wire] = used_by(transport)
    wire._transport.abort()  # what depends on it is told in the next turn of the event loop
    assert await transport.exchange([("ECHO", "next")]) == [b"next"]
    await transport.aclose()


async def test_a_connection_that_breaks_while_commands_are_written_is_said_to_be_lost(server: RedisServer) -> None:
    transport = connect(redis.asyncio.Redis(unix_socket_path=server.socket), 5, 5)
    await transport.exchange([("ECHO", "first")])
    [wire] = used_by(transport)
    wire._transport.get_extra_info("socket").shutdown(socket.SHUT_WR)
    with pytest.raises(BrokerUnavailable, match="was lost"):
        await transport.exchange([("ECHO", "lost")])
    assert await transport.exchange([("ECHO", "next")]) == [b"next"]
    await transport.aclose()


async def test_a_connection_that_is_closed_during_an_exchange_is_said_to_be_lost() -> None:
    with running_redis() as server, server.client() as client:
        transport = connect(redis.asyncio.Redis(unix_socket_path=server.socket), 10, 5)
        await transport.exchange([("ECHO", "first")])
        async with anyio.create_task_group() as group:

            async def wait() -> None:
                with pytest.raises(BrokerUnavailable, match="was lost") as caught:
                    await transport.exchange([("BLPOP", "nothing here", "5")])
                assert caught.value.maybe_done

            group.start_soon(wait)
            with anyio.fail_after(10):
                while not any(row["cmd"] == "blpop" for row in client.client_list()):
                    await anyio.sleep(0.01)
            client.client_kill_filter(_type="normal", skipme=True)
        assert await transport.exchange([("ECHO", "next")]) == [b"next"]
        await transport.aclose()


async def test_closing_ends_an_exchange_under_way(server: RedisServer) -> None:
    transport = connect(redis.asyncio.Redis(unix_socket_path=server.socket), 10, 5)
    await transport.exchange([("ECHO", "first")])
    outcomes: list[Any] = []
    transport.start([("BLPOP", "nothing here", "5")], outcomes.append)
    with anyio.fail_after(4):
        await transport.aclose()
        while not outcomes:
            await anyio.sleep(0.01)
    assert isinstance(outcomes[0], BrokerUnavailable)


async def test_a_reply_that_comes_too_late_is_given_to_nobody() -> None:
    answer, counts = counted()
    pause = [b""] * 700  # milliseconds
    async with answering(lambda command: [*(pause if command[1] == b"slow" else []), *answer(command)]) as transport:
        await transport.exchange([("ECHO", "first")])
        with anyio.fail_after(10), pytest.raises(BrokerUnavailable, match="did not answer in time") as caught:
            await transport.exchange([("ECHO", "slow")])
        assert caught.value.maybe_done
        assert await transport.exchange([("ECHO", "next")]) == [b"next"]
        assert counts == {b"first": 1, b"slow": 1, b"next": 1}


async def test_what_is_no_reply_ends_the_connection() -> None:
    answer, _ = counted()
    async with answering(lambda command: [b"hello\r\n"] if command[1] == b"odd" else answer(command)) as transport:
        await transport.exchange([("ECHO", "first")])
        with anyio.fail_after(10), pytest.raises(BrokerUnavailable, match="was lost"):
            await transport.exchange([("ECHO", "odd")])
        assert await transport.exchange([("ECHO", "next")]) == [b"next"]


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_reply_too_many_is_given_to_nobody(is_late: bool) -> None:
    answer, _ = counted()

    def twice(command: list[bytes]) -> list[bytes]:
        pieces = answer(command)
        return [*pieces, *pieces] if is_late else [b"".join(pieces * 2)]

    async with answering(lambda command: twice(command) if command[1] == b"twice" else answer(command)) as transport:
        await transport.exchange([("ECHO", "first")])
        with anyio.fail_after(10):
            if is_late:
                assert await transport.exchange([("ECHO", "twice")]) == [b"twice"]
                await anyio.sleep(0.02)
            else:
                with pytest.raises(BrokerUnavailable, match="was lost"):
                    await transport.exchange([("ECHO", "twice")])
            assert await transport.exchange([("ECHO", "next")]) == [b"next"]


async def test_what_cannot_be_written_leaves_the_connection_as_it_is(server: RedisServer) -> None:
    transport = connect(redis.asyncio.Redis(unix_socket_path=server.socket), 0.2, 5)
    await transport.exchange([("ECHO", "first")])
    [wire] = used_by(transport)
    outcomes: list[Any] = []
    with pytest.raises(UnicodeEncodeError):
        transport.start([("ECHO", "\ud800")], outcomes.append)
    await anyio.sleep(0.4)  # longer than an exchange may take
    assert (outcomes, used_by(transport)) == ([], [wire])
    assert await transport.exchange([("ECHO", "next")]) == [b"next"]
    await transport.aclose()


async def test_a_master_that_has_become_a_replica_is_left() -> None:
    class Manager:
        """Stands for the sentinels."""

        master: Any = None

        async def discover_master(self, name: str) -> Any:
            return self.master

    with running_redis() as first, running_redis() as second, first.client() as client:
        manager = Manager()
        manager.master = ("127.0.0.1", first.port)
        pool = SentinelConnectionPool("main", manager)  # type: ignore[no-untyped-call]
        transport = connect(redis.asyncio.Redis(connection_pool=pool), 5, 5)
        for _ in range(2):
            assert await transport.exchange([("SET", "key", "value")]) == [b"OK"]
        client.execute_command("REPLICAOF", "127.0.0.1", second.port)
        manager.master = ("127.0.0.1", second.port)
        [refused] = await transport.exchange([("SET", "key", "value")])
        assert isinstance(refused, BrokerUnavailable)
        assert not refused.maybe_done
        assert await transport.exchange([("SET", "key", "value")]) == [b"OK"]
        await transport.aclose()


async def test_a_connection_of_another_kind_is_left_to_redis_py(server: RedisServer) -> None:
    class Veiled:
        def __init__(self, writer: Any) -> None:
            self._writer = writer

        def __getattr__(self, name: str) -> Any:
            if name == "transport":
                raise AttributeError(name)
            return getattr(self._writer, name)

    class Own(redis.asyncio.UnixDomainSocketConnection):
        @property
        def _writer(self) -> Any:
            writer = vars(self).get("writer")
            return None if writer is None else Veiled(writer)

        @_writer.setter
        def _writer(self, writer: Any) -> None:
            vars(self)["writer"] = writer

    pool: Any = redis.asyncio.ConnectionPool(connection_class=Own, path=server.socket)
    transport = connect(redis.asyncio.Redis(connection_pool=pool), 5, 5)
    for number in range(3):
        assert await transport.exchange([("ECHO", str(number))]) == [str(number).encode()]
    assert (len(connections_of(transport)._pool._in_use_connections), used_by(transport)) == (0, [])
    await transport.aclose()


def test_round_trips_go_on_from_callbacks_of_an_event_loop_that_anyio_did_not_start(
    server: RedisServer, anyio_backend: str
) -> None:
    """AnyIO's own functions fail there."""

    async def main() -> None:
        source = redis.asyncio.Redis(unix_socket_path=server.socket)
        broker = RedisStreamsMessageBroker(source, stream=f"test-{uuid4()}", group="g")
        receiver = broker.receiver(concurrency=40)
        assert not await receiver.receive(1, 0)

        async def send(first: int) -> None:
            for number in range(first, first + 10):
                await broker.send_message(
                    Message(message_type="t", message_name="n", payload={"number": number}),
                )

        await asyncio.gather(*[send(first) for first in range(0, 40, 10)])
        deliveries: list[Any] = []
        while len(deliveries) < 40:
            deliveries += await receiver.receive(40, 5)
        await asyncio.gather(*[receiver.settle(delivery, Ack()) for delivery in deliveries])
        assert await broker._client.exchange(("XLEN", broker._place.stream)) == [40]
        await broker.aclose()

    asyncio.run(asyncio.wait_for(main(), 30))
