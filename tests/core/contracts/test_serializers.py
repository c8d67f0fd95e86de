"""What every serializer must do. A new one is a line in SERIALIZERS."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diator._core.serializers import JSONSerializer, Serializer
from diator._core.wire import MAX_HEADERS, Message
from diator.errors import MessageDecodeError, MessageEncodeError

SERIALIZERS: dict[str, Any] = {
    "json": JSONSerializer,
}

some = settings(derandomize=True, deadline=None, database=None, max_examples=100)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)
messages = st.builds(
    Message,
    message_type=text,
    message_name=text,
    message_id=st.uuids(),
    payload=st.dictionaries(text, json_values, max_size=5),
    schema_version=st.integers(1, 10**9 - 1),
    occurred_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    correlation_id=st.none() | text,
    causation_id=st.none() | text,
    partition_key=st.none() | text,
    traceparent=st.none() | text,
)


@pytest.fixture(params=SERIALIZERS, scope="module")
def serializer(request: pytest.FixtureRequest) -> Serializer:
    return SERIALIZERS[request.param]()


def make(**values: Any) -> Message:
    return Message(**{"message_type": "ecst_event", "message_name": "Renamed", "payload": {"name": "Ada"}} | values)


@some
@given(message=messages)
def test_a_message_comes_back_equal_with_its_headers_outside(serializer: Serializer, message: Message) -> None:
    assert serializer.decode(serializer.encode(message), message.headers()) == message


@some
@given(message=messages)
def test_a_message_comes_back_equal_with_its_headers_inside(serializer: Serializer, message: Message) -> None:
    assert serializer.decode(serializer.encode(message, headers_inside=True)) == message


def test_headers_outside_win_over_headers_inside(serializer: Serializer) -> None:
    body = serializer.encode(make(correlation_id="inside", causation_id="inside"), headers_inside=True)
    message = serializer.decode(body, {"correlation_id": "outside"})
    assert (message.correlation_id, message.causation_id) == ("outside", "inside")


def test_a_message_names_the_content_type_of_the_serializer(serializer: Serializer) -> None:
    body = serializer.encode(make())
    assert serializer.decode(body, {"content_type": serializer.content_type}) == serializer.decode(body)
    with pytest.raises(MessageDecodeError, match="content_type"):
        serializer.decode(body, {"content_type": "application/x-other"})


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        2**64,
        -(2**63) - 1,
        10**4000,
        "\ud800",
        {1: "a"},
        {None: 1},
        (1, 2),
        {1, 2},
        {10**4000},
        UUID(int=1),
        object(),
        ["x" * 300_000],
    ],
    ids=range(14),
)
def test_a_payload_that_would_come_back_different_is_refused(serializer: Serializer, value: Any) -> None:
    with pytest.raises(MessageEncodeError, match="Renamed") as caught:
        serializer.encode(make(payload={"deep": [{"inside": value}]}))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("wrong", [{"schema_version": 0}, {"schema_version": 10**9}, {"content_type": "text/x-other"}])
def test_headers_that_would_be_refused_are_not_written(serializer: Serializer, wrong: dict[str, Any]) -> None:
    with pytest.raises(MessageEncodeError, match=next(iter(wrong))):
        serializer.encode(make(**wrong))


@pytest.mark.parametrize("levels", [62, 63])
def test_what_is_too_deep_to_be_read_is_not_written(serializer: Serializer, levels: int) -> None:
    payload: dict[str, Any] = {}
    for _ in range(levels - 1):
        payload = {"in": payload}
    message = make(payload=payload)
    assert serializer.decode(serializer.encode(message)) == message
    with pytest.raises(MessageEncodeError, match="nested deeper"):
        serializer.encode(make(payload={"in": {"in": payload}}))


def test_a_payload_that_contains_itself_is_refused(serializer: Serializer) -> None:
    payload: dict[str, Any] = {}
    payload["self"] = payload
    with pytest.raises(MessageEncodeError, match="contains itself"):
        serializer.encode(make(payload=payload))


def test_headers_beyond_the_limit_are_neither_written_nor_read(serializer: Serializer) -> None:
    body = serializer.encode(make())
    with pytest.raises(MessageEncodeError, match="headers have"):
        serializer.encode(make(correlation_id="é" * (MAX_HEADERS // 2)))
    with pytest.raises(MessageDecodeError, match="headers have"):
        serializer.decode(body, {"unknown": "x" * MAX_HEADERS})


@pytest.mark.parametrize("headers", [{"correlation_id": b"x"}, {1: "x"}, {"correlation_id": "\ud800"}])
def test_headers_that_are_not_text_are_refused(serializer: Serializer, headers: Any) -> None:
    with pytest.raises(MessageDecodeError, match="not text"):
        serializer.decode(serializer.encode(make()), headers)


@pytest.mark.parametrize("version", ["", "0", "-1", "1.0", "one", "٣", "1" * 10, " 1"])
def test_a_schema_version_that_is_no_positive_integer_is_refused(serializer: Serializer, version: str) -> None:
    with pytest.raises(MessageDecodeError, match="schema_version"):
        serializer.decode(serializer.encode(make()), {"schema_version": version})


def test_a_moment_without_zone_is_taken_as_utc(serializer: Serializer) -> None:
    body = serializer.encode(make())
    moment = serializer.decode(body, {"occurred_at": "2023-03-06T12:11:35.103792"}).occurred_at
    assert moment == datetime(2023, 3, 6, 12, 11, 35, 103792, UTC)
    assert moment.utcoffset() == timedelta(0)
    with pytest.raises(MessageDecodeError, match="occurred_at"):
        serializer.decode(body, {"occurred_at": "yesterday"})


@some
@given(body=st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_but_a_decode_error(serializer: Serializer, body: bytes) -> None:
    with pytest.raises(MessageDecodeError):
        serializer.decode(body)


@settings(some, max_examples=300)
@given(data=st.data())
def test_a_damaged_body_raises_nothing_but_a_decode_error(serializer: Serializer, data: st.DataObject) -> None:
    body = bytearray(serializer.encode(data.draw(messages), headers_inside=True))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with suppress(MessageDecodeError):
        serializer.decode(bytes(body))
