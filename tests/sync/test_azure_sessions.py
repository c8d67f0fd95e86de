# Generated from tests/aio/test_azure_sessions.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Sessions of Azure Service Bus: messages with the same key stay in order, across all who receive."""

from dataclasses import replace
from typing import Any

from diator._core.delivery import Ack, DeadLetter, Retry
from tests.sync.azure_parts import NEVER, SOON, azure, begin_one, make, numbers, read, take_and_acknowledge
from tests.sync.conftest import together

SESSIONS: dict[str, Any] = {"sessions": True, "entity": {"requires_session": True, "lock_duration": 5}}


def test_receivers_share_sessions_and_each_key_stays_in_order() -> None:
    handled: dict[str, list[int]] = {"a": [], "b": [], "c": [], "d": []}
    count = 6 * len(handled)

    def work() -> None:
        receiver = broker.receiver()
        while sum(map(len, handled.values())) < count:
            for delivery in receiver.receive(2, 1):
                message = read(delivery)
                handled[message.partition_key or ""].append(message.payload["number"])
                receiver.settle(delivery, Ack())
        receiver.close()

    with azure(**SESSIONS) as (server, broker):
        broker.send_messages([make(number, key) for number in range(6) for key in handled])
        together(work, work)
        assert handled == {key: list(range(6)) for key in handled}
        assert server.messages("q") == []


def test_the_next_message_of_a_session_waits_until_the_one_before_is_settled() -> None:
    with azure(**SESSIONS) as (_, broker):
        broker.send_messages([make(1, "a"), make(2, "a"), make(3, "b")])
        receiver = broker.receiver()
        one = begin_one(receiver)
        [other] = receiver.receive(1, SOON)
        assert sorted(numbers([one, other])) == [1, 3]
        assert not receiver.receive(1, NEVER)
        receiver.settle(other if numbers([other]) == [1] else one, Ack())
        [two] = receiver.receive(1, SOON)
        assert numbers([two]) == [2]


def test_a_retried_message_keeps_its_place_and_what_is_known_of_it() -> None:
    with azure(**SESSIONS) as (_, broker):
        broker.send_messages([make(1, "a"), make(2, "a")])
        receiver = broker.receiver()
        first = begin_one(receiver)
        receiver.begin(replace(first, attempt=2, done=frozenset({"one"})))
        receiver.settle(first, Retry(0.3, frozenset({"two"})))
        again = begin_one(receiver)
        assert (numbers([again]), again.attempt, again.done) == ([1], 3, {"one", "two"})
        receiver.settle(again, Retry())
        last = begin_one(receiver)
        assert (numbers([last]), last.attempt, last.done) == ([1], 4, {"one", "two"})
        receiver.settle(last, Ack())
        assert take_and_acknowledge(receiver, 1) == [2]


def test_a_state_of_the_application_is_left_alone() -> None:
    with azure(**SESSIONS) as (server, broker):
        server.call(lambda: setattr(server.entity("q").sessions["a"], "state", b"mine"))
        broker.send_message(make(1, "a"))
        receiver = broker.receiver()
        receiver.settle(begin_one(receiver), Retry(done=frozenset({"one"})))
        again = begin_one(receiver)
        assert (again.attempt, again.done) == (2, frozenset())
        assert server.entity("q").sessions["a"].state == b"mine"


def test_a_message_without_a_key_is_a_session_of_its_own() -> None:
    with azure(**SESSIONS) as (server, broker):
        broker.send_messages([make(1), make(2)])
        assert len({stored.wire.session_id for stored in server.messages("q")}) == 2
        receiver = broker.receiver()
        assert sorted(take_and_acknowledge(receiver, 2)) == [1, 2]


def test_the_lock_of_a_session_is_renewed_while_a_handler_works() -> None:
    with azure(sessions=True, entity={"requires_session": True, "lock_duration": 2}) as (server, broker):
        broker.send_message(make(1, "a"))
        receiver = broker.receiver()
        delivery = begin_one(receiver)
        assert not receiver.receive(1, 3.5)
        receiver.settle(delivery, Ack())
        assert server.messages("q") == []


def test_dead_letters_of_a_session_go_back_to_it() -> None:
    with azure(**SESSIONS) as (_, broker):
        broker.send_message(make(1, "a"))
        receiver = broker.receiver()
        receiver.settle(begin_one(receiver), DeadLetter("broken"))
        assert broker.dead_letters.retry_all() == 1
        again = begin_one(receiver)
        assert (read(again).partition_key, again.attempt) == ("a", 1)
