"""What becomes of a delivery."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diator._core.delivery import Ack, DeadLetter, Delivery, Retry, RetryPolicy, decide
from diator.errors import EventHandlingError, MessageDecodeError

some = settings(derandomize=True, deadline=None, database=None, max_examples=100)
jitters = st.floats(0, 1)
policies = st.builds(
    RetryPolicy,
    max_deliveries=st.integers(1, 10),
    first_delay=st.floats(0, 10),
    factor=st.floats(1, 10),
    max_delay=st.floats(10, 1000),
)


def test_success_is_acknowledged() -> None:
    assert decide(None, 1, RetryPolicy(), 0.5) == Ack()
    assert decide(None, 99, RetryPolicy(), 0.5) == Ack()


def test_what_cannot_be_read_goes_to_the_dead_letters_at_once_with_its_reason() -> None:
    assert decide(MessageDecodeError("the body is not JSON"), 1, RetryPolicy(), 0) == DeadLetter("the body is not JSON")


def test_a_failure_is_retried_until_the_last_delivery() -> None:
    policy = RetryPolicy(max_deliveries=3, first_delay=1, factor=2)
    assert decide(KeyError("x"), 1, policy, 1) == Retry(1)
    assert decide(KeyError("x"), 2, policy, 1) == Retry(2)
    assert decide(KeyError("x"), 3, policy, 1) == DeadLetter("KeyError in delivery 3 of at most 3")
    assert isinstance(decide(KeyError("x"), 4, policy, 1), DeadLetter)


def test_the_reason_names_what_was_raised_and_quotes_nothing() -> None:
    error = EventHandlingError("hunter2", [KeyError("hunter2"), ExceptionGroup("hunter2", [OSError("hunter2")])])
    verdict = decide(error, 5, RetryPolicy(), 0)
    assert verdict == DeadLetter("KeyError, OSError in delivery 5 of at most 5")


@some
@given(policy=policies, attempt=st.integers(1, 10_000), jitter=jitters)
def test_the_delay_never_exceeds_its_limit(policy: RetryPolicy, attempt: int, jitter: float) -> None:
    assert 0 <= policy.delay(attempt, jitter) <= policy.max_delay


@some
@given(policy=policies, attempt=st.integers(1, 1000), jitter=jitters)
def test_the_delay_grows_with_the_attempts_and_at_least_half_of_it_is_fixed(
    policy: RetryPolicy, attempt: int, jitter: float
) -> None:
    assert policy.delay(attempt, jitter) <= policy.delay(attempt + 1, jitter)
    assert policy.delay(attempt, 1) / 2 == policy.delay(attempt, 0) <= policy.delay(attempt, jitter)


def test_no_first_delay_means_no_delay() -> None:
    assert RetryPolicy(first_delay=0).delay(10_000, 1) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_deliveries": 0},
        {"factor": 0.5},
        {"first_delay": -1},
        {"first_delay": 2, "max_delay": 1},
        {"factor": "nan"},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
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
