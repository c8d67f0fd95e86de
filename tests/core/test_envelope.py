"""Events of every kind come back as they were sent. Their annotations are strings, as under `from __future__`."""

from __future__ import annotations

import enum
import json
import math
import traceback
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    TypedDict,
    TypeVar,
)
from uuid import UUID, uuid4

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diator._core.envelope import EventTypes, Message, to_message
from diator._core.messages import DomainEvent, ECSTEvent, Event, NotificationEvent
from diator._core.serializers import JSONSerializer
from diator.errors import MessageDecodeError, MessageEncodeError, RegistrationError

SECRET = "hunter2"
T = TypeVar("T")
UserId = NewType("UserId", int)

some = settings(derandomize=True, deadline=None, database=None, max_examples=60)
serializer = JSONSerializer()


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Point(NamedTuple):
    x: int
    y: int


class Options(TypedDict):
    depth: int
    label: NotRequired[str]


@dataclass
class Box(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class Money:
    amount: Decimal
    currency: str


@dataclass
class Tree:
    children: list[Tree] = field(default_factory=list)


@attrs.frozen
class Range:
    low: int
    high: int


class Span(msgspec.Struct, rename="camel"):
    first_line: int


class Address(pydantic.BaseModel):
    id: UUID
    since: datetime
    street: str = pydantic.Field(alias="Street")
    _note: list[int] = pydantic.PrivateAttr(default_factory=list)


class Plain:
    def __init__(self, number: int, day: date, next: Plain | None = None) -> None:  # noqa: A002
        self.number, self.day, self.next = number, day, next


@dataclass(frozen=True, kw_only=True)
class DataEvent(NotificationEvent):
    schema_version: ClassVar[int] = 2
    name: str
    ratio: float
    id: UUID
    when: datetime
    day: date
    at: time
    lasts: timedelta
    price: Decimal
    raw: bytes
    color: Color
    level: Level
    user: UserId
    mode: Literal["on", "off"]
    pair: tuple[int, str]
    many: tuple[int, ...]
    tags: set[str]
    frozen: frozenset[int]
    seq: Sequence[int]
    by_id: dict[UUID, int]
    by_number: Mapping[int, str]
    options: Options
    point: Point
    box: Box[UUID]
    money: Money
    tree: Tree
    range: Range
    span: Span
    address: Address
    plain: Plain
    addresses: list[Address]
    plains: dict[str, Plain]
    maybe: int | None
    either: int | str | None
    anything: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class SlottedEvent(ECSTEvent):
    number: int
    note: str = "none"
    double: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "double", self.number * 2)


@attrs.frozen
class AttrsEvent(NotificationEvent):
    number: int
    _hidden: Range
    note: str = "none"


class StructEvent(msgspec.Struct, ECSTEvent, frozen=True, rename="camel"):
    user_number: int
    plain: Plain | None = None


class ModelEvent(pydantic.BaseModel, NotificationEvent):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    number: int
    address: Address | None = None


class DeclaringModelEvent(pydantic.BaseModel, NotificationEvent):
    event_id: UUID = pydantic.Field(default_factory=uuid4)
    event_timestamp: datetime = pydantic.Field(default_factory=lambda: datetime.now(UTC))
    number: int


class PlainEvent(NotificationEvent):
    def __init__(self, number: int, plain: Plain, *, note: str = "none") -> None:
        self.number, self.plain, self.note = number, plain, note


class BareEvent(NotificationEvent):
    pass


