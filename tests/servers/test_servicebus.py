"""The stand-in for Azure Service Bus does what the SDK of the service, aio and blocking, expects of it."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any

import anyio
import pytest

from tests.servers.azure import broken_connections, hurried_sdk, servicebus

pytest.importorskip("proton", reason="not run: python-qpid-proton is not installed; `make servers` says more")

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusQuotaExceededError,
    SessionCannotBeLockedError,
)

from tests.servicebus import Refusal, ServiceBusServer, correlation_filter

FAST: dict[str, Any] = {"retry_total": 2, "retry_backoff_factor": 0.05}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Side:
    """One of the two forms of the SDK, awaited alike."""

    def __init__(self, name: str, server: ServiceBusServer) -> None:
        self._is_sync = name == "sync"
        self._client_type = import_module(
            "azure.servicebus" if self._is_sync else "azure.servicebus.aio"
        ).ServiceBusClient
        self.client = self.connect(server.connection_string)

    def connect(self, connection_string: str) -> Any:
        return self._client_type.from_connection_string(connection_string, **FAST)

    async def do(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if self._is_sync:
            return await anyio.to_thread.run_sync(partial(function, *args, **options))
        result = function(*args, **options)
        return await result if inspect.isawaitable(result) else result

    def sender(self, path: str = "q") -> Any:
        return self.client.get_queue_sender(path, keep_alive=0)

    def receiver(self, path: str = "q", **options: Any) -> Any:
        topic, _, subscription = path.partition("/")
        if subscription:
            return self.client.get_subscription_receiver(topic, subscription, **options)
        return self.client.get_queue_receiver(path, **options)

    async def send(self, *messages: ServiceBusMessage, path: str = "q") -> None:
        sender = self.sender(path)
        await self.do(sender.send_messages, list(messages))
        await self.do(sender.close)

    async def receive(self, receiver: Any, count: int = 10, wait: float = 1.0) -> list[Any]:
        await self.do(receiver.__enter__ if self._is_sync else receiver.__aenter__)  # which may be done twice
        messages: list[Any] = await self.do(receiver.receive_messages, count, max_wait_time=wait)
        return messages


@contextmanager
def opened() -> Iterator[ServiceBusServer]:
    with broken_connections(), servicebus() as server, hurried_sdk():
        yield server


@pytest.fixture
def server() -> Iterator[ServiceBusServer]:
    with opened() as server:
        server.add_queue("q", lock_duration=5)
        yield server


@pytest.fixture(params=["aio", "sync"])
async def side(request: pytest.FixtureRequest, server: ServiceBusServer) -> Any:
    side = Side(request.param, server)
    yield side
    await side.do(side.client.close)


def texts(messages: Any) -> list[str]:
    return [str(message) for message in messages]


async def test_messages_lists_and_batches_arrive_as_they_were(server: ServiceBusServer, side: Side) -> None:
    sender = side.sender()
    properties: Any = {"number": 7, "text": "t"}
    single = ServiceBusMessage(
        "one", message_id="1", subject="s", correlation_id="c", application_properties=properties, content_type="x/y"
    )
    await side.do(sender.send_messages, single)
    await side.do(sender.send_messages, [ServiceBusMessage("two"), ServiceBusMessage("three")])
    batch = await side.do(sender.create_message_batch)
    batch.add_message(ServiceBusMessage("four"))
    await side.do(sender.send_messages, batch)
    receiver = side.receiver()
    first, *others = await side.receive(receiver)
    assert texts([first, *others]) == ["one", "two", "three", "four"]
    assert (first.message_id, first.subject, first.correlation_id, first.content_type) == ("1", "s", "c", "x/y")
    assert first.application_properties == {b"number": 7, b"text": b"t"}
    assert (first.delivery_count, first.sequence_number) == (0, 1)
    for message in (first, *others):
        await side.do(receiver.complete_message, message)
    assert server.messages("q") == []


async def test_a_topic_copies_to_subscriptions_that_accept(server: ServiceBusServer, side: Side) -> None:
    server.add_topic("t", "all")
    server.add_subscription("t", "paid", correlation_filter(subject="Paid", region="eu"))
    await side.send(
        ServiceBusMessage("a", subject="Paid", application_properties={"region": "eu"}),
        ServiceBusMessage("b", subject="Paid"),
        path="t",
    )
    assert texts(await side.receive(side.receiver("t/all"))) == ["a", "b"]
    assert texts(await side.receive(side.receiver("t/paid"))) == ["a"]


async def test_abandoned_messages_come_again_until_the_limit(server: ServiceBusServer, side: Side) -> None:
    server.add_queue("limited", max_delivery_count=2)
    await side.send(ServiceBusMessage("x"), path="limited")
    receiver = side.receiver("limited")
    for count in range(2):
        [message] = await side.receive(receiver, 1)
        assert message.delivery_count == count
        await side.do(receiver.abandon_message, message)
    assert not await side.receive(receiver, 1, 0.2)
    dead = side.receiver("limited", sub_queue="deadletter")
    [message] = await side.receive(dead, 1)
    assert (message.dead_letter_reason, message.delivery_count) == ("MaxDeliveryCountExceeded", 2)


async def test_a_dead_letter_keeps_its_reason_and_properties(server: ServiceBusServer, side: Side) -> None:
    await side.send(ServiceBusMessage("x", application_properties={"k": "v"}))
    receiver = side.receiver()
    [message] = await side.receive(receiver, 1)
    await side.do(receiver.dead_letter_message, message, reason="why", error_description="how")
    [dead] = await side.receive(side.receiver(sub_queue="deadletter"), 1)
    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("why", "how")
    assert dead.application_properties[b"k"] == b"v"


async def test_a_lock_ends_or_is_renewed(server: ServiceBusServer, side: Side) -> None:
    server.add_queue("short", lock_duration=1.5)
    await side.send(ServiceBusMessage("x"), path="short")
    receiver = side.receiver("short")
    [message] = await side.receive(receiver, 1)
    for _ in range(3):
        await anyio.sleep(0.6)
        await side.do(receiver.renew_message_lock, message)
    await anyio.sleep(1.7)
    with pytest.raises(MessageLockLostError):
        await side.do(receiver.complete_message, message)
    [again] = await side.receive(receiver, 1)
    assert again.delivery_count == 1
    await side.do(receiver.complete_message, again)


async def test_a_late_verdict_is_refused_by_the_server_itself(server: ServiceBusServer, side: Side) -> None:
    await side.send(ServiceBusMessage("x"))
    receiver = side.receiver()
    [message] = await side.receive(receiver, 1)
    server.call(lambda: [server.entity("q").abandon(token) for token in list(server.entity("q").locks)])
    with pytest.raises(MessageLockLostError, match=r"com\.microsoft:message-lock-lost"):
        await side.do(receiver.complete_message, message)


async def test_duplicates_are_dropped(server: ServiceBusServer, side: Side) -> None:
    server.add_queue("unique", duplicate_window=60)
    await side.send(ServiceBusMessage("x", message_id="1"), ServiceBusMessage("y", message_id="1"), path="unique")
    await side.send(ServiceBusMessage("z", message_id="2"), path="unique")
    assert texts(await side.receive(side.receiver("unique"))) == ["x", "z"]


async def test_messages_are_scheduled_cancelled_deferred_and_peeked(server: ServiceBusServer, side: Side) -> None:
    sender, receiver = side.sender(), side.receiver()
    soon = datetime.now(UTC) + timedelta(seconds=3)
    numbers = await side.do(sender.schedule_messages, [ServiceBusMessage("later"), ServiceBusMessage("never")], soon)
    await side.do(sender.cancel_scheduled_messages, numbers[1])
    await side.do(sender.send_messages, ServiceBusMessage("by property", scheduled_enqueue_time_utc=soon))
    assert texts(await side.do(receiver.peek_messages, 10)) == ["later", "by property"]
    [first] = await side.receive(receiver, 1, 5)
    await side.do(receiver.defer_message, first)
    [deferred] = await side.do(receiver.receive_deferred_messages, first.sequence_number)
    assert str(deferred) == str(first)
    await side.do(receiver.complete_message, deferred)
    [second] = await side.receive(receiver, 1, 5)
    assert {str(first), str(second)} == {"later", "by property"}


async def test_a_session_has_one_holder_and_a_state(server: ServiceBusServer, side: Side) -> None:
    server.add_queue("s", requires_session=True)
    await side.send(*[ServiceBusMessage(f"{key}{n}", session_id=key) for n in range(2) for key in "ab"], path="s")
    holder = side.receiver("s", session_id="b")
    assert texts(await side.receive(holder)) == ["b0", "b1"]
    await side.do(holder.session.set_state, "halfway")
    assert await side.do(holder.session.get_state) == b"halfway"
    await side.do(holder.session.renew_lock)
    with pytest.raises(SessionCannotBeLockedError):
        await side.receive(side.receiver("s", session_id="b"), 1)
    free = side.receiver("s", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=2)
    assert texts(await side.receive(free)) == ["a0", "a1"]
    assert free.session.session_id == "a"


async def test_messages_that_are_deleted_when_received_are_gone(server: ServiceBusServer, side: Side) -> None:
    await side.send(ServiceBusMessage("x"))
    assert texts(await side.receive(side.receiver(receive_mode="receiveanddelete"))) == ["x"]
    assert server.messages("q") == []


async def test_the_sdk_recovers_from_what_the_faults_break(server: ServiceBusServer, side: Side) -> None:
    sender, receiver = side.sender(), side.receiver()
    forced = Refusal("amqp:link:detach-forced", "The link was idle.")
    for number, fault in enumerate([server.faults.drop_connections, partial(server.faults.detach_links, "q", forced)]):
        await side.do(sender.send_messages, ServiceBusMessage(f"{number} before"))
        assert fault() >= 1
        await side.do(sender.send_messages, ServiceBusMessage(f"{number} after"))
        for expected in ("before", "after"):
            [message] = await side.receive(receiver, 1, 3)
            assert str(message) == f"{number} {expected}"
            await side.do(receiver.complete_message, message)


async def test_a_lost_acknowledgement_duplicates(server: ServiceBusServer, side: Side) -> None:
    server.faults.lost_acknowledgements = 1
    await side.send(ServiceBusMessage("x"))
    assert len(server.messages("q")) == 2


@pytest.mark.parametrize(
    ("path", "size", "refusal", "error"),
    [
        ("missing", 1, None, ServiceBusAuthenticationError),  # the token is refused with 404
        ("q", 300_000, None, MessageSizeExceededError),
        ("q", 1, Refusal.full("q"), ServiceBusQuotaExceededError),
    ],
)
async def test_refusals_have_the_form_that_the_sdk_knows(
    server: ServiceBusServer, side: Side, path: str, size: int, refusal: Refusal | None, error: type[Exception]
) -> None:
    server.faults.refused_sends += [refusal] if refusal else []
    with pytest.raises(error):
        await side.do(side.sender(path).send_messages, ServiceBusMessage("x" * size))


async def test_wrong_keys_and_missing_entities_are_refused(server: ServiceBusServer, side: Side) -> None:
    wrong = side.connect(server.connection_string.replace(server.security.key, "d3Jvbmc="))
    with pytest.raises(ServiceBusAuthenticationError):
        await side.do(wrong.get_queue_sender("q").send_messages, ServiceBusMessage("x"))
    await side.do(wrong.close)
    server.security.missing_entity_at_token = False
    with pytest.raises(MessagingEntityNotFoundError):
        await side.do(side.sender("missing").send_messages, ServiceBusMessage("x"))


async def test_expired_messages_vanish_or_are_put_aside(server: ServiceBusServer, side: Side) -> None:
    server.add_queue("kept", dead_letter_on_expiry=True)
    for path in ("q", "kept"):
        await side.send(ServiceBusMessage("x", time_to_live=timedelta(seconds=0.2)), path=path)
    await anyio.sleep(0.4)
    for path in ("q", "kept"):
        assert not await side.receive(side.receiver(path), 1, 0.2)
    assert len(server.messages("kept/$DeadLetterQueue")) == 1
    assert server.messages("q/$DeadLetterQueue") == []


@pytest.mark.parametrize("name", ["aio", "sync"])
async def test_the_sdk_is_content_as_it_is(name: str) -> None:
    """All else here runs with shorter pauses."""
    with servicebus() as server:
        server.add_queue("q")
        side = Side(name, server)
        await side.send(ServiceBusMessage("x"))
        receiver = side.receiver()
        [message] = await side.receive(receiver, 1)
        await side.do(receiver.complete_message, message)
        await side.do(side.client.close)
        assert server.messages("q") == []
