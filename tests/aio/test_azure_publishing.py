"""Sending to Azure Service Bus: batches, what is too large, and everything that goes wrong on the way."""

from functools import partial
from time import monotonic
from typing import Any

import pytest

from diator.aio.message_brokers.azure import AzureMessageBroker
from diator.errors import (
    BrokerAccessDenied,
    BrokerEntityDoesNotExist,
    BrokerError,
    BrokerFull,
    BrokerUnavailable,
    MessageEncodeError,
    MessageTooLarge,
)
from tests.aio.azure_parts import azure, make
from tests.aio.conftest import sleep, together
from tests.servers.azure import sdk_client

#: Seconds that a hopeless send may take; the SDK alone would repeat it for 15 seconds.
AT_ONCE = 8


def large(size: int, key: str | None = None) -> Any:
    message = make(1, key)
    message.payload["filler"] = "x" * size
    return message


async def test_a_message_has_its_place_in_the_terms_of_service_bus() -> None:
    message = make(1, "key", correlation_id="c", causation_id="d", schema_version=2)
    async with azure() as (server, broker):
        await broker.send_message(message)
        [stored] = server.messages("q")
    wire = stored.wire
    assert (wire.message_id, wire.subject, wire.correlation_id, wire.session_id) == (
        str(message.message_id),
        "Counted",
        "c",
        "key",
    )
    assert wire.application_properties == {
        "schema_version": "2",
        "content_type": "application/json",
        "correlation_id": "c",
        "causation_id": "d",
        "partition_key": "key",
    }
    assert b'"message_name":"Counted"' in b"".join(wire.data)


async def test_concurrent_sends_share_batches() -> None:
    async with azure() as (server, broker):
        await together(*[partial(broker.send_message, make(number)) for number in range(50)])
        assert len(server.messages("q")) == 50
        assert server.transfers < 25


async def test_an_oversize_message_fails_alone() -> None:
    async def send_too_large() -> None:
        with pytest.raises(MessageTooLarge, match="larger than queue 'q' accepts") as caught:
            await broker.send_message(large(210_000))  # which leaves room for others, as far as the broker knows
        assert isinstance(caught.value, MessageEncodeError)

    async with azure(limit=200_000) as (server, broker):
        sends = [partial(broker.send_message, make(number)) for number in range(20)]
        await together(*sends[:10], send_too_large, *sends[10:])
        assert len(server.messages("q")) == 20


async def test_an_oversize_message_in_a_list_lets_none_of_the_list_be_sent() -> None:
    async with azure(limit=200_000) as (server, broker):
        with pytest.raises(MessageTooLarge):
            await broker.send_messages([make(1), large(255_000), make(2)])
        assert server.messages("q") == []
        await broker.send_message(make(3))
        assert len(server.messages("q")) == 1


async def test_a_long_list_goes_in_several_batches_and_keeps_its_order() -> None:
    messages = [large(30_000, "a" if number % 2 else None) for number in range(30)]
    async with azure() as (server, broker):
        await broker.send_messages(messages)
        assert [stored.wire.message_id for stored in server.messages("q")] == [str(m.message_id) for m in messages]


@pytest.mark.parametrize(("window", "copies"), [(0, 2), (60, 1)])
async def test_a_lost_acknowledgement_duplicates_unless_the_queue_detects_it(window: float, copies: int) -> None:
    async with azure(entity={"duplicate_window": window}) as (server, broker):
        await broker.send_message(make(0))
        server.faults.lost_acknowledgements = 1
        await broker.send_message(make(1))
        ids = [stored.wire.message_id for stored in server.messages("q")][1:]
    assert len(ids) == copies
    assert len(set(ids)) == 1


async def test_sending_survives_connections_that_are_reset_and_links_that_are_detached() -> None:
    async with azure() as (server, broker):
        await broker.send_message(make(0))
        server.faults.drop_connections()
        await broker.send_message(make(1))
        assert server.faults.detach_links("q") == 1
        await broker.send_message(make(2))
        assert len(server.messages("q")) == 3