class InheritingEvent(SlottedEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class GenericEvent(NotificationEvent, Generic[T]):
    value: T


@dataclass(frozen=True, kw_only=True)
class DataOnlyEvent(DomainEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class OuterEvent(NotificationEvent):
    inner: SlottedEvent
    others: list[DataOnlyEvent]


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
integers = st.integers(-(2**63), 2**64 - 1)
moments = st.datetimes(
    timezones=st.none()
    | st.just(UTC)
    | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
)
halves = st.integers(-(2**62), 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
decimals = st.decimals(allow_nan=False)
anything = st.recursive(
    st.none() | st.booleans() | integers | floats | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
ranges = st.builds(Range, low=integers, high=integers)
addresses = st.builds(Address, id=st.uuids(), since=moments, Street=text)
plains = st.builds(Plain, integers, st.dates(), st.none() | st.builds(Plain, integers, st.dates()))
trees = st.recursive(st.builds(Tree), lambda inner: st.builds(Tree, st.lists(inner, max_size=2)), max_leaves=4)
durations = st.timedeltas(timedelta(days=-90_000), timedelta(days=90_000))
identity = {"event_id": st.uuids(), "event_timestamp": st.datetimes(timezones=st.just(UTC))}
slotted = st.builds(SlottedEvent, number=halves, note=text, **identity)
plain_events = st.builds(PlainEvent, integers, plains, note=text)
EVENTS: dict[str, st.SearchStrategy[Event]] = {
    "dataclass": st.builds(
        DataEvent,
        name=text,
        ratio=floats,
        id=st.uuids(),
        when=moments,
        day=st.dates(),
        at=st.times(),
        lasts=durations,
        price=decimals,
        raw=st.binary(max_size=8),
        color=st.sampled_from(Color),
        level=st.sampled_from(Level),
        user=integers,
        mode=st.sampled_from(["on", "off"]),
        pair=st.tuples(integers, text),
        many=st.lists(integers, max_size=3).map(tuple),
        tags=st.sets(text, max_size=3),
        frozen=st.frozensets(integers, max_size=3),
        seq=st.lists(integers, max_size=3),
        by_id=st.dictionaries(st.uuids(), integers, max_size=2),
        by_number=st.dictionaries(integers, text, max_size=2),
        options=st.fixed_dictionaries({"depth": integers}, optional={"label": text}),
        point=st.builds(Point, integers, integers),
        box=st.builds(Box, st.uuids()),
        money=st.builds(Money, decimals, text),
        tree=trees,
        range=ranges,
        span=st.builds(Span, integers),
        address=addresses,
        plain=plains,
        addresses=st.lists(addresses, max_size=2),
        plains=st.dictionaries(text, plains, max_size=2),
        maybe=st.none() | integers,
        either=st.none() | integers | text,
        anything=anything,
        **identity,
    ),
    "slotted": slotted,
    "attrs": st.builds(AttrsEvent, number=integers, hidden=ranges, note=text),
    "struct": st.builds(StructEvent, user_number=integers, plain=st.none() | plains),
    "model": st.builds(ModelEvent, number=integers, address=st.none() | addresses),
    "declaring model": st.builds(DeclaringModelEvent, number=integers, **identity),
    "plain": plain_events,
    "bare": st.builds(BareEvent),
    "inheriting": st.builds(InheritingEvent, number=halves),
    "generic": st.builds(GenericEvent, value=anything),
    "outer": st.builds(OuterEvent, inner=slotted, others=st.lists(st.builds(DataOnlyEvent, **identity), max_size=2)),
}
types = EventTypes(
    [
        DataEvent,
        SlottedEvent,
        AttrsEvent,
        StructEvent,
        ModelEvent,
        DeclaringModelEvent,
        PlainEvent,
        BareEvent,
        InheritingEvent,
        GenericEvent,
        OuterEvent,
    ]
)


def values(thing: Any) -> Any:
    """Everything inside, with its types, comparable also for classes without ``__eq__``."""
    if isinstance(thing, Plain | PlainEvent | Address | BareEvent):
        own = {name: value for name, value in vars(thing).items() if not name.startswith("_diator")}
        return type(thing), {name: values(value) for name, value in own.items()}
    if isinstance(thing, dict):
        return {key: values(value) for key, value in thing.items()}
    if isinstance(thing, list):
        return [values(value) for value in thing]
    names = getattr(type(thing), "__dataclass_fields__", None) or getattr(type(thing), "__struct_fields__", None)
    if names:
        return type(thing), {name: values(getattr(thing, name)) for name in names}
    return type(thing), thing


def travel(event: Event) -> Event:
    message = to_message(event)
    received = serializer.decode(serializer.encode(message), message.headers())
    assert received == message
    return types.event(received)


@pytest.mark.parametrize("kind", EVENTS)
@some
@given(data=st.data())
def test_an_event_comes_back_as_it_was(kind: str, data: st.DataObject) -> None:
    event = data.draw(EVENTS[kind])
    back = travel(event)
    assert type(back) is type(event)
    assert (back.event_id, back.event_timestamp) == (event.event_id, event.event_timestamp)
    assert values(back) == values(event)


def test_the_message_carries_what_the_event_says() -> None:
    event = SlottedEvent(number=1)
    message = to_message(event, correlation_id="a", causation_id="b", partition_key="c", traceparent="d")
    assert message == Message(
        message_type="ecst_event",
        message_name="SlottedEvent",
        message_id=event.event_id,
        payload={
            "event_id": str(event.event_id),
            "event_timestamp": event.event_timestamp.isoformat().replace("+00:00", "Z"),
            "number": 1,
            "note": "none",
            "double": 2,
        },
        schema_version=1,
        occurred_at=event.event_timestamp,
        correlation_id="a",
        causation_id="b",
        partition_key="c",
        traceparent="d",
    )
    assert to_message(BareEvent()).message_type == "notification_event"


@dataclass(frozen=True, kw_only=True)
class KeyedEvent(NotificationEvent):
    meeting_id: int
    prefix: Any = "meeting"

    @property
    def partition_key(self) -> Any:
        return f"{self.prefix}-{self.meeting_id}" if self.prefix else self.prefix


def test_an_event_may_say_which_ones_it_stays_in_order_with() -> None:
    assert to_message(KeyedEvent(meeting_id=1)).partition_key == "meeting-1"
    assert to_message(KeyedEvent(meeting_id=1), partition_key="other").partition_key == "other"
    assert to_message(KeyedEvent(meeting_id=1, prefix=None)).partition_key is None
    assert "partition_key" not in to_message(KeyedEvent(meeting_id=1)).payload
    assert to_message(KeyedEvent(meeting_id=1, prefix=0)).partition_key == "0"
    with pytest.raises(MessageEncodeError, match=r"KeyedEvent\.partition_key must be a text, .*, not a list"):
        to_message(KeyedEvent(meeting_id=1, prefix=[]))


def test_neither_message_nor_error_shows_the_payload() -> None:
    message = to_message(SlottedEvent(number=1, note=SECRET))
    assert SECRET not in repr(message)
    assert repr(message.message_id) in repr(message)


def test_headers_are_text_and_leave_out_what_is_unknown() -> None:
    message = Message(message_type="t", message_name="n", payload={})
    assert message.headers() == {"content_type": "application/json", "schema_version": "1"}
    assert message.message_id != Message(message_type="t", message_name="n", payload={}).message_id


def as_sent_by_diator_0_1(number: int = 987) -> dict[str, Any]:
    id = "82a0b10e-1b3d-4c3c-9bdd-3934f8f824c2"  # noqa: A001
    payload = {"event_id": id, "event_timestamp": "2023-03-06 12:11:35.103792", "number": number}
    return {
        "message_type": "ecst_event",
        "message_name": "SlottedEvent",
        "message_id": id,
        "payload": payload,
    }


def test_an_event_of_diator_0_1_is_read_and_its_timestamp_taken_as_utc() -> None:
    event = types.event(serializer.decode(json.dumps(as_sent_by_diator_0_1()).encode()))
    assert event == SlottedEvent(number=987)
    assert event.event_timestamp == datetime(2023, 3, 6, 12, 11, 35, 103792, UTC)
    assert event.event_id == UUID("82a0b10e-1b3d-4c3c-9bdd-3934f8f824c2")


def test_a_timestamp_without_zone_is_sent_as_utc() -> None:
    event = SlottedEvent(number=1, event_timestamp=datetime(2023, 3, 6))
    assert travel(event).event_timestamp == datetime(2023, 3, 6, tzinfo=UTC)


def changed(**change: Any) -> Message:
    message = to_message(SlottedEvent(number=1))
    return replace(message, payload=message.payload | change)


def test_unknown_fields_are_allowed_and_defaults_fill_in_for_missing_ones() -> None:
    message = changed(new=[SECRET])
    del message.payload["note"], message.payload["double"]
    event = types.event(message)
    assert isinstance(event, SlottedEvent)
    assert (event.number, event.note, event.double) == (1, "none", 2)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(MessageDecodeError, match="no event with the name"):
        types.event(Message(message_type="t", message_name=SECRET, payload={}))


def test_a_newer_schema_is_not_guessed_at_and_an_older_one_is_read() -> None:
    message = to_message(SlottedEvent(number=1))
    with pytest.raises(MessageDecodeError, match=r"newer schema version than SlottedEvent \(1\)"):
        types.event(replace(message, schema_version=2))

    @dataclass(frozen=True, kw_only=True)
    class Newer(SlottedEvent):
        schema_version: ClassVar[int] = 3

    assert isinstance(EventTypes([Newer]).event(replace(message, message_name="Newer", schema_version=2)), Newer)


def test_an_id_that_is_not_the_one_of_the_message_is_refused() -> None:
    with pytest.raises(MessageDecodeError, match="different ids"):
        types.event(changed(event_id=str(uuid4())))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"number": "1"}, "number: expected int, got str"),
        ({"number": 1.0}, "number: expected int, got float"),
        ({"number": True}, "number: expected int, got bool"),
        ({"number": None}, "number: expected int, got null"),
        ({"note": 1}, "note: expected str, got int"),
        ({"event_id": "x"}, "event_id: the value is not a valid one"),
        ({"event_timestamp": 1678104695}, "event_timestamp: expected datetime, got int"),
    ],
)
def test_nothing_is_coerced(change: dict[str, Any], match: str) -> None:
    with pytest.raises(MessageDecodeError, match=match):
        types.event(changed(**change))


