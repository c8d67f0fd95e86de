"""Ids and timestamps cost nothing until they are read, and then never change, whatever kind of class a message is."""

import copy
import dataclasses
import pickle
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import attrs
import msgspec
import pydantic
import pytest

from diator import Command, DomainEvent, ECSTEvent, Event, Events, NotificationEvent, Query, Request, Response
from diator._core import messages


@dataclass(frozen=True, kw_only=True)
class Join(Command[int]):
    number: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class SlottedJoin(Command[int]):
    number: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Slotted(DomainEvent):
    number: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class SlottedChild(Slotted):
    more: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class SlottedDeclaring(DomainEvent):
    number: int = 1
    event_id: UUID = dataclasses.field(default_factory=uuid4)


@dataclass(frozen=True, kw_only=True)
class Joined(DomainEvent):
    number: int = 1


@attrs.define
class AttrsDefined(DomainEvent):
    number: int = 1


@attrs.define(slots=False)
class AttrsDict(DomainEvent):
    number: int = 1


@attrs.frozen(kw_only=True)
class AttrsFrozen(NotificationEvent):
    number: int = 1


@attrs.frozen(kw_only=True)
class AttrsDeclaring(Event):
    number: int = 1
    event_id: UUID = attrs.field(factory=uuid4)


class Struct(DomainEvent, msgspec.Struct):
    number: int = 1


class FrozenStruct(ECSTEvent, msgspec.Struct, frozen=True, kw_only=True):
    number: int = 1


class DeclaringStruct(DomainEvent, msgspec.Struct, frozen=True, kw_only=True):
    number: int = 1
    event_id: UUID = msgspec.field(default_factory=uuid4)


class Model(pydantic.BaseModel, DomainEvent):
    number: int = 1


class FrozenModel(pydantic.BaseModel, NotificationEvent, frozen=True):
    number: int = 1


class DeclaringModel(pydantic.BaseModel, DomainEvent):
    number: int = 1
    event_id: UUID = pydantic.Field(default_factory=uuid4)


class Plain(DomainEvent):
    def __init__(self, number: int = 1) -> None:
        self.number = number


class PlainSlotted(DomainEvent):
    __slots__ = ("number",)

    def __init__(self, number: int = 1) -> None:
        self.number = number


class ModelJoin(pydantic.BaseModel, Command[int]):
    number: int = 1


class StructJoin(Command[int], msgspec.Struct):
    number: int = 1


class PlainJoin(Query[int]):
    def __init__(self, number: int = 1) -> None:
        self.number = number


LAZY_EVENTS: list[type[Any]] = [
    *(Joined, Slotted, SlottedChild, AttrsDefined, AttrsDict, AttrsFrozen, Struct, FrozenStruct, Model, FrozenModel),
    *(Plain, PlainSlotted),
]
DECLARING: list[type[Any]] = [SlottedDeclaring, AttrsDeclaring, DeclaringStruct, DeclaringModel]
REQUESTS: list[type[Any]] = [Join, SlottedJoin, ModelJoin, StructJoin, PlainJoin]
ALL = [*LAZY_EVENTS, *DECLARING, *REQUESTS]


def id_of(message: Any) -> Any:
    return message.request_id if isinstance(message, Request) else message.event_id


