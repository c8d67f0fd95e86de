"""Recording events: the buffer of one dispatch, and where each event goes.

What may live here: the `Events` buffer and the table of routes it asks. No handler is called here.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Any

from ..errors import EventHandlingError, EventRouteDoesNotExist, EventsClosed, EventsShared
from .messages import RECORDED_AT, Event
from .routes import RouteTable

__all__ = ("CLOSED", "Buffer", "EventRoute", "Events", "OwnEvents", "expect_event", "failed")


@dataclass(frozen=True, slots=True, eq=False)
class EventRoute:
    """Where the events of one type go.

    Attributes:
        handlers: Compiled handlers in bind order; empty if nobody in this process takes the event.
        outgoing: Whether the event goes to the broker.
        admit: Called when an event is recorded. Returns what is queued for it: a message for the broker, or the
            event itself. Raises if the event could not be emitted, while the command can still fail.
        direct: Whether emitting the event is no more than calling one handler after the other, none of which records.
        only: The class of the only handler, if emitting the event is no more than ``only().handle(event)``.
    """

    handlers: tuple[Any, ...] = ()
    outgoing: bool = False
    admit: Callable[[Any], Any] | None = None
    direct: bool = False
    only: Callable[[], Any] | None = None


class Events:
    """The buffer that a handler records its events into, in order.

    The mediator hands out one for each dispatch. Made by hand, ``Events()`` takes any event, for testing handlers:
    ``handler.handle(command, events); assert list(events) == [...]``.
    """

    __slots__ = ("items", "routes")

    items: list[tuple[EventRoute, Any]]
    routes: RouteTable[EventRoute]

    def __init__(self) -> None:
        self.items = []
        self.routes = _ANYWHERE

    def append(self, event: Event) -> None:
        """Record an event, to be emitted after the command has been carried out.

        Raises:
            EventRouteDoesNotExist: The event has neither a handler nor a broker to go to.
            MessageEncodeError: The event goes to a broker but cannot be serialised.
            EventsClosed: The dispatch has ended.
        """
        try:
            route = self.routes.known[type(event)]
        except KeyError:
            route = self.routes[type(event)]
        if event._diator_recorded_at is None:
            event.__dict__[RECORDED_AT] = time()
        self.items.append((route, event if route.admit is None else route.admit(event)))

    def extend(self, events: Iterable[Event]) -> None:
        """Record several events in order."""
        for event in events:
            self.append(event)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Any]:
        """The recorded events, in order; one that goes to a broker appears as its message."""
        return (item for _, item in self.items)

    def __repr__(self) -> str:
        state = "closed" if self.routes is CLOSED else "open"
        return f"<Events: {len(self)} recorded, {state}>"


class Buffer(Events):
    """An `Events` whose maker sets ``items`` and ``routes``: without an ``__init__`` a dispatch costs one call less."""

    __slots__ = ()

    if not TYPE_CHECKING:
        __init__ = object.__init__


def expect_event(event_type: type) -> None:
    """Raise if what was recorded is not an event.

    Raises:
        EventRouteDoesNotExist: It does not derive from `Event`.
    """
    if not issubclass(event_type, Event):
        raise EventRouteDoesNotExist(
            f"{event_type.__qualname__} is not an event: derive it from DomainEvent, NotificationEvent or ECSTEvent"
        )


def failed(message: Any, errors: Sequence[Exception], response: Any = None) -> EventHandlingError:
    """The error for what went wrong after a message had been carried out."""
    count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    return EventHandlingError(f"{count} after {type(message).__qualname__} had been carried out", errors, response)


def _accept(event_type: type) -> EventRoute:
    expect_event(event_type)
    return EventRoute()


def _refuse(event_type: type) -> EventRoute:
    raise EventsClosed(
        f"{event_type.__qualname__} was recorded after its dispatch had ended, and would never be emitted. "
        "Record it before the handler returns, or use `mediator.publish`"
    )


#: Set as a buffer's routes, it makes recording an error.
CLOSED: RouteTable[EventRoute] = RouteTable(_refuse)
_ANYWHERE: RouteTable[EventRoute] = RouteTable(_accept)


class OwnEvents:
    """Takes the events out of a handler that keeps them in a list of its own, as in diator 0.1.2.

    Such a handler may be shared between dispatches, and its list may be a copy that cannot be emptied; only what
    was added during this dispatch counts.
    """

    _busy: set[int] = set()  # noqa: RUF012 - shared on purpose: ids of the handlers that are handling right now
    _lock = threading.Lock()

    def __init__(self, handler: Any) -> None:
        self._handler = handler
        self._start = 0

    def __enter__(self) -> "OwnEvents":
        with self._lock:
            if id(self._handler) in self._busy:
                raise EventsShared(
                    f"{type(self._handler).__qualname__} keeps its events in a list of its own and is used by two "
                    "dispatches at once, so their events would mix. Take the buffer as `handle`'s second parameter, "
                    "annotated `Events`, or let the container build a new handler each time"
                )
            self._busy.add(id(self._handler))
        try:
            self._empty()
            self._start = len(self._recorded())
        except BaseException:
            self._release()
            raise
        return self

    def take(self) -> list[Any]:
        """The events recorded since `__enter__`."""
        return list(self._recorded())[self._start :]

    def __exit__(self, *exc: object) -> None:
        try:
            self._empty()
        finally:
            self._release()

    def _release(self) -> None:
        with self._lock:
            self._busy.discard(id(self._handler))

    def _recorded(self) -> Sequence[Any]:
        events: Sequence[Any] = getattr(self._handler, "events", ())
        return events if isinstance(events, list | tuple) else ()  # anything else is not a list of events

    def _empty(self) -> None:
        events = self._recorded()
        if isinstance(events, list):
            events.clear()
