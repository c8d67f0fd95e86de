"""Requests, responses and events.

What may live here: the base classes of messages, and what makes their ids and timestamps free until they
are read. No handler, no route, no wire format.
"""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, SupportsIndex, cast
from uuid import UUID, uuid4

if TYPE_CHECKING:
    from typing import Self

    from typing_extensions import TypeVar

    R = TypeVar("R", default=Any)
else:
    from typing import TypeVar

    R = TypeVar("R")

__all__ = (
    "RECORDED_AT",
    "Command",
    "DomainEvent",
    "ECSTEvent",
    "Event",
    "NotificationEvent",
    "Query",
    "Request",
    "Response",
)

#: Where a recorded event keeps the moment of its recording (seconds since the epoch, from `time.time`) until
#: somebody reads ``event_timestamp``: a float costs a tenth of a datetime.
RECORDED_AT = "_diator_recorded_at"

_lock = threading.Lock()


class _Lazy:
    """A field whose default is made by the first read, and then stays.

    It stands for its own default, so that a generated ``__init__`` which was not given a value stores nothing.
    """

    def __init__(self, make: Callable[[dict[str, Any]], Any]) -> None:
        self._make = make
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        values: dict[str, Any] = instance.__dict__
        value = values.get(self._name, self)
        if value is not self:
            return value
        if self._name in values:  # a library that writes __dict__ itself has stored the default, which is self
            with _lock:
                if values.get(self._name) is self:
                    del values[self._name]
        return values.setdefault(self._name, self._make(values))  # setdefault: concurrent first reads agree

    def __set__(self, instance: Any, value: Any) -> None:
        if value is not self:
            instance.__dict__[self._name] = value

    def __repr__(self) -> str:
        return "<made on first read>"


def _lazy(make: Callable[[dict[str, Any]], Any]) -> Any:
    return field(default=_Lazy(make), compare=False, repr=False)


def _make_id(values: dict[str, Any]) -> UUID:
    return uuid4()


def _make_timestamp(values: dict[str, Any]) -> datetime:
    recorded = values.get(RECORDED_AT)
    return datetime.now(UTC) if recorded is None else datetime.fromtimestamp(recorded, UTC)


class _Message:
    """What requests and events share: their lazy values travel with copies and pickles."""

    _lazy_names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _keep_lazy(cls)
        for name in ("__copy__", "__deepcopy__"):
            method = getattr(cls, name, None)
            if method is not None and not hasattr(method, "_carries_lazy_values"):
                setattr(cls, name, _carry_lazy_values(method))

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        build, args, *state = cast("tuple[Any, ...]", super().__reduce_ex__(protocol))
        return _rebuild, (build, args, _lazy_values(self)), *state


def _keep_lazy(cls: type[_Message]) -> None:
    """Undo what class builders do to inherited fields: slots and models would make them eager."""
    pydantic = sys.modules.get("pydantic")
    is_model = pydantic is not None and issubclass(cls, pydantic.BaseModel)
    for name in cls._lazy_names:
        slot = isinstance(cls.__dict__.get(name), MemberDescriptorType)
        if slot and "__dataclass_fields__" in cls.__dict__ and name not in cls.__annotations__:
            delattr(cls, name)  # dataclass(slots=True) makes a slot of every field, inherited ones too
        if is_model and name not in cls.__annotations__:
            cls.__annotations__[name] = ClassVar[Any]  # a pydantic model adopts the annotations of every base


def _lazy_values(message: _Message) -> dict[str, Any]:
    cls = type(message)
    return {name: getattr(message, name) for name in cls._lazy_names if isinstance(getattr(cls, name), _Lazy)}


def _rebuild(build: Callable[..., Any], args: tuple[Any, ...], values: dict[str, Any]) -> Any:
    message = build(*args)
    message.__dict__.update(values)
    return message


def _carry_lazy_values(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the ``__copy__`` or ``__deepcopy__`` that pydantic or msgspec brings along."""

    def carry(self: _Message, *args: Any) -> Any:
        values = _lazy_values(self)
        twin = method(self, *args)
        twin.__dict__.update(values)
        return twin

    carry._carries_lazy_values = True  # type: ignore[attr-defined]
    return carry


def _only_fields(cls: type) -> None:
    """Leave the generated methods to the subclasses that are dataclasses: other kinds of class bring their own."""
    for name in ("__init__", "__setattr__", "__delattr__"):
        delattr(cls, name)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Request(_Message, Generic[R]):
    """The base class of everything that is sent to exactly one handler; generic in the result.

    Subclasses are frozen dataclasses by custom, and may also be attrs classes, msgspec Structs, pydantic models
    (``class Join(BaseModel, Command[None])``) or plain classes.

    Attributes:
        request_id: Identifies this object. Made when it is first read, and equal ever after, in copies and
            pickles too. Dataclasses accept it as a keyword argument; other kinds of class do if they declare it.
    """

    _lazy_names = ("request_id",)

    request_id: UUID = _lazy(_make_id)

    if TYPE_CHECKING:

        def __diator_types__(self) -> tuple[Self, list[R]]:
            """Let a type checker compare a handler with its request; there is no such method at run time."""
            ...


class Command(Request[R]):
    """A request that changes something."""


class Query(Request[R]):
    """A request that reads something."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Response:
    """An optional base class for results; any type may be one."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Event(_Message):
    """The base class of what has happened.

    Attributes:
        event_id: Identifies this event. Made when it is first read, and equal ever after.
        event_timestamp: When it was recorded, published or first read, whichever came first (timezone-aware, UTC).
        schema_version: The version of the fields, sent with the message. A receiver refuses newer ones.
    """

    _lazy_names = ("event_id", "event_timestamp")
    _event_type: ClassVar[str] = "event"
    _diator_recorded_at: ClassVar[float | None] = None  # RECORDED_AT, of an event that has not been recorded
    schema_version: ClassVar[int] = 1

    event_id: UUID = _lazy(_make_id)
    event_timestamp: datetime = _lazy(_make_timestamp)


class DomainEvent(Event):
    """An event for handlers in this process."""

    _event_type: ClassVar[str] = "domain_event"


class NotificationEvent(Event):
    """An event for other processes that says what changed, by identifiers only."""

    _event_type: ClassVar[str] = "notification_event"


class ECSTEvent(Event):
    """An event for other processes that carries the changed state (event-carried state transfer)."""

    _event_type: ClassVar[str] = "ecst_event"


for _cls in (Request, Response, Event):
    _only_fields(_cls)
