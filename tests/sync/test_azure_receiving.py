# Generated from tests/aio/test_azure_receiving.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Receiving from Azure Service Bus: locks, lost connections, what nobody can read, and copies for others."""

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from time import monotonic
from typing import Any

import pytest

from diator._core.delivery import Ack, DeadLetter, Retry
from diator._core.serializers import JSONSerializer
from diator._core.servicebus import Outgoing
from diator._runtime.sync.servicebus import is_cut, pause
from diator.errors import BrokerAccessDenied, BrokerEntityDoesNotExist, BrokerError
from diator.sync.message_brokers.azure import AzureMessageBroker
from tests.servers.azure import inject, send_with_sdk
from tests.sync.azure_parts import (
    NEVER,
    SOON,
    azure,
    begin_one,
    make,
    numbers,
    read,
    take,
    take_and_acknowledge,
)
from tests.sync.conftest import sleep, together


def test_a_lock_is_renewed_while_a_handler_works() -> None:
    with azure(entity={"lock_duration": 2, "max_delivery_count": 2}) as (server, broker):
        broker.send_message(make(1))
        receiver = broker.receiver(visibility_timeout=30)
        delivery = begin_one(receiver)
        sleep(3.5)
        assert not receiver.receive(1, NEVER)
        receiver.settle(delivery, Ack())
        assert server.messages("q") == []


def test_a_verdict_after_the_lock_is_lost_leaves_the_message_to_others() -> None:
    with azure(entity={"lock_duration": 2}) as (server, broker):
        broker.send_message(make(1))
        receiver = broker.receiver(visibility_timeout=30)
        delivery = begin_one(receiver)
        server.call(lambda: [server.entity("q").abandon(token) for token in list(server.entity("q").locks)])
        receiver.settle(delivery, DeadLetter("too late"))
        again = begin_one(receiver)
        assert (again.attempt, again.delivery_id != delivery.delivery_id) == (2, True)
        assert server.messages("q/$DeadLetterQueue") == []


def test_a_lock_that_is_lost_while_the_handler_works_is_noticed() -> None:
    with azure(entity={"lock_duration": 1}) as (server, broker):
        broker.send_message(make(1))
        receiver = broker.receiver(visibility_timeout=30)
        delivery = begin_one(receiver)
        server.call(lambda: [server.entity("q").bury(token, "x", None) for token in list(server.entity("q").locks)])
        until = monotonic() + SOON
        while not receiver.extend([delivery]) and monotonic() < until:
            sleep(0.05)
        assert receiver.extend([delivery]) == [delivery]
        assert not receiver.begin(delivery)
        receiver.settle(delivery, Ack())


def test_a_lost_settlement_leaves_no_message_behind() -> None:
    with azure(entity={"lock_duration": 1}) as (server, broker):
        broker.send_message(make(1))
        receiver = broker.receiver()
        delivery = begin_one(receiver)
        server.faults.lost_settlements = 1
        with suppress(BrokerError):  # or it is settled on a new connection, or comes again: its lock has expired
            receiver.settle(delivery, Ack())
        if server.messages("q"):
            assert take_and_acknowledge(receiver, 1) == [1]
        assert server.messages("q") == []


def test_receiving_survives_connections_that_are_reset_and_links_that_are_detached() -> None:
    with azure() as (server, broker):
        receiver = broker.receiver()
        for number, fault in enumerate((server.faults.drop_connections, lambda: server.faults.detach_links("q"))):
            broker.send_message(make(number))
            assert take_and_acknowledge(receiver, 1) == [number]
            fault()
            broker.send_message(make(number + 10))
            assert take_and_acknowledge(receiver, 1) == [number + 10]


def test_a_connection_is_kept_for_many_messages() -> None:
    with azure() as (server, broker):
        broker.send_messages([make(number) for number in range(110)])
        receiver = broker.receiver()
        take_and_acknowledge(receiver, 1)
        connections = set(server.connections)
        assert take_and_acknowledge(receiver, 109) == list(range(1, 110))
        assert server.connections == connections


def test_all_connections_that_were_cut_come_back_at_the_same_time() -> None:
    """Or an outage would last longer with each of them: only one looks for messages at a time."""

    def receive() -> Any:
        return receiver.receive(4, SOON)

    def watch() -> int:
        until = monotonic() + SOON
        while len(server.connections - cut) < 4 and monotonic() < until:
            sleep(0.02)
        found = len(server.connections - cut)
        receiver.stop()
        return found

    with azure() as (server, broker):
        broker.send_messages([make(number) for number in range(4)])
        receiver = broker.receiver(concurrency=4)
        for delivery in take(receiver, 4):
            receiver.settle(delivery, Ack())
        cut = set(server.connections)
        server.faults.drop_connections()
        nothing, open_again = together(receive, watch)
        assert (list(nothing), open_again) == ([], 4)


