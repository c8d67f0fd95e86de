"""Messages in the terms of Azure Service Bus and back, what giving one back takes, and who looks for messages."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diator._core.delivery import Ack, Delivery, Retry
from diator._core.serializers import JSONSerializer
from diator._core.servicebus import Arrived, Outgoing, by_session, in_runs, outgoing, read_properties
from diator._core.servicebus_pool import Held, Pool
from diator._core.servicebus_return import (
    Abandon,
    Release,
    Resend,
    describe_death,
    give_back,
    read_death,
    recall,
    remember,
    resend,
)
from diator._core.wire import Message

NONE: frozenset[str] = frozenset()


def received(sent: Outgoing, delivery_count: int = 0, sequence: int = 1) -> Arrived:
    """What arrives of a message, in the form of the SDK: names and texts are bytes."""
    properties = {name.encode(): value.encode() for name, value in sent.properties.items()}
    return read_properties(replace(sent, properties={}), properties, sequence, delivery_count)


@given(
    key=st.none() | st.text(min_size=1, max_size=5),
    correlation=st.none() | st.text(max_size=5),
    version=st.integers(1, 99),
)
def test_a_message_comes_back_as_it_was(key: str | None, correlation: str | None, version: int) -> None:
    message = Message(
        message_type="t",
        message_name="N",
        payload={"a": 1},
        partition_key=key,
        correlation_id=correlation,
        schema_version=version,
        occurred_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    serializer = JSONSerializer()
    arrived = received(outgoing(message, serializer.encode(message)))
    assert serializer.decode(arrived.message.body, arrived.headers) == message
    assert (arrived.attempt, arrived.done) == (1, NONE)


@given(
    delivery_count=st.integers(0, 9),
    runs=st.integers(0, 3),
    done=st.frozensets(st.text(max_size=4)),
    subscription=st.none() | st.just("s"),
    more=st.frozensets(st.text(max_size=4)),
)
def test_a_copy_goes_on_counting_and_forgets_no_handler(
    delivery_count: int, runs: int, done: frozenset[str], subscription: str | None, more: frozenset[str]
) -> None:
    arrived = received(Outgoing(body=b"x", message_id="event"), delivery_count)
    for known in (done, more):
        begun = arrived.attempt + runs
        how = give_back(arrived, begun, arrived.done | known, after=1.0, subscription=subscription)
        assert isinstance(how, Resend)
        assert how.copy.message_id != "event"
        again = received(how.copy)
        assert (again.attempt, again.done) == (begun + 1, arrived.done | known)
        assert (again.message.message_id, again.message.body) == ("event", b"x")
        assert again.subscription == subscription
        assert again.headers == {}
        arrived = again
    fresh = received(resend(arrived, subscription))
    assert (fresh.attempt, fresh.done, fresh.message.message_id) == (1, NONE, "event")


ARRIVED = received(Outgoing(body=b"", message_id="1"), 2)


@pytest.mark.parametrize(
    ("begun", "done", "options", "how"),
    [
        (0, NONE, {}, Release()),
        (3, NONE, {}, Abandon()),
        (3, NONE, {"keeps_place": True, "after": 2.0}, Abandon(2.0)),
        (5, frozenset({"a"}), {"keeps_place": True}, Abandon(0, 2, frozenset({"a"}))),
        (0, NONE, {"keeps_place": True, "after": 2.0}, Abandon(2.0)),
    ],
)
def test_the_cheapest_way_that_forgets_nothing_is_taken(
    begun: int, done: frozenset[str], options: dict[str, Any], how: Any
) -> None:
    assert give_back(ARRIVED, begun, done, **options) == how


@pytest.mark.parametrize(("begun", "attempt"), [(0, 3), (3, 4), (6, 7)])
def test_a_delay_takes_a_copy(begun: int, attempt: int) -> None:
    how = give_back(ARRIVED, begun, NONE, after=2.0)
    assert isinstance(how, Resend)
    assert (received(how.copy).attempt, how.after) == (attempt, 2.0)


@pytest.mark.parametrize("value", ["-1", "x", "1" * 20, "\u0661"])
def test_nonsense_in_our_properties_is_ignored(value: str) -> None:
    sent = Outgoing(body=b"", message_id="1", properties={"diator-attempts": value, "diator-done": value})
    assert (received(sent).attempt, received(sent).done) == (1, NONE)


def test_a_session_remembers_the_message_at_its_head() -> None:
    state = remember(None, ARRIVED, Abandon(0, 2, frozenset({"a"})))
    again = recall(state, replace(ARRIVED, attempt=4))
    assert (again.attempt, again.done) == (6, {"a"})
    other = replace(ARRIVED, sequence=9)
    assert recall(state, other) == other
    how = give_back(again, 6, again.done, keeps_place=True)
    assert isinstance(how, Abandon)
    assert recall(remember(state, again, how), replace(ARRIVED, attempt=5)).attempt == 7


@pytest.mark.parametrize("state", ["mine", "[]", '{"diator": 1}', '{"other": [1, 2, []]}'])
def test_a_state_of_the_application_is_not_touched(state: str) -> None:
    assert recall(state, ARRIVED) == ARRIVED
    assert remember(state, ARRIVED, Abandon(0, 2, NONE)) == state


def test_a_death_is_described_and_read() -> None:
    now = datetime.now(UTC)
    assert read_death(describe_death(7, now), 0) == (7, now)
    assert read_death("Message could not be consumed", 10) == (10, None)
    assert read_death(None, 0) == (1, None)
    assert read_death("delivery 3 at noon", 2) == (2, None)


def test_batches_have_one_session_each() -> None:
    def make(session: str | None) -> Outgoing:
        return Outgoing(body=b"", message_id="1", session_id=session)

    numbered = [(number, make(session)) for number, session in enumerate(["a", "b", "a", None, None])]
    assert [[number for number, _ in group] for group in by_session(numbered)] == [[0, 2], [1], [3, 4]]
    assert [[number for number, _ in group] for group in in_runs(numbered)] == [[0], [1], [2], [3, 4]]


# who looks


def hold(pool: Pool, connection: str, sequence: int) -> Held:
    held = Held(connection, None, f"{connection}{sequence}", replace(ARRIVED, sequence=sequence, attempt=1))
    pool.admit(held, is_for_others=False)
    return held


def pool_of(*connections: str, one_looks: bool = False) -> Pool:
    pool = Pool(10, one_looks=one_looks)
    pool.connections.update(connections)
    return pool


def test_as_many_connections_look_as_messages_are_wanted() -> None:
    pool = pool_of("a", "b", "c")
    assert not pool.claim("a", 0)
    assert pool.want(2, 0, 1) == 0
    assert [pool.claim(connection, 0) for connection in "abc"] == [True, True, False]
    hold(pool, "a", 1)
    assert not pool.claim("c", 0)
    assert len(pool.take(2, 0)) == 1
    assert pool.claim("c", 0)


def test_for_order_one_looks_at_a_time_and_the_one_who_asked_goes_on() -> None:
    pool = pool_of("a", "b", one_looks=True)
    pool.want(2, 0, 1)
    assert pool.claim("a", 0)
    assert not pool.claim("b", 0)
    assert pool.claim("a", 0)
    pool.dropped("a")
    assert pool.claim("b", 0)


def test_who_has_a_session_does_not_wait_for_those_who_want_one() -> None:
    pool = pool_of("a", "b")
    pool.want(1, 0, 1)
    assert pool.claim("a", 0, needs_session=True)
    assert not pool.claim("b", 0, needs_session=True)
    assert pool.claim("b", 0)


def test_connections_are_opened_for_what_is_wanted_beside_what_is_held() -> None:
    pool = pool_of()
    assert pool.want(3, 0, 1) == 3
    pool.connections.update("abc")
    hold(pool, "a", 1)
    assert pool.want(2, 0, 1) == 0
    pool.take(1, 0)
    assert pool.want(3, 0, 1) == 1


def test_nobody_looks_when_nobody_has_waited_for_some_time() -> None:
    pool = pool_of("a")
    pool.want(1, 0, 1)
    assert pool.claim("a", 4.9)
    assert not pool.claim("a", 5.1)


def test_messages_are_handed_out_in_the_order_of_the_queue() -> None:
    pool = pool_of("a", "b", "c")
    for connection, sequence in (("a", 3), ("b", 1), ("c", 2)):
        hold(pool, connection, sequence)
    assert [delivery.delivery_id for delivery in pool.take(2, 0)] == ["b1", "c2"]
    assert [delivery.delivery_id for delivery in pool.take(2, 0)] == ["a3"]


def test_what_is_kept_too_long_is_given_up() -> None:
    pool = pool_of("a")
    held = hold(pool, "a", 1)
    [delivery] = pool.take(1, 5)
    assert pool.next_step(held, 14.9) is None
    assert pool.extend([delivery], 14.9) == []
    assert pool.next_step(held, 24) is None
    assert pool.next_step(held, 25) == Retry()
    assert pool.extend([delivery], 25) == [delivery]
    over: list[Exception | None] = []
    pool.settle(delivery, Ack(), over.append)
    assert over == [None]
    assert held.order == Retry()
    assert not pool.begin(delivery)


def test_what_is_found_when_nobody_waits_any_more_is_left_to_others() -> None:
    pool = pool_of("a", "b")
    pool.want(1, 0, 1)
    held = hold(pool, "a", 1)
    assert pool.next_step(held, 4.9) is None
    pool.want(1, 4.9, 5)
    assert pool.next_step(held, 9.8) is None
    assert pool.next_step(held, 10) == Retry()
    assert pool.take(1, 10) == []
    assert pool.next_step(hold(pool, "b", 2), 10) == Retry()


def test_stopping_gives_back_what_nobody_has_got_and_closing_the_rest() -> None:
    pool = pool_of("a", "b", "c")
    handed, found = hold(pool, "a", 1), hold(pool, "b", 2)
    [delivery] = pool.take(1, 0)
    pool.stop()
    assert (handed.order, found.order, pool.take(9, 0)) == (None, Retry(), [])
    assert pool.begin(delivery)
    late = hold(pool, "c", 3)
    assert late.order == Retry()
    assert pool.close() == set()
    assert handed.order == Retry()
    pool.let_go(handed)
    assert pool.close() == {"a"}


def test_a_copy_for_others_is_acknowledged_unseen() -> None:
    pool = pool_of("a")
    held = Held("a", None, "1", ARRIVED)
    pool.admit(held, is_for_others=True)
    assert held.order == Ack()
    assert pool.take(1, 0) == []


def test_only_the_first_verdict_counts() -> None:
    pool = pool_of("a")
    held = hold(pool, "a", 1)
    [delivery] = pool.take(1, 0)
    first, second, unknown = list[Exception | None](), list[Exception | None](), list[Exception | None]()
    pool.settle(delivery, Ack(), first.append)
    pool.settle(delivery, Retry(), second.append)
    assert held.order == Ack()
    pool.settle(Delivery(body=b"", delivery_id="unknown"), Ack(), unknown.append)
    assert (first, second, unknown) == ([], [None], [None])


@pytest.mark.parametrize("error", [None, OSError("cut")])
def test_whoever_settles_is_told_once_when_it_is_over_and_what_went_wrong(error: Exception | None) -> None:
    pool = pool_of("a")
    held = hold(pool, "a", 1)
    [delivery] = pool.take(1, 0)
    told: list[Exception | None] = []
    pool.settle(delivery, Ack(), told.append)
    held.error = error
    pool.let_go(held)
    held.end()
    assert told == [error]