@pytest.mark.parametrize("number", ["1", 1.0, True, None])
def test_nothing_is_coerced_for_a_model_either(number: Any) -> None:
    message = to_message(ModelEvent(number=1))
    with pytest.raises(MessageDecodeError, match="number: the value"):
        types.event(replace(message, payload=message.payload | {"number": number}))


@pytest.mark.parametrize("name", ["number", "event_id", "event_timestamp"])
@pytest.mark.parametrize("event", [SlottedEvent(number=1), ModelEvent(number=1), DeclaringModelEvent(number=1)])
def test_a_missing_field_is_refused(event: Event, name: str) -> None:
    message = to_message(event)
    del message.payload[name]
    if isinstance(event, DeclaringModelEvent) and name != "number":
        return  # it has defaults of its own for these
    with pytest.raises(MessageDecodeError, match=name):
        types.event(message)


@dataclass(frozen=True)
class Place:
    height: Decimal

    def __hash__(self) -> int:
        return 1


@dataclass(frozen=True, kw_only=True)
class Priced(NotificationEvent):
    price: Decimal
    places: set[Place] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True)
class Measured(NotificationEvent):
    value: float = 1e300
    values: list[float] = field(default_factory=list)
    count: int = 0
    box: Box[float] = field(default_factory=lambda: Box(2.0**60))


