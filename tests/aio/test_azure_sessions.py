"""Sessions of Azure Service Bus: messages with the same key stay in order, across all who receive."""

from dataclasses import replace
from typing import Any

from diator._core.delivery import Ack, DeadLetter, Retry
from tests.aio.azure_parts import NEVER, SOON, azure, begin_one, make, numbers, read, take_and_acknowledge
from tests.aio.conftest import together

SESSIONS: dict[str, Any] = {"sessions": True, "entity": {"requires_session": True, "lock_duration": 5}}


async def test_receivers_share_sessions_and_each_key_stays_in_order() -> None:
    handled: dict[str, list[int]] = {"a": [], "b": [], "c": [], "d": []}
    count = 6 * len(handled)

    async def work() -> None:
        receiver = broker.receiver()
        while sum(map(len, handled.values())) < count:
            for delivery in await receiver.receive(2, 1):
                message = read(delivery)
                handled[message.partition_key or ""].append(message.payload["number"])
                await receiver.settle(delivery, Ack())
        await receiver.aclose()

    async with azure(**SESSIONS) as (server, broker):
        await broker.send_messages([make(number, key) for number in range(6) for key in handled])
        await together(work, work)
        assert handled == {key: list(range(6)) for key in handled}
        assert server.messages("q") == []


async def test_the_next_message_of_a_session_waits_until_the_one_before_is_settled() -> None:
    async with azure(**SESSIONS) as (_, broker):
        await broker.send_messages([make(1, "a"), make(2, "a"), make(3, "b")])
        receiver = broker.receiver()
        one = await begin_one(receiver)
        [other] = await receiver.receive(1, SOON)
        assert sorted(numbers([one, other])) == [1, 3]
        assert not await receiver.receive(1, NEVER)
        await receiver.settle(other if numbers([other]) == [1] else one, Ack())
        [two] = await receiver.receive(1, SOON)
        assert numbers([two]) == [2]


async def test_a_retried_message_keeps_its_place_and_what_is_known_of_it() -> None:
    async with azure(**SESSIONS) as (_, broker):
        await broker.send_messages([make(1, "a"), make(2, "a")])
        receiver = broker.receiver()
        first = await begin_one(receiver)
        await receiver.begin(replace(first, attempt=2, done=frozenset({"one"})))
        await receiver.settle(first, Retry(0.3, frozenset({"two"})))
        again = await begin_one(receiver)
        assert (numbers([again]), again.attempt, again.done) == ([1], 3, {"one", "two"})
        await receiver.settle(again, Retry())
        last = await begin_one(receiver)
        assert (numbers([last]), last.attempt, last.done) == ([1], 4, {"one", "two"})
        await receiver.settle(last, Ack())
        assert await take_and_acknowledge(receiver, 1) == [2]


async def test_a_state_of_the_application_is_left_alone() -> None:
    async with azure(**SESSIONS) as (server, broker):
        server.call(lambda: setattr(server.entity("q").sessions["a"], "state", b"mine"))
        await broker.send_message(make(1, "a"))
        receiver = broker.receiver()
        await receiver.settle(await begin_one(receiver), Retry(done=frozenset({"one"})))
        again = await begin_one(receiver)
        assert (again.attempt, again.done) == (2, frozenset())
        assert server.entity("q").sessions["a"].state == b"mine"


async def test_a_message_without_a_key_is_a_session_of_its_own() -> None:
    async with azure(**SESSIONS) as (server, broker):
        await broker.send_messages([make(1), make(2)])
        assert len({stored.wire.session_id for stored in server.messages("q")}) == 2
        receiver = broker.receiver()
        assert sorted(await take_and_acknowledge(receiver, 2)) == [1, 2]


async def test_the_lock_of_a_session_is_renewed_while_a_handler_works() -> None:
    async with azure(sessions=True, entity={"requires_session": True, "lock_duration": 2}) as (server, broker):
        await broker.send_message(make(1, "a"))
        receiver = broker.receiver()
        delivery = await begin_one(receiver)
        assert not await receiver.receive(1, 3.5)
        await receiver.settle(delivery, Ack())
        assert server.messages("q") == []


async def test_dead_letters_of_a_session_go_back_to_it() -> None:
    async with azure(**SESSIONS) as (_, broker):
        await broker.send_message(make(1, "a"))
        receiver = broker.receiver()
        await receiver.settle(await begin_one(receiver), DeadLetter("broken"))
        assert await broker.dead_letters.retry_all() == 1
        again = await begin_one(receiver)
        assert (read(again).partition_key, again.attempt) == ("a", 1)
