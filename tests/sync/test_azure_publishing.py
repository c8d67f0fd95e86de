# Generated from tests/aio/test_azure_publishing.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Sending to Azure Service Bus: batches, what is too large, and everything that goes wrong on the way."""

from functools import partial
from time import monotonic
from typing import Any

import pytest

from diator.errors import (
    BrokerAccessDenied,
    BrokerEntityDoesNotExist,
    BrokerError,
    BrokerFull,
    BrokerUnavailable,
    MessageEncodeError,
    MessageTooLarge,
)
from diator.sync.message_brokers.azure import AzureMessageBroker
from tests.servers.azure import sdk_client
from tests.sync.azure_parts import azure, make
from tests.sync.conftest import sleep, together

#: Seconds that a hopeless send may take; the SDK alone would repeat it for 15 seconds.
AT_ONCE = 8


def large(size: int, key: str | None = None) -> Any:
    message = make(1, key)
    message.payload["filler"] = "x" * size
    return message


def test_a_message_has_its_place_in_the_terms_of_service_bus() -> None:
    message = make(1, "key", correlation_id="c", causation_id="d", schema_version=2)
    with azure() as (server, broker):
        broker.send_message(message)
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


def test_concurrent_sends_share_batches() -> None:
    with azure() as (server, broker):
        together(*[partial(broker.send_message, make(number)) for number in range(50)])
        assert len(server.messages("q")) == 50
        assert server.transfers < 25


def test_an_oversize_message_fails_alone() -> None:
    def send_too_large() -> None:
        with pytest.raises(MessageTooLarge, match="larger than queue 'q' accepts") as caught:
            broker.send_message(large(210_000))  # which leaves room for others, as far as the broker knows
        assert isinstance(caught.value, MessageEncodeError)

    with azure(limit=200_000) as (server, broker):
        sends = [partial(broker.send_message, make(number)) for number in range(20)]
        together(*sends[:10], send_too_large, *sends[10:])
        assert len(server.messages("q")) == 20


def test_an_oversize_message_in_a_list_lets_none_of_the_list_be_sent() -> None:
    with azure(limit=200_000) as (server, broker):
        with pytest.raises(MessageTooLarge):
            broker.send_messages([make(1), large(255_000), make(2)])
        assert server.messages("q") == []
        broker.send_message(make(3))
        assert len(server.messages("q")) == 1


def test_a_long_list_goes_in_several_batches_and_keeps_its_order() -> None:
    messages = [large(30_000, "a" if number % 2 else None) for number in range(30)]
    with azure() as (server, broker):
        broker.send_messages(messages)
        assert [stored.wire.message_id for stored in server.messages("q")] == [str(m.message_id) for m in messages]


@pytest.mark.parametrize(("window", "copies"), [(0, 2), (60, 1)])
def test_a_lost_acknowledgement_duplicates_unless_the_queue_detects_it(window: float, copies: int) -> None:
    with azure(entity={"duplicate_window": window}) as (server, broker):
        broker.send_message(make(0))
        server.faults.lost_acknowledgements = 1
        broker.send_message(make(1))
        ids = [stored.wire.message_id for stored in server.messages("q")][1:]
    assert len(ids) == copies
    assert len(set(ids)) == 1


def test_sending_survives_connections_that_are_reset_and_links_that_are_detached() -> None:
    with azure() as (server, broker):
        broker.send_message(make(0))
        server.faults.drop_connections()
        broker.send_message(make(1))
        assert server.faults.detach_links("q") == 1
        broker.send_message(make(2))
        assert len(server.messages("q")) == 3


def test_sending_waits_until_the_service_is_back() -> None:
    def come_back() -> None:
        sleep(3)
        server.faults.resume_listening()

    with azure() as (server, broker):
        broker.send_message(make(0))
        server.faults.stop_listening()
        together(partial(broker.send_message, make(1)), partial(broker.send_message, make(2)), come_back)
        assert len(server.messages("q")) == 3


def test_sending_gives_up_when_the_time_is_over() -> None:
    with azure(timeout=3) as (server, broker):  # enough to open a connection on a busy machine
        broker.send_message(make(0))
        server.faults.freeze()
        begin = monotonic()
        with pytest.raises(BrokerUnavailable, match="queue 'q' could not be reached"):
            broker.send_message(make(1))
        assert monotonic() - begin < AT_ONCE
        server.faults.thaw()
        broker.send_message(make(2))


@pytest.mark.parametrize("own", [True, False])
def test_a_wrong_key_is_told_at_once(own: bool) -> None:
    with azure() as (server, _):
        wrong = server.connection_string.replace(server.security.key, "Y2FuYXJ5LWNhbmFyeQ==")
        broker = AzureMessageBroker(wrong if own else sdk_client(AzureMessageBroker, wrong), queue_name="q")
        begin = monotonic()
        with pytest.raises(BrokerAccessDenied, match="check the key"):
            broker.send_message(make(1))
        assert monotonic() - begin < AT_ONCE
        broker.close()


def test_a_key_without_the_right_to_send_is_told_at_once() -> None:
    with azure() as (server, broker):
        server.security.refuses_links = True
        begin = monotonic()
        with pytest.raises(BrokerAccessDenied, match="and its rights"):
            broker.send_message(make(1))
        assert monotonic() - begin < AT_ONCE


@pytest.mark.parametrize("at_token", [True, False])
def test_a_missing_entity_is_told_at_once(at_token: bool) -> None:
    with azure(queue_name="missing") as (server, broker):
        server.security.missing_entity_at_token = at_token
        begin = monotonic()
        with pytest.raises(BrokerEntityDoesNotExist, match="there is no queue 'missing' in this namespace"):
            broker.send_message(make(1))
        assert monotonic() - begin < AT_ONCE


def test_an_entity_that_the_connection_string_is_not_for_is_told_at_once() -> None:
    with azure() as (server, _):
        broker = AzureMessageBroker(f"{server.connection_string}EntityPath=other", queue_name="q")
        with pytest.raises(BrokerError, match="cannot be used for queue 'q'"):
            broker.send_message(make(1))
        broker.close()


def test_a_full_queue_is_told_at_once() -> None:
    with azure(entity={"max_messages": 1}) as (_, broker):
        broker.send_message(make(1))
        with pytest.raises(BrokerFull, match="queue 'q' is full"):
            broker.send_message(make(2))


def test_a_topic_sends_to_its_subscriptions() -> None:
    with azure(queue_name=None, topic_name="t") as (server, broker):
        server.add_topic("t", "one", "two")
        broker.send_message(make(1))
        assert [len(server.messages(f"t/Subscriptions/{name}")) for name in ("one", "two")] == [1, 1]


def test_the_form_of_the_first_version_works_and_leaves_the_client_open() -> None:
    with azure() as (server, _):
        server.add_topic("t", "s")
        client = sdk_client(AzureMessageBroker, server.connection_string)
        first = AzureMessageBroker(client, "t", timeout=10)
        together(*[partial(first.send_message, make(number)) for number in range(5)])
        first.close()
        second = AzureMessageBroker(client, "t")
        second.send_message(make(6))
        second.close()
        assert len(server.messages("t/Subscriptions/s")) == 6
        client.close()