def values_of(message: Any) -> tuple[Any, ...]:
    return id_of(message), getattr(message, "event_timestamp", None), message.number


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The ids that were made."""
    made: list[UUID] = []

    def make() -> UUID:
        made.append(uuid4())
        return made[-1]

    monkeypatch.setattr(messages, "uuid4", make)
    return made


@pytest.mark.parametrize("cls", [*LAZY_EVENTS, *REQUESTS])
def test_nothing_is_made_or_stored_before_the_first_read(cls: type[Any], made: list[UUID]) -> None:
    message = cls(number=7)
    repr(message), message.number, str(message)
    assert not {"event_id", "event_timestamp", "request_id"} & set(vars(message))
    assert made == []
    assert id_of(message) is id_of(message)
    assert made == [id_of(message)]


@pytest.mark.parametrize("cls", [*LAZY_EVENTS, *REQUESTS])
def test_two_messages_have_two_ids(cls: type[Any]) -> None:
    assert id_of(cls()) != id_of(cls())


@pytest.mark.parametrize("cls", [Join, SlottedJoin])
def test_dataclass_requests_accept_their_id(cls: type[Any], made: list[UUID]) -> None:
    given = uuid4()
    assert cls(number=1, request_id=given).request_id == given
    assert made == []


@pytest.mark.parametrize("cls", [Joined, Slotted, SlottedChild, SlottedDeclaring])
def test_dataclass_events_accept_id_and_timestamp(cls: type[Any], made: list[UUID]) -> None:
    given, moment = uuid4(), datetime(2020, 1, 1, tzinfo=UTC)
    event = cls(number=3, event_id=given, event_timestamp=moment)
    assert (event.event_id, event.event_timestamp, event.number) == (given, moment, 3)
    assert made == []
    Events().append(event)
    assert event.event_timestamp == moment


@pytest.mark.parametrize("cls", DECLARING)
def test_other_classes_accept_the_ids_that_they_declare(cls: type[Any]) -> None:
    given = uuid4()
    assert cls(event_id=given).event_id == given
    assert cls().event_id != cls().event_id


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("read_before", [False, True])
@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize(
    "twin_of",
    [
        copy.copy,
        copy.deepcopy,
        *(lambda m, p=p: pickle.loads(pickle.dumps(m, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)),
    ],
    ids=["copy", "deepcopy", *map(str, range(pickle.HIGHEST_PROTOCOL + 1))],
)
def test_copies_and_pickles_keep_the_values(
    cls: type[Any], read_before: bool, recorded: bool, twin_of: Any, request: pytest.FixtureRequest
) -> None:
    if cls is PlainSlotted and request.node.callspec.id.split("-")[0] in ("0", "1"):
        pytest.skip("Python itself refuses slots without __getstate__ in these protocols")
    message = cls(number=7)
    if recorded and isinstance(message, Event):
        Events().append(message)
    before = values_of(message) if read_before else None
    twin = twin_of(message)
    assert type(twin) is cls
    assert twin is not message
    assert values_of(twin) == values_of(message)
    assert before in (None, values_of(twin))
    assert values_of(twin_of(twin)) == values_of(message)


def test_deep_copies_share_what_was_shared_and_copy_the_rest() -> None:
    event = Plain(number=[1])  # type: ignore[arg-type]
    first, second = copy.deepcopy([event, event])
    assert first is second
    assert first.number == [1]
    assert first.number is not event.number  # type: ignore[comparison-overlap]


@pytest.mark.parametrize("cls", [Joined, Slotted, Struct, Model, Plain])
def test_concurrent_first_reads_agree(cls: type[Any]) -> None:
    threads, rounds = 32, 12
    found: list[set[Any]] = [set() for _ in range(rounds)]
    events = [cls() for _ in range(rounds)]
    barrier = threading.Barrier(threads)

    def read() -> None:
        for event, values in zip(events, found, strict=True):
            barrier.wait()
            values.add((event.event_id, event.event_timestamp))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        readers = [threading.Thread(target=read) for _ in range(threads)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    finally:
        sys.setswitchinterval(interval)
    assert [len(values) for values in found] == [1] * rounds


def test_a_reader_that_loses_the_race_gets_the_value_of_the_winner(monkeypatch: pytest.MonkeyPatch) -> None:
    event = Joined()

    def make() -> UUID:
        monkeypatch.undo()
        made.append(event.event_id)  # another thread reads in the middle of this read
        return uuid4()

    made: list[UUID] = []
    monkeypatch.setattr(messages, "uuid4", make)
    assert event.event_id == made[0] == event.event_id


# -- timestamps


@pytest.mark.parametrize("cls", [*LAZY_EVENTS, *DECLARING])
def test_timestamps_are_aware_and_in_utc(cls: type[Any]) -> None:
    before = datetime.now(UTC)
    event = cls()
    assert before <= event.event_timestamp <= datetime.now(UTC)
    assert event.event_timestamp.utcoffset() == timedelta(0)
    assert event.event_timestamp is event.event_timestamp


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clock that shows the moment it is set to when events are recorded."""
    moments = [datetime(2030, 1, 1, tzinfo=UTC)]
    monkeypatch.setattr("diator._core.events.time", lambda: moments[-1].timestamp())
    return moments


@pytest.mark.parametrize("cls", [*LAZY_EVENTS, *DECLARING])
def test_recording_stamps_the_event(cls: type[Any], clock: list[datetime]) -> None:
    event = cls()
    Events().append(event)
    assert "event_timestamp" not in vars(event)
    clock.append(clock[0] + timedelta(hours=1))
    Events().append(event)
    assert event.event_timestamp == clock[0]


def test_a_first_read_stamps_before_recording_can(clock: list[datetime]) -> None:
    event = Joined()
    read = event.event_timestamp
    Events().append(event)
    assert event.event_timestamp == read != clock[0]


# -- what dataclasses and others make of them


def test_replace_makes_a_message_of_its_own() -> None:
    join = Join(number=1)
    changed = dataclasses.replace(join, number=2)
    assert changed.number == 2
    given = uuid4()
    assert dataclasses.replace(join, request_id=given).request_id == given
    assert dataclasses.replace(Slotted(), number=4).number == 4


@pytest.mark.parametrize("cls", [Join, Joined, Slotted, SlottedChild])
def test_asdict_and_astuple_read_the_values(cls: type[Any]) -> None:
    message = cls(number=5)
    as_dict = dataclasses.asdict(message)
    assert as_dict["number"] == 5
    name = "request_id" if cls is Join else "event_id"
    assert as_dict[name] == id_of(message)
    assert id_of(message) in dataclasses.astuple(message)