class MeasuredModel(pydantic.BaseModel, NotificationEvent):
    value: float = 0
    count: int = 0


@pytest.mark.parametrize("cls", [Measured, MeasuredModel])
@pytest.mark.parametrize(("number", "exact"), [(2**53 + 1, 2**53 + 2), (-(2**53) - 1, -(2**53)), (2**63 + 1, 2**63)])
def test_an_integer_that_a_float_field_would_round_is_refused(cls: Any, number: int, exact: int) -> None:
    known = EventTypes([cls])
    message = to_message(cls())
    assert known.event(replace(message, payload=message.payload | {"value": exact})).value == exact  # type: ignore[attr-defined]
    with pytest.raises(MessageDecodeError, match="too large for the float field"):
        known.event(replace(message, payload=message.payload | {"value": number}))
    large = known.event(replace(message, payload=message.payload | {"count": number, "unknown": number}))
    assert large.count == number  # type: ignore[attr-defined]


def test_a_rounded_integer_is_found_beside_the_number_it_would_become() -> None:
    message = to_message(Measured())
    with pytest.raises(MessageDecodeError, match="too large"):
        EventTypes([Measured]).event(replace(message, payload=message.payload | {"values": [2**53, 2**53 + 1]}))


@dataclass(frozen=True, kw_only=True)
class Refusing(NotificationEvent):
    secret: str
    inner: Guarded
    color: Color
    mode: Literal["on", "off"]
    numbers: dict[int, int]
    address: Address
    number: int = 0

    def __post_init__(self) -> None:
        if self.secret == SECRET:
            raise RuntimeError(SECRET)


