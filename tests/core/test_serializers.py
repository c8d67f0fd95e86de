"""JSON: what the body looks like, and what is refused."""

import gzip
import json
import lzma
import time
import traceback
import zlib
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diator._core.serializers import JSONSerializer
from diator._core.strict_json import MAX_BODY, is_too_deep
from diator._core.wire import Message
from diator.errors import MessageDecodeError, MessageEncodeError, MessageError

SECRET = "hunter2"
ID = "82a0b10e-1b3d-4c3c-9bdd-3934f8f824c2"
BODY: dict[str, Any] = {
    "message_type": "notification_event",
    "message_name": "UserChanged",
    "message_id": ID,
    "payload": {"event_id": ID, "event_timestamp": "2023-03-06 12:11:35.103792", "changed_user_id": 987},
}

some = settings(derandomize=True, deadline=None, database=None, max_examples=200)
serializer = JSONSerializer()


def refuse(body: bytes | str, match: str, headers: dict[str, str] | None = None) -> None:
    raw = body if isinstance(body, bytes) else body.encode()
    with pytest.raises(MessageDecodeError, match=match):
        serializer.decode(raw, headers or {})


def test_the_body_has_the_four_keys_of_diator_0_1() -> None:
    message = Message(
        message_type="ecst_event", message_name="X", message_id=UUID(ID), payload={"a": 1}, correlation_id="c"
    )
    four = {"message_type": "ecst_event", "message_name": "X", "message_id": ID, "payload": {"a": 1}}
    assert json.loads(serializer.encode(message)) == four
    headers = {"content_type": "application/json", "schema_version": "1", "correlation_id": "c"}
    assert json.loads(serializer.encode(message, headers_inside=True)) == four | {"headers": headers}


def test_reads_what_diator_0_1_sends() -> None:
    message = serializer.decode(json.dumps(BODY).encode())
    assert message == Message(
        message_type="notification_event", message_name="UserChanged", message_id=UUID(ID), payload=BODY["payload"]
    )


def test_unknown_keys_and_headers_are_ignored() -> None:
    body = json.dumps(BODY | {"new": [1], "headers": {"new": "x"}})
    assert serializer.decode(body.encode(), {"other": "y"}) == serializer.decode(json.dumps(BODY).encode())


@pytest.mark.parametrize("key", BODY)
def test_a_missing_key_is_refused_by_name(key: str) -> None:
    refuse(json.dumps({name: value for name, value in BODY.items() if name != key}), f"{key} is missing")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"message_type": 1}, "message_type: expected str, got int"),
        ({"message_name": None}, "message_name: expected str, got null"),
        ({"message_id": SECRET}, "message_id: the value is not a valid one"),
        ({"payload": [SECRET]}, "payload: expected object, got array"),
        ({"headers": {"correlation_id": 1}}, "headers.*: expected str, got int"),
        ({"headers": {"content_type": "text/plain"}}, "content_type"),
        ({"headers": {"Content-Encoding": "gzip"}}, "content encoding"),
        ({"headers": {"x": "y" * 9000}}, "headers have"),
        ({"headers": {"schema_version": "x"}}, "schema_version"),
    ],
)
def test_a_wrong_envelope_is_refused(change: dict[str, Any], match: str) -> None:
    refuse(json.dumps(BODY | change), match)


@pytest.mark.parametrize("body", ["", "null", "[]", "1", '"x"'])
def test_a_body_that_is_no_object_is_refused(body: str) -> None:
    refuse(body, r"not a message|not valid JSON")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
def test_json_is_accepted(content_type: str) -> None:
    serializer.decode(json.dumps(BODY).encode(), {"content-type": content_type, "content_encoding": "identity"})


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "application/octet-stream"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"content-type": "application/jsonx"},
    ],
)
def test_any_other_content_type_is_refused(headers: dict[str, str]) -> None:
    refuse(json.dumps(BODY), "content_type is not application/json", headers)


@pytest.mark.parametrize("name", ["content_encoding", "Content-Encoding"])
def test_a_content_encoding_is_refused(name: str) -> None:
    refuse(json.dumps(BODY), "content encoding", {name: "br"})


@pytest.mark.parametrize(
    "compress", [gzip.compress, zlib.compress, lzma.compress, lambda _: b"\x28\xb5\x2f\xfd...", lambda _: b"BZh9"]
)
def test_a_compressed_body_is_refused(compress: Any) -> None:
    refuse(compress(json.dumps(BODY).encode()), "compressed")


def test_a_body_over_256_kib_is_refused_before_it_is_read() -> None:
    start = json.dumps(BODY | {"payload": {}})
    refuse(start + " " * (MAX_BODY + 1 - len(start)), f"{MAX_BODY + 1} bytes")
    serializer.decode((start + " " * (MAX_BODY - len(start))).encode())


@pytest.mark.parametrize(
    "body",
    [
        '{"message_type": "a", "message_type": "b"}',
        json.dumps(BODY)[:-1] + ',"payload": {}}',
        json.dumps(BODY).replace('"changed_user_id"', '"event_id"'),
        json.dumps(BODY)[:-2] + r',"x": {"\u0061": 1, "a": ":"}}}',
        json.dumps(BODY)[:-2] + ',"x": [{"a": {}}, {"b": {"c":1,"c":1}}]}}',
    ],
)
def test_a_key_that_is_there_twice_is_refused_everywhere(body: str) -> None:
    refuse(body, "same key twice")


