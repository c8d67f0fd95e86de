"""The ids that go out with messages and come back into the context of handlers."""

from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry import trace

from diator import Command, NotificationEvent, Query, Request
from diator._core.causality import current_traceparent, enter
from diator.context import causation_id, correlation_id
from diator.errors import MessageDecodeError, RegistrationError, UnknownMessage
from diator.message_brokers import JSONSerializer, Message, RequestTypes, to_message

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True, kw_only=True)
class Happened(NotificationEvent):
    what: str = "it"


def in_copy(function: Callable[[], Any]) -> Any:
    return copy_context().run(function)


def message(**more: Any) -> Message:
    return Message(message_type="notification_event", message_name="Happened", payload={}, **more)


def test_a_message_without_a_context_names_no_cause() -> None:
    sent = to_message(Happened())
    assert (sent.correlation_id, sent.causation_id, sent.traceparent) == (None, None, None)


def test_the_application_may_set_the_correlation() -> None:
    def send() -> Message:
        correlation_id.set("request-7")
        return to_message(Happened())

    sent = in_copy(send)
    assert (sent.correlation_id, sent.causation_id) == ("request-7", None)


@pytest.mark.parametrize(("given", "expected"), [(None, "its id"), ("c", "c")])
def test_what_a_message_leads_to_carries_its_ids(given: str | None, expected: str) -> None:
    received = message(correlation_id=given, causation_id="older", traceparent="as it came")

    def handle() -> Message:
        enter(received)
        return to_message(Happened())

    sent = in_copy(handle)
    assert sent.correlation_id == (str(received.message_id) if expected == "its id" else expected)
    assert sent.causation_id == str(received.message_id)
    assert sent.traceparent == "as it came"
    assert (correlation_id.get(), causation_id.get()) == (None, None)


def test_what_is_given_wins_over_the_context() -> None:
    def handle() -> Message:
        enter(message(traceparent=PARENT))
        return to_message(Happened(), correlation_id="a", causation_id="b", traceparent="t", partition_key="k")

    sent = in_copy(handle)
    assert (sent.correlation_id, sent.causation_id, sent.traceparent, sent.partition_key) == ("a", "b", "t", "k")


def test_a_received_trace_is_the_parent_of_spans_and_goes_on() -> None:
    def handle() -> tuple[Any, str | None]:
        enter(message(traceparent=PARENT))
        return trace.get_current_span().get_span_context(), current_traceparent()

    span, parent = in_copy(handle)
    assert span.is_remote
    assert (span.trace_id, span.span_id) == (0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)
    assert span.trace_flags.sampled
    assert parent == PARENT


def test_the_current_span_goes_out_with_a_message() -> None:
    span = trace.NonRecordingSpan(trace.SpanContext(1, 2, False, trace.TraceFlags(0)))
    with trace.use_span(span):
        assert to_message(Happened()).traceparent == f"00-{1:032x}-{2:016x}-00"


@pytest.mark.parametrize(
    "wrong", ["", "canary", PARENT.upper(), "ff" + PARENT[2:], f"00-{0:032x}-{1:016x}-01", PARENT + "-x"]
)
def test_a_malformed_trace_is_no_trace(wrong: str) -> None:
    def handle() -> bool:
        enter(message(traceparent=wrong))
        return bool(trace.get_current_span().get_span_context().is_valid)

    assert not in_copy(handle)


# -- keys and requests


def test_a_request_may_name_its_key() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Send(Command[None]):
        partition_key: str | None = None

    assert to_message(Send(partition_key="a")).partition_key == "a"
    assert to_message(Send()).partition_key is None


@dataclass(frozen=True, kw_only=True)
class Move(Command[None]):
    parcel: int


@dataclass(frozen=True, kw_only=True)
class Find(Query[int]):
    schema_version = 3
    name: str


@dataclass(frozen=True, kw_only=True)
class Ask(Request[int]):
    pass


def carried(sent: Message) -> Message:
    serializer = JSONSerializer()
    return serializer.decode(serializer.encode(sent), sent.headers())


@pytest.mark.parametrize(
    ("request_", "kind", "version"),
    [(Move(parcel=1), "command", 1), (Find(name="x"), "query", 3), (Ask(), "request", 1)],
)
def test_requests_round_trip(request_: Request[Any], kind: str, version: int) -> None:
    sent = to_message(request_)
    assert (sent.message_type, sent.message_id, sent.schema_version) == (kind, request_.request_id, version)
    assert sent.occurred_at is not None
    received = RequestTypes([type(request_)]).request(carried(sent))
    assert received == request_
    assert received.request_id == request_.request_id


def test_requests_are_read_by_registered_names_only() -> None:
    with pytest.raises(UnknownMessage, match="no request with the name"):
        RequestTypes([Find]).request(to_message(Move(parcel=1)))


def test_a_request_of_a_newer_version_is_not_guessed_at() -> None:
    sent = to_message(Find(name="x"))
    object.__setattr__(sent, "schema_version", 4)
    with pytest.raises(MessageDecodeError, match="newer schema version than Find"):
        RequestTypes([Find]).request(sent)


def test_a_request_has_the_id_of_its_message() -> None:
    sent = to_message(Move(parcel=1))
    other = Message(message_type="command", message_name="Move", payload=sent.payload)
    with pytest.raises(MessageDecodeError, match="different ids"):
        RequestTypes([Move]).request(other)


def test_two_requests_of_one_name_are_refused() -> None:
    other = type("Move", (Command,), {})
    with pytest.raises(RegistrationError, match="requests are told apart"):
        RequestTypes([Move, other])