@dataclass
class Guarded:
    secret: str

    def __post_init__(self) -> None:
        if self.secret == SECRET:
            raise ValueError(f"Expected `{SECRET}`, got `{SECRET}` - at `$.{SECRET}`")


class RefusingModel(pydantic.BaseModel, NotificationEvent):
    model_config = pydantic.ConfigDict(extra="forbid")
    secret: str
    numbers: dict[str, int]

    @pydantic.field_validator("secret")
    @classmethod
    def check(cls, value: str) -> str:
        if value == SECRET:
            raise ValueError(SECRET)
        return value


def canaries(tree: Any) -> Any:
    """Replace one value or key after the other by the canary."""
    yield SECRET
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield {SECRET if name == key else name: other for name, other in tree.items()}
            for other in canaries(value):
                yield tree | {key: other}


@pytest.mark.parametrize(
    ("event", "least"),
    [
        (
            Refusing(
                secret="",
                inner=Guarded(""),
                color=Color.RED,
                mode="on",
                numbers={1: 2},
                address=Address(id=uuid4(), since=datetime.now(UTC), Street="x"),
            ),
            14,
        ),
        (RefusingModel(secret="", numbers={"a": 1}), 6),
    ],
)
def test_no_error_quotes_the_payload(event: Event, least: int) -> None:
    known = EventTypes([type(event)])
    message = to_message(event)
    refused = 0
    for payload in canaries(message.payload):
        try:
            known.event(replace(message, payload=payload))
        except MessageDecodeError as error:
            refused += 1
            for line in (str(error), repr(error), *traceback.format_exception(error)):
                assert SECRET not in line, payload
    assert refused >= least


json_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("kind", EVENTS)
@some
@given(data=st.data())
def test_a_damaged_payload_raises_nothing_but_a_decode_error(kind: str, data: st.DataObject) -> None:
    message = to_message(data.draw(EVENTS[kind]))
    names = data.draw(st.lists(st.sampled_from([*message.payload]), min_size=1, max_size=3))
    damage = {name: data.draw(json_trees) for name in names}
    for payload in (message.payload | damage, damage):
        with suppress(MessageDecodeError):
            types.event(replace(message, payload=payload))


def other_slotted_event() -> type[Event]:
    @dataclass(frozen=True, kw_only=True)
    class SlottedEvent(NotificationEvent):
        pass

    return SlottedEvent


def test_two_classes_with_one_name_are_refused_and_both_named() -> None:
    other = other_slotted_event()
    with pytest.raises(RegistrationError) as caught:
        EventTypes([SlottedEvent, other])
    assert f"{__name__}.SlottedEvent" in str(caught.value)
    assert f"{__name__}.other_slotted_event.<locals>.SlottedEvent" in str(caught.value)


def test_the_same_class_may_come_twice() -> None:
    assert [*EventTypes([SlottedEvent, BareEvent, SlottedEvent])] == [SlottedEvent, BareEvent]
    assert len(EventTypes()) == 0