def test_a_connection_that_was_cut_is_noticed_without_using_it_and_opened_again() -> None:
    def check() -> list[bool]:
        link = broker._entity.receiver()
        found = [is_cut(link)]
        server.faults.drop_connections()
        until = monotonic() + SOON
        while not is_cut(link) and monotonic() < until:
            pause(0.01)
        found.append(is_cut(link))
        broker._entity.mend(link)
        found.append(is_cut(link))
        broker._entity.hang_up(link)
        return found

    with azure() as (server, broker):
        assert broker._home.run(check) == [False, True, False]


def test_a_message_is_settled_on_a_new_connection() -> None:
    with azure(entity={"lock_duration": 20}) as (server, broker):
        broker.send_message(make(1))
        receiver = broker.receiver()
        delivery = begin_one(receiver)
        server.faults.drop_connections()
        receiver.settle(delivery, Ack())
        assert server.messages("q") == []


def test_receiving_goes_on_when_the_service_is_back() -> None:
    with azure() as (server, broker):
        broker.send_message(make(1))
        receiver = broker.receiver()
        assert take_and_acknowledge(receiver, 1) == [1]
        server.faults.stop_listening()
        with pytest.raises(BrokerError):
            while True:
                assert not receiver.receive(1, SOON)
        sleep(3)
        server.faults.resume_listening()
        broker.send_message(make(2))
        while True:
            try:
                assert take_and_acknowledge(receiver, 1) == [2]
                break
            except BrokerError:
                sleep(0.1)


def test_receiving_goes_on_when_a_server_that_hung_goes_on() -> None:
    with azure() as (server, broker):
        receiver = broker.receiver()
        broker.send_message(make(1))
        assert take_and_acknowledge(receiver, 1) == [1]
        server.faults.freeze()
        inject(server, "q", JSONSerializer().encode(make(2)))
        assert not receiver.receive(1, 1)
        server.faults.thaw()
        assert take_and_acknowledge(receiver, 1) == [2]


def test_what_the_sdk_cannot_read_does_not_stop_a_receiver() -> None:
    """The service itself puts it aside, when it has been delivered too often."""
    with azure(entity={"lock_duration": 1, "max_delivery_count": 2}) as (server, broker):
        send_with_sdk(server, "q", b"unreadable", {"price": Decimal("9.99")})
        broker.send_message(make(1))
        receiver = broker.receiver()
        assert take_and_acknowledge(receiver, 1) == [1]
        until = monotonic() + SOON
        while server.messages("q") and monotonic() < until:
            receiver.receive(1, NEVER)
        assert len(server.messages("q/$DeadLetterQueue")) == 1


def test_what_others_send_is_received_as_far_as_it_goes() -> None:
    with azure() as (server, broker):
        send_with_sdk(server, "q", b"{}", {"text": "t", "number": 7}, correlation_id="c", session_id="s")
        inject(server, "q", b"\xff\x00")
        receiver = broker.receiver()
        one, two = take(receiver, 2)
        assert one.body == b"{}"
        assert dict(one.headers) == {"text": "t", "correlation_id": "c", "partition_key": "s"}
        assert two.body == b"\xff\x00"


@pytest.mark.parametrize("at_token", [True, False])
def test_a_missing_entity_is_told_to_those_who_receive(at_token: bool) -> None:
    with azure(queue_name="missing") as (server, broker):
        server.security.missing_entity_at_token = at_token
        with pytest.raises(BrokerEntityDoesNotExist):
            broker.receiver().receive(1, SOON)
        with pytest.raises(BrokerEntityDoesNotExist):
            broker.dead_letters.list()


@pytest.mark.parametrize("at_token", [True, False])
def test_a_wrong_key_is_told_to_those_who_receive(at_token: bool) -> None:
    with azure() as (server, _):
        server.security.refuses_links = not at_token
        key = "Y2FuYXJ5LWNhbmFyeQ==" if at_token else server.security.key
        source = server.connection_string.replace(server.security.key, key)
        denied = AzureMessageBroker(source, queue_name="q")
        with pytest.raises(BrokerAccessDenied):
            denied.receiver().receive(1, SOON)
        with pytest.raises(BrokerAccessDenied):
            denied.dead_letters.list()
        denied.close()