async def test_sending_waits_until_the_service_is_back() -> None:
    async def come_back() -> None:
        await sleep(3)
        server.faults.resume_listening()

    async with azure() as (server, broker):
        await broker.send_message(make(0))
        server.faults.stop_listening()
        await together(partial(broker.send_message, make(1)), partial(broker.send_message, make(2)), come_back)
        assert len(server.messages("q")) == 3


async def test_sending_gives_up_when_the_time_is_over() -> None:
    async with azure(timeout=3) as (server, broker):  # enough to open a connection on a busy machine
        await broker.send_message(make(0))
        server.faults.freeze()
        begin = monotonic()
        with pytest.raises(BrokerUnavailable, match="queue 'q' could not be reached"):
            await broker.send_message(make(1))
        assert monotonic() - begin < AT_ONCE
        server.faults.thaw()
        await broker.send_message(make(2))


@pytest.mark.parametrize("own", [True, False])
async def test_a_wrong_key_is_told_at_once(own: bool) -> None:
    async with azure() as (server, _):
        wrong = server.connection_string.replace(server.security.key, "Y2FuYXJ5LWNhbmFyeQ==")
        broker = AzureMessageBroker(wrong if own else sdk_client(AzureMessageBroker, wrong), queue_name="q")
        begin = monotonic()
        with pytest.raises(BrokerAccessDenied, match="check the key"):
            await broker.send_message(make(1))
        assert monotonic() - begin < AT_ONCE
        await broker.aclose()


async def test_a_key_without_the_right_to_send_is_told_at_once() -> None:
    async with azure() as (server, broker):
        server.security.refuses_links = True
        begin = monotonic()
        with pytest.raises(BrokerAccessDenied, match="and its rights"):
            await broker.send_message(make(1))
        assert monotonic() - begin < AT_ONCE


@pytest.mark.parametrize("at_token", [True, False])
async def test_a_missing_entity_is_told_at_once(at_token: bool) -> None:
    async with azure(queue_name="missing") as (server, broker):
        server.security.missing_entity_at_token = at_token
        begin = monotonic()
        with pytest.raises(BrokerEntityDoesNotExist, match="there is no queue 'missing' in this namespace"):
            await broker.send_message(make(1))
        assert monotonic() - begin < AT_ONCE


async def test_an_entity_that_the_connection_string_is_not_for_is_told_at_once() -> None:
    async with azure() as (server, _):
        broker = AzureMessageBroker(f"{server.connection_string}EntityPath=other", queue_name="q")
        with pytest.raises(BrokerError, match="cannot be used for queue 'q'"):
            await broker.send_message(make(1))
        await broker.aclose()


async def test_a_full_queue_is_told_at_once() -> None:
    async with azure(entity={"max_messages": 1}) as (_, broker):
        await broker.send_message(make(1))
        with pytest.raises(BrokerFull, match="queue 'q' is full"):
            await broker.send_message(make(2))


async def test_a_topic_sends_to_its_subscriptions() -> None:
    async with azure(queue_name=None, topic_name="t") as (server, broker):
        server.add_topic("t", "one", "two")
        await broker.send_message(make(1))
        assert [len(server.messages(f"t/Subscriptions/{name}")) for name in ("one", "two")] == [1, 1]


async def test_the_form_of_the_first_version_works_and_leaves_the_client_open() -> None:
    async with azure() as (server, _):
        server.add_topic("t", "s")
        client = sdk_client(AzureMessageBroker, server.connection_string)
        first = AzureMessageBroker(client, "t", timeout=10)
        await together(*[partial(first.send_message, make(number)) for number in range(5)])
        await first.aclose()
        second = AzureMessageBroker(client, "t")
        await second.send_message(make(6))
        await second.aclose()
        assert len(server.messages("t/Subscriptions/s")) == 6
        await client.close()
