"""Which classes can travel at all: what could not be decoded is refused before anything is sent."""

import threading
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import InitVar, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import attrs
import msgspec
import pytest

from diator._core.messages import NotificationEvent
from diator._core.payloads import check_payload, decode_payload, encode_payload
from diator.errors import MessageEncodeError

if TYPE_CHECKING:
    pass


class Shapeless:
    pass


class Abstract(ABC):
    def __init__(self, number: int) -> None:
        self.number = number

    @abstractmethod
    def act(self) -> None: ...


class Interface(Protocol):
    number: int


class Endless:
    def __init__(self, *numbers: int) -> None: ...


class Positional:
    def __init__(self, number: int, /) -> None: ...


class Counter:
    def __init__(self, number: int) -> None:
        self.number = number


@dataclass
class Holder:
    thing: list[object]


@dataclass
class BadCycle:
    other: "BadCycle | None"
    thing: object


@pytest.mark.parametrize(
    ("annotation", "match"),
    [
        (object, "object says nothing about its fields"),
        (Shapeless, "Shapeless says nothing about its fields; use a dataclass"),
        (list[Shapeless | None], "Shapeless"),
        (Holder, "object"),
        (BadCycle, "object"),
        (Abstract, "Abstract has no fields that can be told"),
        (Interface, "Interface"),
        (Endless, r"Endless.__init__ takes \*numbers"),
        (Positional, "Positional.__init__ takes number: int"),
        (type, "type"),
        (deque, "deque"),
        (Path, "Path"),
        (complex, "complex"),
        (threading.Thread, "Thread"),
        (int | Counter, "may not contain any additional types"),
        (Counter | Shapeless, "more than one custom type"),
        ("Elsewhere", "cannot be resolved: name 'Elsewhere' is not defined"),
    ],
    ids=str,
)
def test_a_field_that_could_not_be_decoded_is_refused_by_name(annotation: Any, match: str) -> None:
    class Wrong(NotificationEvent):
        __annotations__ = {"thing": annotation}

    wrong = dataclass(frozen=True, kw_only=True)(Wrong)
    for _ in range(2):  # a failure is not remembered as a success
        with pytest.raises(MessageEncodeError, match=match) as caught:
            check_payload(wrong)
        assert "Wrong" in str(caught.value)


def test_a_constructor_without_annotations_is_refused() -> None:
    class Untyped(NotificationEvent):
        def __init__(self, number) -> None:  # type: ignore[no-untyped-def]
            self.number = number

    with pytest.raises(MessageEncodeError, match=r"Untyped.number has no annotation: annotate it"):
        check_payload(Untyped)

    @attrs.define
    class UntypedAttrs(NotificationEvent):
        number = attrs.field()

    with pytest.raises(MessageEncodeError, match=r"UntypedAttrs.number has no annotation"):
        check_payload(UntypedAttrs)


def test_a_constructor_parameter_that_is_not_kept_is_refused() -> None:
    class Forgetful(NotificationEvent):
        def __init__(self, number: int) -> None: ...

    with pytest.raises(MessageEncodeError, match="Forgetful has no attribute number: keep what"):
        encode_payload(Forgetful(1))


def test_a_parameter_that_is_only_for_the_constructor_is_refused() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Initial(NotificationEvent):
        seed: InitVar[int]

    with pytest.raises(MessageEncodeError, match=r"Initial.seed is an InitVar"):
        check_payload(Initial)


def test_a_dataclass_with_a_constructor_of_its_own_is_taken_by_its_parameters() -> None:
    @dataclass(frozen=True, init=False)
    class Own(NotificationEvent):
        doubled: int

        def __init__(self, half: int) -> None:
            self.__dict__.update(half=half, doubled=2 * half)

    payload = encode_payload(Own(4))
    assert payload["half"] == 4
    assert "doubled" not in payload
    assert decode_payload(Own, payload).doubled == 8


def test_the_id_of_a_struct_that_declares_it_goes_through_the_constructor() -> None:
    class Declaring(msgspec.Struct, NotificationEvent, kw_only=True):
        event_id: UUID
        number: int

    event = Declaring(event_id=UUID(int=7), number=1)
    back = decode_payload(Declaring, encode_payload(event))
    assert (back, back.event_id, back.event_timestamp) == (event, UUID(int=7), event.event_timestamp)


def test_an_id_of_another_type_is_carried_as_declared() -> None:
    class Named(NotificationEvent):
        def __init__(self, event_id: str, event_timestamp: int) -> None:
            self.__dict__.update(event_id=event_id, event_timestamp=event_timestamp)

    back = decode_payload(Named, encode_payload(Named("seven", 7)))
    assert (back.event_id, back.event_timestamp) == ("seven", 7)


@attrs.frozen
class Private:
    _number: int


class PlainEvent(NotificationEvent):
    def __init__(self, number: int) -> None:
        self.number = number


@pytest.mark.parametrize("part", [Private(1), PlainEvent(1)], ids=lambda part: type(part).__name__)
def test_a_part_whose_fields_would_be_left_out_is_refused(part: Any) -> None:
    class Annotated(NotificationEvent):
        __annotations__ = {"part": type(part)}

    outer = dataclass(frozen=True, kw_only=True)(Annotated)
    with pytest.raises(MessageEncodeError, match=r"Annotated.*part"):
        encode_payload(outer(part=part))