def test_colons_braces_and_escapes_in_strings_are_no_keys_and_no_levels() -> None:
    payload = {r'":{"a\\': '[{":"\\"}' * 40, "é:": "\\\\", ':"': [":"]}
    body = json.dumps(BODY | {"payload": payload}, indent=1).encode()
    assert serializer.decode(body).payload == payload


@pytest.mark.parametrize(
    "body",
    ["{", '{"a":NaN}', '{"a":Infinity}', '{"a":1e999}', '{"a":"\\ud800"}', "{'a':1}", "{} {}", '{"a":01}', "\ufeff{}"],
)
def test_what_is_not_json_is_refused(body: str) -> None:
    refuse(body, "not valid JSON")


def test_other_encodings_are_refused() -> None:
    refuse(json.dumps(BODY).encode("utf-16"), "not valid JSON")
    refuse(b'{"a":"\xff"}', "not valid JSON")


@pytest.mark.parametrize("shape", ["[]", '{"":}'])
def test_more_than_64_levels_are_refused(shape: str) -> None:
    opening, closing = shape[:-1], shape[-1]
    assert not is_too_deep((opening * 64 + "1" + closing * 64).encode())
    assert is_too_deep((opening * 65 + "1" + closing * 65).encode())
    refuse(opening * 65 + "1" + closing * 65, "nested deeper than 64")


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert not is_too_deep(b"[" + b"[]," * 1000 + b"{}]")
    assert not is_too_deep(b'["' + b"[" * 1000 + b'"]')


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MAX_BODY,
        b"]" * MAX_BODY,
        b'[[[["' * (MAX_BODY // 5),
        b"[" * 99 + b'"' + b'\\"' * (MAX_BODY // 2 - 100),
        b"[" * 99 + b'"' + b"\\" * (MAX_BODY - 100),
        b"[]{}" * (MAX_BODY // 4),
        (b"[" * 60 + b"]" * 60) * (MAX_BODY // 120),
    ],
    ids=range(7),
)
def test_hostile_nesting_is_refused_in_little_time(body: bytes) -> None:
    begin = time.process_time()
    with pytest.raises(MessageDecodeError):
        serializer.decode(body)
    assert time.process_time() - begin < 1


def chars(tree: Any) -> Any:
    """Replace one leaf or key after the other by the canary."""
    yield SECRET
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield {SECRET if name == key else name: other for name, other in tree.items()}
            for changed in chars(value):
                yield tree | {key: changed}
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            for changed in chars(value):
                yield [*tree[:index], changed, *tree[index + 1 :]]


def assert_silent(error: MessageError) -> None:
    for text in (str(error), repr(error), *traceback.format_exception(error)):
        assert SECRET not in text


@pytest.mark.parametrize("form", [json.dumps, lambda tree: json.dumps(tree) + SECRET, lambda tree: SECRET, repr])
def test_no_error_quotes_the_body(form: Any) -> None:
    full = BODY | {"headers": {"content_type": "application/json", "schema_version": "1", "occurred_at": "2023-03-06"}}
    refused = 0
    for tree in chars(full):
        try:
            serializer.decode(form(tree).encode())
        except MessageDecodeError as error:
            refused += 1
            assert_silent(error)
    assert refused > 5


@pytest.mark.parametrize("name", ["content_type", "content_encoding", "schema_version", "occurred_at"])
def test_no_error_quotes_a_header(name: str) -> None:
    with pytest.raises(MessageDecodeError) as caught:
        serializer.decode(json.dumps(BODY).encode(), {name: SECRET})
    assert_silent(caught.value)


json_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(SECRET) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just(SECRET) | st.sampled_from([*BODY]), inner),
    max_leaves=10,
)


@some
@given(tree=json_trees | st.fixed_dictionaries({key: json_trees | st.just(value) for key, value in BODY.items()}))
def test_arbitrary_json_raises_nothing_but_a_silent_decode_error(tree: Any) -> None:
    try:
        serializer.decode(json.dumps(tree).encode())
    except MessageDecodeError as error:
        assert_silent(error)


@pytest.mark.parametrize("value", [float("nan"), "x" * (256 * 1024), {1: "a key"}, object()])
@pytest.mark.parametrize("headers_inside", [False, True])
def test_what_has_changed_since_a_message_was_encoded_is_looked_at_again(value: Any, headers_inside: bool) -> None:
    serializer = JSONSerializer()
    message = Message(message_type="notification_event", message_name="Joined", payload={"user_id": 7})
    first = serializer.encode(message, headers_inside=headers_inside)
    assert serializer.encode(message, headers_inside=headers_inside) == first
    message.payload["user_id"] = 8
    assert serializer.decode(serializer.encode(message, headers_inside=headers_inside)).payload == {"user_id": 8}
    message.payload["user_id"] = value
    with pytest.raises(MessageEncodeError):
        serializer.encode(message, headers_inside=headers_inside)


def test_headers_belong_to_whoever_asked_for_them() -> None:
    message = Message(message_type="notification_event", message_name="Joined", payload={})
    message.headers()["schema_version"] = "2"
    assert message.headers() == {"schema_version": "1", "content_type": "application/json"}