def test_a_domain_event_can_be_wrapped_too() -> None:
    class Local(DomainEvent):
        pass

    assert to_message(Local()).message_type == "domain_event"


def test_an_event_too_large_for_a_broker_is_refused() -> None:
    with pytest.raises(MessageEncodeError, match=r"SlottedEvent has 30.* bytes as JSON; at most 262144"):
        to_message(SlottedEvent(number=1, note="x" * 300_000))
    with pytest.raises(MessageEncodeError, match="headers"):
        to_message(SlottedEvent(number=1), correlation_id="x" * 9000)


def test_what_is_wrong_is_named_by_its_path_and_not_quoted() -> None:
    day = date(2023, 3, 6)
    bad: list[tuple[Event, str]] = [
        (SlottedEvent(number=1, note="\ud800"), "SlottedEvent.note has a lone surrogate"),
        (Measured(value=math.nan), "Measured: value: expected float, got null, which is what JSON has for NaN"),
        (Measured(values=[1.0, -math.inf]), r"Measured: values\[1\]"),
        (Measured(value=2**53 + 1), "Measured.value would come back as something else"),
        (SlottedEvent(number=2**70), "integer beyond 64 bits"),
        (SlottedEvent(number=SECRET), "number: expected int, got str"),  # type: ignore[arg-type]
        (GenericEvent(value=uuid4()), "GenericEvent.value would come back"),
        (GenericEvent(value=[{"a": (SECRET,)}]), r"GenericEvent.value\[...\]\[...\] would"),
        (GenericEvent(value={1: SECRET}), "GenericEvent.value would"),
        (GenericEvent(value=Plain(1, day)), "GenericEvent.value would"),
        (GenericEvent(value=Decimal("sNaN")), "GenericEvent.value would"),
        (Priced(price=Decimal("NaN")), r"Priced.price would"),
        (Priced(price=Decimal("sNaN")), r"Priced.price would"),
        (Priced(price=Decimal(1), places={Place(Decimal("sNaN"))}), r"Priced.places would"),
        (GenericEvent(value={SECRET: [object()]}), r"GenericEvent.value\[...\]\[...\] has no JSON form"),
        (PlainEvent(1, Plain(1, datetime.now(UTC))), "PlainEvent: plain: day"),
        (PlainEvent(1, Plain(1, day, Plain(1, object()))), "PlainEvent.plain.next.day has no JSON form"),  # type: ignore[arg-type]
        (AttrsEvent(number=1, hidden=Range(1, object())), "AttrsEvent._hidden.high has no JSON form"),  # type: ignore[arg-type]
        (ModelEvent.model_construct(number=SECRET), "ModelEvent"),  # type: ignore[arg-type]
        (ModelEvent.model_construct(number=1, address=math.nan), "ModelEvent"),  # type: ignore[arg-type]
    ]
    for event, match in bad:
        with pytest.raises(MessageEncodeError, match=match) as caught:
            to_message(event)
        assert SECRET not in "".join(traceback.format_exception(caught.value))


class AnyModel(pydantic.BaseModel, NotificationEvent):
    value: Any


def test_a_list_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(MessageEncodeError, match="contains itself"):
        to_message(GenericEvent(value=endless))
    with pytest.raises(MessageEncodeError, match=r"AnyModel.value.* has no JSON form"):
        to_message(AnyModel(value=endless))


def test_no_warning_quotes_the_payload() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(MessageEncodeError):
            to_message(ModelEvent.model_construct(number=SECRET))  # type: ignore[arg-type]
    assert not seen


@pytest.mark.parametrize("levels", [100, 400])
def test_what_is_nested_too_deep_is_refused(levels: int) -> None:
    deep: list[Any] = []
    for _ in range(levels):
        deep = [deep]
    with pytest.raises(MessageEncodeError, match="nested deeper than 64"):
        to_message(GenericEvent(value=deep))
