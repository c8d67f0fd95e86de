"""What becomes of a delivery."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diator._core.delivery import (
    Ack,
    DeadLetter,
    Delivery,
    Retry,
    RetryPolicy,
    Verdict,
    decide,
    describe_error,
    refuse_late,
)
from diator.errors import EventHandlingError, MessageDecodeError, Reject, RetryLater

some = settings(derandomize=True, deadline=None, database=None, max_examples=100)
chances = st.floats(0, 1)
policies = st.builds(
    RetryPolicy,
    first_delay=st.floats(0, 10),
    factor=st.floats(1, 10),
    max_delay=st.floats(10, 1000),
    jitter=st.floats(0, 2),
)
POLICY = RetryPolicy(first_delay=1, factor=2, jitter=0.5)


def verdict(error: Exception | None, attempt: int = 1, chance: float = 0, **more: Any) -> Verdict:
    return decide(error, attempt, POLICY, max_deliveries=3, chance=chance, **more)


def test_success_is_acknowledged() -> None:
    assert verdict(None) == Ack()
    assert verdict(None, 99) == Ack()


def test_what_cannot_be_read_goes_to_the_dead_letters_at_once_with_its_reason() -> None:
    error = MessageDecodeError("the body is not JSON")
    assert verdict(error, unreadable=True) == DeadLetter("the body is not JSON")


def test_a_decoding_error_of_a_handler_is_no_reason_to_give_up() -> None:
    assert verdict(MessageDecodeError("hunter2")) == Retry(1)
    assert verdict(MessageDecodeError("hunter2"), 3) == DeadLetter("MessageDecodeError in delivery 3 of at most 3")


def test_a_failure_is_retried_until_the_last_delivery() -> None:
    assert verdict(KeyError("x"), 1) == Retry(1)
    assert verdict(KeyError("x"), 2, 1) == Retry(3)
    assert verdict(KeyError("x"), 3) == DeadLetter("KeyError in delivery 3 of at most 3")
    assert isinstance(verdict(KeyError("x"), 4), DeadLetter)


def test_a_retry_carries_what_is_done() -> None:
    assert verdict(KeyError(), done=frozenset({"a"})) == Retry(1, frozenset({"a"}))


def test_the_reason_names_what_was_raised_and_quotes_nothing() -> None:
    error = EventHandlingError("hunter2", [KeyError("hunter2"), ExceptionGroup("hunter2", [OSError("hunter2")])])
    assert verdict(error, 3) == DeadLetter("KeyError, OSError in delivery 3 of at most 3")
    assert "hunter2" not in describe_error(error)


def test_the_place_of_an_error_is_where_it_was_raised() -> None:
    def fail() -> None:
        raise KeyError("hunter2")

    with pytest.raises(KeyError) as caught:
        fail()
    assert describe_error(caught.value) == f" [KeyError in {__file__}:{fail.__code__.co_firstlineno + 1}]"
    assert describe_error(None) == ""


def test_a_handler_can_reject_a_message() -> None:
    assert verdict(Reject("the meeting is over")) == DeadLetter("the meeting is over")
    assert verdict(EventHandlingError("", [Reject("one"), Reject("two"), Reject("one")])) == DeadLetter("one; two")


def test_a_rejection_waits_for_handlers_that_may_still_succeed() -> None:
    error = EventHandlingError("", [Reject("no"), KeyError()])
    assert verdict(error) == Retry(1)
    assert verdict(error, 3) == DeadLetter("Reject, KeyError in delivery 3 of at most 3")


def test_a_handler_can_ask_for_a_delay() -> None:
    assert verdict(RetryLater(after=0.1)) == Retry(0.1)
    assert verdict(RetryLater(after=60), 2, 1) == Retry(60)
    assert verdict(RetryLater()) == Retry(1)
    assert verdict(EventHandlingError("", [RetryLater(after=0.1), RetryLater(after=60)])) == Retry(60)
    assert verdict(EventHandlingError("", [RetryLater(after=0.1), KeyError()])) == Retry(1)
    assert verdict(RetryLater(after=60), 3) == DeadLetter("RetryLater in delivery 3 of at most 3")


def test_a_long_reason_is_cut() -> None:
    reason = verdict(Reject("long " * 1000)).reason  # type: ignore[union-attr]
    assert len(reason) == 500
    assert reason.endswith("...")


def test_a_delivery_too_many_must_not_run() -> None:
    assert refuse_late(3, 3) is None
    assert refuse_late(4, 3) == DeadLetter("3 deliveries began and were never settled: it may have ended the process")


@pytest.mark.parametrize("after", [-1, math.nan, math.inf])
def test_a_delay_that_makes_no_sense_is_refused(after: float) -> None:
    with pytest.raises(ValueError, match="after must be"):
        RetryLater(after=after)


@some
@given(policy=policies, attempt=st.integers(1, 10_000), chance=chances)
def test_chance_only_extends_a_delay_and_not_without_end(policy: RetryPolicy, attempt: int, chance: float) -> None:
    shortest, longest = policy.delay(attempt, 0), policy.delay(attempt, 1)
    assert 0 <= shortest <= policy.delay(attempt, chance) <= longest
    assert shortest <= policy.max_delay
    assert longest <= policy.max_delay * (1 + policy.jitter)


@some
@given(policy=policies, attempt=st.integers(1, 1000), chance=chances)
def test_the_delay_grows_with_the_attempts(policy: RetryPolicy, attempt: int, chance: float) -> None:
    assert policy.delay(attempt, chance) <= policy.delay(attempt + 1, chance)


def test_no_first_delay_means_no_delay() -> None:
    assert RetryPolicy(first_delay=0).delay(10_000, 1) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"factor": 0.5},
        {"factor": "nan"},
        {"first_delay": -1},
        {"first_delay": 2, "max_delay": 1},
        {"max_delay": "inf"},
        {"jitter": -1},
        {"jitter": "nan"},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        RetryPolicy(**{name: float(value) for name, value in wrong.items()})  # type: ignore[arg-type]


@pytest.mark.parametrize("after", [-1, float("nan")])
def test_a_retry_in_the_past_is_refused(after: float) -> None:
    with pytest.raises(ValueError, match="after must be"):
        Retry(after)


def test_a_delivery_shows_neither_body_nor_headers_nor_handle() -> None:
    delivery = Delivery(body=b"hunter2", headers={"a": "hunter2"}, delivery_id="7.1", handle="hunter2")
    assert "7.1" in repr(delivery)
    assert "hunter2" not in repr(delivery)


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        Delivery(body=b"", delivery_id="1", attempt=0)
