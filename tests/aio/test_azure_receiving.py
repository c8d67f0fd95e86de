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
from diator._runtime.aio.servicebus import is_cut, pause
from diator.aio.message_brokers.azure import AzureMessageBroker
from diator.errors import BrokerAccessDenied, BrokerEntityDoesNotExist, BrokerError
from tests.aio.azure_parts import (
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
from tests.aio.conftest import sleep, together
from tests.servers.azure import inject, send_with_sdk


async def test_a_lock_is_renewed_while_a_handler_works() -> None:
    async with azure(entity={"lock_duration": 2, "max_delivery_count": 2}) as (server, broker):
        await broker.send_message(make(1))
        receiver = broker.receiver(visibility_timeout=30)
        delivery = await begin_one(receiver)
        await sleep(3.5)
        assert not await receiver.receive(1, NEVER)
        await receiver.settle(delivery, Ack())
        assert server.messages("q") == []


async def test_a_verdict_after_the_lock_is_lost_leaves_the_message_to_others() -> None:
    async with azure(entity={"lock_duration": 2}) as (server, broker):
        await broker.send_message(make(1))
        receiver = broker.receiver(visibility_timeout=30)
        delivery = await begin_one(receiver)
        server.call(lambda: [server.entity("q").abandon(token) for token in list(server.entity("q").locks)])
        await receiver.settle(delivery, DeadLetter("too late"))
        again = await begin_one(receiver)
        assert (again.attempt, again.delivery_id != delivery.delivery_id) == (2, True)
        assert server.messages("q/$DeadLetterQueue") == []


async def test_a_lock_that_is_lost_while_the_handler_works_is_noticed() -> None:
    async with azure(entity={"lock_duration": 1}) as (server, broker):
        await broker.send_message(make(1))
        receiver = broker.receiver(visibility_timeout=30)
        delivery = await begin_one(receiver)
        server.call(lambda: [server.entity("q").bury(token, "x", None) for token in list(server.entity("q").locks)])
        until = monotonic() + SOON
        while not await receiver.extend([delivery]) and monotonic() < until:
            await sleep(0.05)
        assert await receiver.extend([delivery]) == [delivery]
        assert not await receiver.begin(delivery)
        await receiver.settle(delivery, Ack())


async def test_a_lost_settlement_leaves_no_message_behind() -> None:
    async with azure(entity={"lock_duration": 1}) as (server, broker):
        await broker.send_message(make(1))
        receiver = broker.receiver()
        delivery = await begin_one(receiver)
        server.faults.lost_settlements = 1
        with suppress(BrokerError):  # or it is settled on a new connection, or comes again: its lock has expired
            await receiver.settle(delivery, Ack())
        if server.messages("q"):
            assert await take_and_acknowledge(receiver, 1) == [1]
        assert server.messages("q") == []


async def test_receiving_survives_connections_that_are_reset_and_links_that_are_detached() -> None:
    async with azure() as (server, broker):
        receiver = broker.receiver()
        for number, fault in enumerate((server.faults.drop_connections, lambda: server.faults.detach_links("q"))):
            await broker.send_message(make(number))
            assert await take_and_acknowledge(receiver, 1) == [number]
            fault()
            await broker.send_message(make(number + 10))
            assert await take_and_acknowledge(receiver, 1) == [number + 10]


async def test_a_connection_is_kept_for_many_messages() -> None:
    async with azure() as (server, broker):
        await broker.send_messages([make(number) for number in range(110)])
        receiver = broker.receiver()
        await take_and_acknowledge(receiver, 1)
        connections = set(server.connections)
        assert await take_and_acknowledge(receiver, 109) == list(range(1, 110))
        assert server.connections == connections


async def test_all_connections_that_were_cut_come_back_at_the_same_time() -> None:
    """Or an outage would last longer with each of them: only one looks for messages at a time."""

    async def receive() -> Any:
        return await receiver.receive(4, SOON)

    async def watch() -> int:
        until = monotonic() + SOON
        while len(server.connections - cut) < 4 and monotonic() < until:
            await sleep(0.02)
        found = len(server.connections - cut)
        await receiver.stop()
        return found

    async with azure() as (server, broker):
        await broker.send_messages([make(number) for number in range(4)])
        receiver = broker.receiver(concurrency=4)
        for delivery in await take(receiver, 4):
            await receiver.settle(delivery, Ack())
        cut = set(server.connections)
        server.faults.drop_connections()
        nothing, open_again = await together(receive, watch)
        assert (list(nothing), open_again) == ([], 4)


async def test_a_connection_that_was_cut_is_noticed_without_using_it_and_opened_again() -> None:
    async def check() -> list[bool]:
        link = await broker._entity.receiver()
        found = [is_cut(link)]
        server.faults.drop_connections()
        until = monotonic() + SOON
        while not is_cut(link) and monotonic() < until:
            await pause(0.01)
        found.append(is_cut(link))
        await broker._entity.mend(link)
        found.append(is_cut(link))
        await broker._entity.hang_up(link)
        return found

    async with azure() as (server, broker):
        assert await broker._home.run(check) == [False, True, False]


async def test_a_message_is_settled_on_a_new_connection() -> None:
    async with azure(entity={"lock_duration": 20}) as (server, broker):
        await broker.send_message(make(1))
        receiver = broker.receiver()
        delivery = await begin_one(receiver)
        server.faults.drop_connections()
        await receiver.settle(delivery, Ack())
        assert server.messages("q") == []


async def test_receiving_goes_on_when_the_service_is_back() -> None:
    async with azure() as (server, broker):
        await broker.send_message(make(1))
        receiver = broker.receiver()
        assert await take_and_acknowledge(receiver, 1) == [1]
        server.faults.stop_listening()
        with pytest.raises(BrokerError):
            while True:
                assert not await receiver.receive(1, SOON)
        await sleep(3)
        server.faults.resume_listening()
        await broker.send_message(make(2))
        while True:
            try:
                assert await take_and_acknowledge(receiver, 1) == [2]
                break
            except BrokerError:
                await sleep(0.1)


async def test_receiving_goes_on_when_a_server_that_hung_goes_on() -> None:
    async with azure() as (server, broker):
        receiver = broker.receiver()
        await broker.send_message(make(1))
        assert await take_and_acknowledge(receiver, 1) == [1]
        server.faults.freeze()
        inject(server, "q", JSONSerializer().encode(make(2)))
        assert not await receiver.receive(1, 1)
        server.faults.thaw()
        assert await take_and_acknowledge(receiver, 1) == [2]


async def test_what_the_sdk_cannot_read_does_not_stop_a_receiver() -> None:
    """The service itself puts it aside, when it has been delivered too often."""
    async with azure(entity={"lock_duration": 1, "max_delivery_count": 2}) as (server, broker):
        send_with_sdk(server, "q", b"unreadable", {"price": Decimal("9.99")})
        await broker.send_message(make(1))
        receiver = broker.receiver()
        assert await take_and_acknowledge(receiver, 1) == [1]
        until = monotonic() + SOON
        while server.messages("q") and monotonic() < until:
            await receiver.receive(1, NEVER)
        assert len(server.messages("q/$DeadLetterQueue")) == 1


async def test_what_others_send_is_received_as_far_as_it_goes() -> None:
    async with azure() as (server, broker):
        send_with_sdk(server, "q", b"{}", {"text": "t", "number": 7}, correlation_id="c", session_id="s")
        inject(server, "q", b"\xff\x00")
        receiver = broker.receiver()
        one, two = await take(receiver, 2)
        assert one.body == b"{}"
        assert dict(one.headers) == {"text": "t", "correlation_id": "c", "partition_key": "s"}
        assert two.body == b"\xff\x00"


@pytest.mark.parametrize("at_token", [True, False])
async def test_a_missing_entity_is_told_to_those_who_receive(at_token: bool) -> None:
    async with azure(queue_name="missing") as (server, broker):
        server.security.missing_entity_at_token = at_token
        with pytest.raises(BrokerEntityDoesNotExist):
            await broker.receiver().receive(1, SOON)
        with pytest.raises(BrokerEntityDoesNotExist):
            await broker.dead_letters.list()


@pytest.mark.parametrize("at_token", [True, False])
async def test_a_wrong_key_is_told_to_those_who_receive(at_token: bool) -> None:
    async with azure() as (server, _):
        server.security.refuses_links = not at_token
        key = "Y2FuYXJ5LWNhbmFyeQ==" if at_token else server.security.key
        source = server.connection_string.replace(server.security.key, key)
        denied = AzureMessageBroker(source, queue_name="q")
        with pytest.raises(BrokerAccessDenied):
            await denied.receiver().receive(1, SOON)
        with pytest.raises(BrokerAccessDenied):
            await denied.dead_letters.list()
        await denied.aclose()


async def test_a_subscription_that_gives_a_message_back_does_not_disturb_the_others() -> None:
    async with azure(queue_name=None, topic_name="t", subscription_name="one") as (server, broker):
        server.add_topic("t", "one", "two")
        other = AzureMessageBroker(server.connection_string, "t", subscription_name="two")
        await broker.send_message(make(1))
        receiver, others = broker.receiver(), other.receiver()
        assert await take_and_acknowledge(others, 1) == [1]
        await receiver.settle(await begin_one(receiver), Retry(0.2, frozenset({"handler"})))
        again = await begin_one(receiver)
        assert (again.attempt, again.done) == (2, {"handler"})
        await receiver.settle(again, DeadLetter("broken"))
        assert await broker.dead_letters.retry_all() == 1
        assert await take_and_acknowledge(receiver, 1) == [1]
        assert not await others.receive(1, NEVER)
        assert server.messages("t/Subscriptions/two") == []
        await other.aclose()


async def test_a_copy_keeps_the_id_of_its_message_and_gets_past_duplicate_detection() -> None:
    async with azure(entity={"duplicate_window": 60}) as (server, broker):
        message = make(1, "key", correlation_id="c")
        await broker.send_message(message)
        receiver = broker.receiver()
        await receiver.settle(await begin_one(receiver), Retry(0.1))
        [stored] = server.messages("q")
        assert stored.wire.message_id != str(message.message_id)
        again = await begin_one(receiver)
        assert read(again) == message
        assert again.attempt == 2


async def test_the_service_counts_a_delivery_of_a_process_that_died() -> None:
    async with azure(entity={"lock_duration": 1}) as (server, broker):
        await broker.send_message(make(1))
        receiver = broker.receiver()
        delivery = await begin_one(receiver)
        server.call(lambda: [server.entity("q").abandon(token) for token in list(server.entity("q").locks)])
        other = broker.receiver()
        again = await begin_one(other)
        assert (delivery.attempt, again.attempt) == (1, 2)


async def test_unordered_receiving_brings_everything() -> None:
    async with azure(ordered=False) as (server, broker):
        await broker.send_messages([make(number) for number in range(30)])
        receiver = broker.receiver(concurrency=4)
        taken: list[int] = []
        while len(taken) < 30:
            deliveries = await receiver.receive(4, SOON)
            taken += numbers(deliveries)
            for delivery in deliveries:
                await receiver.settle(delivery, Ack())
        assert sorted(taken) == list(range(30))
        assert server.messages("q") == []


async def test_closing_is_quick_whatever_a_receiver_waits_for() -> None:
    async with azure() as (_server, broker):
        receiver = broker.receiver()

        async def receive() -> Any:
            return await receiver.receive(3, 20)

        async def stop_late() -> None:
            await sleep(1)
            await receiver.stop()

        await together(receive, stop_late)
        begin = monotonic()
        await broker.aclose()
        assert monotonic() - begin < SOON


async def test_dead_letters_of_the_service_itself_are_listed() -> None:
    async with azure(entity={"max_delivery_count": 1, "lock_duration": 0.5}) as (_server, broker):
        await broker.send_message(make(1))
        receiver = broker.receiver()
        delivery = await begin_one(receiver)
        await receiver.settle(delivery, Retry())
        [dead] = await broker.dead_letters.list()
        assert (dead.reason, dead.attempt, dead.dead_at) == ("MaxDeliveryCountExceeded", 1, None)


async def test_a_dead_letter_remembers_the_last_of_several_runs() -> None:
    async with azure() as (_, broker):
        await broker.send_message(make(1))
        receiver = broker.receiver()
        delivery = await begin_one(receiver)
        await receiver.begin(replace(delivery, attempt=4))
        await receiver.settle(delivery, DeadLetter("ValueError in delivery 4"))
        [dead] = await broker.dead_letters.list()
        assert (dead.reason, dead.attempt) == ("ValueError in delivery 4", 4)
        assert dead.dead_at is not None


async def test_a_broker_for_a_topic_alone_only_sends() -> None:
    async with azure(queue_name=None, topic_name="t") as (_, broker):
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