def test_a_subscription_that_gives_a_message_back_does_not_disturb_the_others() -> None:
    with azure(queue_name=None, topic_name="t", subscription_name="one") as (server, broker):
        server.add_topic("t", "one", "two")
        other = AzureMessageBroker(server.connection_string, "t", subscription_name="two")
        broker.send_message(make(1))
        receiver, others = broker.receiver(), other.receiver()
        assert take_and_acknowledge(others, 1) == [1]
        receiver.settle(begin_one(receiver), Retry(0.2, frozenset({"handler"})))
        again = begin_one(receiver)
        assert (again.attempt, again.done) == (2, {"handler"})
        receiver.settle(again, DeadLetter("broken"))
        assert broker.dead_letters.retry_all() == 1
        assert take_and_acknowledge(receiver, 1) == [1]
        assert not others.receive(1, NEVER)
        assert server.messages("t/Subscriptions/two") == []
        other.close()


def test_a_copy_keeps_the_id_of_its_message_and_gets_past_duplicate_detection() -> None:
    with azure(entity={"duplicate_window": 60}) as (server, broker):
        message = make(1, "key", correlation_id="c")
        broker.send_message(message)
        receiver = broker.receiver()
        receiver.settle(begin_one(receiver), Retry(0.1))
        [stored] = server.messages("q")
        assert stored.wire.message_id != str(message.message_id)
        again = begin_one(receiver)
        assert read(again) == message
        assert again.attempt == 2


def test_the_service_counts_a_delivery_of_a_process_that_died() -> None:
    with azure(entity={"lock_duration": 1}) as (server, broker):
        broker.send_message(make(1))
        receiver = broker.receiver()
        delivery = begin_one(receiver)
        server.call(lambda: [server.entity("q").abandon(token) for token in list(server.entity("q").locks)])
        other = broker.receiver()
        again = begin_one(other)
        assert (delivery.attempt, again.attempt) == (1, 2)


def test_unordered_receiving_brings_everything() -> None:
    with azure(ordered=False) as (server, broker):
        broker.send_messages([make(number) for number in range(30)])
        receiver = broker.receiver(concurrency=4)
        taken: list[int] = []
        while len(taken) < 30:
            deliveries = receiver.receive(4, SOON)
            taken += numbers(deliveries)
            for delivery in deliveries:
                receiver.settle(delivery, Ack())
        assert sorted(taken) == list(range(30))
        assert server.messages("q") == []


def test_closing_is_quick_whatever_a_receiver_waits_for() -> None:
    with azure() as (_server, broker):
        receiver = broker.receiver()

        def receive() -> Any:
            return receiver.receive(3, 20)

        def stop_late() -> None:
            sleep(1)
            receiver.stop()

        together(receive, stop_late)
        begin = monotonic()
        broker.close()
        assert monotonic() - begin < SOON


def test_dead_letters_of_the_service_itself_are_listed() -> None:
    with azure(entity={"max_delivery_count": 1, "lock_duration": 0.5}) as (_server, broker):
        broker.send_message(make(1))
        receiver = broker.receiver()
        delivery = begin_one(receiver)
        receiver.settle(delivery, Retry())
        [dead] = broker.dead_letters.list()
        assert (dead.reason, dead.attempt, dead.dead_at) == ("MaxDeliveryCountExceeded", 1, None)


def test_a_dead_letter_remembers_the_last_of_several_runs() -> None:
    with azure() as (_, broker):
        broker.send_message(make(1))
        receiver = broker.receiver()
        delivery = begin_one(receiver)
        receiver.begin(replace(delivery, attempt=4))
        receiver.settle(delivery, DeadLetter("ValueError in delivery 4"))
        [dead] = broker.dead_letters.list()
        assert (dead.reason, dead.attempt) == ("ValueError in delivery 4", 4)
        assert dead.dead_at is not None


def test_a_broker_for_a_topic_alone_only_sends() -> None:
    with azure(queue_name=None, topic_name="t") as (_, broker):
        assert (broker.dead_letters, broker.capabilities) == (None, frozenset())
        with pytest.raises(BrokerError, match="pass subscription_name= to receive"):
            broker.receiver()


def test_what_does_not_fit_together_is_refused() -> None:
    name = "Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=canary"
    for options in ({}, {"queue_name": "q", "topic_name": "t"}, {"queue_name": "q", "subscription_name": "s"}):
        with pytest.raises(ValueError, match="topic_name"):
            AzureMessageBroker(name, **options)
    with pytest.raises(ValueError, match="a namespace and a credential"):
        AzureMessageBroker("h.servicebus.windows.net", queue_name="q")
    with pytest.raises(ValueError, match="a positive number"):
        AzureMessageBroker(name, queue_name="q", timeout=0)
    with pytest.raises(TypeError, match="must be a ServiceBusClient"):
        AzureMessageBroker(Outgoing(body=b"", message_id="1"), queue_name="q")