@pytest.mark.parametrize(
    "cls", [c for c in ALL if c not in (*DECLARING, Plain, PlainSlotted, PlainJoin)], ids=lambda c: c.__name__
)
def test_equality_ignores_the_ids_and_repr_does_not_show_them(cls: type[Any]) -> None:
    first, second = cls(number=1), cls(number=1)
    assert id_of(first) != id_of(second)
    assert first == second
    assert first != cls(number=2)
    assert str(id_of(first)) not in repr(first)
    assert "_id" not in repr(first)
    assert "number=1" in repr(first)


def test_plain_classes_keep_the_equality_of_objects() -> None:
    first = Plain()
    assert first == first
    assert first != Plain()
    assert len({first, Plain()}) == 2


def test_frozen_messages_are_hashable_and_frozen() -> None:
    assert hash(Join(number=1)) == hash(Join(number=1))
    with pytest.raises(dataclasses.FrozenInstanceError):
        Join().number = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Join().request_id = uuid4()  # type: ignore[misc]


def test_mutable_classes_may_set_their_id() -> None:
    event, given = Plain(), uuid4()
    event.event_id = given  # type: ignore[misc]
    assert event.event_id == given


def test_fields_of_the_base_classes_are_keywords_only() -> None:
    assert [f.name for f in dataclasses.fields(Join)] == ["request_id", "number"]
    assert all(f.kw_only for f in dataclasses.fields(Join))
    assert repr(Join.request_id) == "<made on first read>"


def test_slots_keep_only_the_fields_of_their_own() -> None:
    assert "number" not in vars(Slotted(number=1))
    assert not hasattr(Slotted(number=1), "other")
    assert SlottedChild(number=3, more=4).number == 3


@pytest.mark.parametrize("cls", [Joined, Slotted, SlottedChild])
def test_pydantic_validates_dataclass_messages(cls: type[Any]) -> None:
    adapter = pydantic.TypeAdapter(cls)
    first, second = (adapter.validate_python({"number": "5"}) for _ in range(2))
    assert first.number == 5
    assert isinstance(first.event_id, UUID)
    assert first.event_id == first.event_id != second.event_id
    assert first.event_timestamp.utcoffset() == timedelta(0)
    given = uuid4()
    assert adapter.validate_python({"number": 1, "event_id": str(given)}).event_id == given
    dumped = adapter.dump_python(first, mode="json")
    assert dumped["number"] == 5
    assert dumped["event_id"] == str(first.event_id)


def test_pydantic_models_round_trip_without_the_ids_they_do_not_declare() -> None:
    model = Model(number=3)
    assert model.model_dump() == {"number": 3}
    assert Model.model_validate_json(model.model_dump_json()) == model
    assert model.model_copy().event_id == model.event_id
    declaring = DeclaringModel()
    assert DeclaringModel.model_validate_json(declaring.model_dump_json()).event_id == declaring.event_id


@pytest.mark.parametrize("cls", [Joined, Join])
def test_msgspec_encodes_and_decodes_dataclass_messages(cls: type[Any]) -> None:
    message = cls(number=4)
    identity = id_of(message)
    decoded = msgspec.json.decode(msgspec.json.encode(message), type=cls)
    assert decoded == message
    assert id_of(decoded) == identity
    unread = msgspec.json.decode(b'{"number": 9}', type=cls)
    assert unread.number == 9
    assert id_of(unread) == id_of(unread) != identity


@pytest.mark.parametrize("cls", [Struct, FrozenStruct, DeclaringStruct, StructJoin])
def test_msgspec_encodes_and_decodes_structs(cls: type[Any]) -> None:
    message = cls(number=4)
    decoded = msgspec.json.decode(msgspec.json.encode(message), type=cls)
    assert decoded == message
    assert isinstance(id_of(decoded), UUID)


# -- the kinds of messages


def test_the_kinds_of_events_name_themselves() -> None:
    kinds = {Event: "event", DomainEvent: "domain_event", NotificationEvent: "notification_event"}
    for cls, kind in {**kinds, ECSTEvent: "ecst_event"}.items():
        assert cls._event_type == kind
        assert issubclass(cls, Event)
        assert cls.schema_version == 1


def test_requests_and_events_need_no_fields() -> None:
    class Ping(Command[None]):
        pass

    class Pinged(DomainEvent):
        pass

    assert isinstance(Ping().request_id, UUID)
    assert isinstance(Pinged().event_id, UUID)


def test_a_response_is_a_plain_base_class() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Result(Response):
        link: str

    assert Result(link="a") == Result(link="a")
    assert repr(Result(link="a")).endswith("Result(link='a')")
