# Generated from diator/aio/event_routes.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Where the events of each type go, compiled once and looked up for each event."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .._core.envelope import to_message
from .._core.events import EventRoute, expect_event
from .._core.inspection import SyncMode
from .._core.messages import DomainEvent, ECSTEvent, Event, NotificationEvent
from .._core.payloads import check_payload
from .._core.registry import EventMap
from .._core.routes import RouteTable
from .._core.serializers import Serializer
from .._runtime.sync.concurrency import Runner
from ..errors import EventRouteDoesNotExist
from .handlers import CompiledHandler
from .scopes import Scopes

__all__ = ("EventRoutes", "EventSettings")


@dataclass(frozen=True, kw_only=True)
class EventSettings:
    """What an emitter was told about events, whoever builds their handlers.

    Attributes:
        event_map: The handlers.
        has_broker: Whether notification and ECST events go to a broker.
        strict: Whether a `DomainEvent` needs a handler.
        sync: Where ``def`` handlers run if their binding does not say.
        serializer: What the broker will encode messages with.
        parallel: Whether handlers run side by side.
    """

    event_map: EventMap
    has_broker: bool
    strict: bool
    sync: SyncMode
    serializer: Serializer | None
    parallel: bool


class EventRoutes:
    """The routes of an emitter, for one container.

    Attributes:
        recorded: Of events that are recorded or emitted here.
        received: Of events that came from a broker: they are not sent again.
    """

    def __init__(self, settings: EventSettings, scopes: Scopes, runner: Runner) -> None:
        self._settings = settings
        self._scopes = scopes
        self._runner = runner
        self.recorded: RouteTable[EventRoute] = RouteTable(self._compile)
        self.received: RouteTable[EventRoute] = RouteTable(self._compile_local)
        self._elsewhere: RouteTable[EventRoute] = RouteTable(partial(self._compile, guarded=False))
        for table in (self.recorded, self.received, self._elsewhere):
            self.watch(table)

    def watch(self, table: RouteTable[Any]) -> None:
        """Empty this table whenever an event may go somewhere else."""
        self._settings.event_map.watch(table)

    def receivable(self) -> list[type[Event]]:
        """The known events that a broker may bring and that have handlers here."""
        types = self._settings.event_map.get_events()
        return [t for t in types if issubclass(t, NotificationEvent | ECSTEvent) and self._settings.event_map.specs(t)]

    def of(self, handler: CompiledHandler) -> RouteTable[EventRoute]:
        """The routes of what a handler records.

        An event is refused where it is recorded if its handlers could not run in that thread later. A handler of the
        other colour records somewhere else, and has shown by running that code of its colour can run.
        """
        return self._elsewhere if handler.foreign else self.recorded

    def check(self) -> list[Exception]:
        """Compile the routes of all known events, and return what is wrong with them."""
        problems: list[Exception] = []
        for event_type in self._settings.event_map.get_events():
            try:
                for handler in self._compile_handlers(event_type):
                    self._scopes.check(handler)
                guard = self._guard(self.recorded[event_type].handlers)
                if guard is not None:
                    guard()
            except Exception as problem:  # noqa: BLE001 - collected for the caller
                problems.append(problem)
        return problems

    def _compile(self, event_type: type, guarded: bool = True) -> EventRoute:
        expect_event(event_type)
        if self._settings.has_broker and issubclass(event_type, NotificationEvent | ECSTEvent):
            check_payload(event_type)
            return EventRoute(outgoing=True, admit=partial(to_message, serializer=self._settings.serializer))
        return self._compile_local(event_type, guarded)

    def _compile_local(self, event_type: type, guarded: bool = True) -> EventRoute:
        handlers = self._compile_handlers(event_type)
        if not handlers and (self._settings.strict or not issubclass(event_type, DomainEvent)):
            remedy = "bind a handler to it"
            if issubclass(event_type, NotificationEvent | ECSTEvent):
                remedy += ", or pass a message broker"
            raise EventRouteDoesNotExist(f"{event_type.__qualname__} has nowhere to go: {remedy}")
        guard = self._guard(handlers) if guarded else None
        direct = not (self._settings.parallel or any(handler.records for handler in handlers))
        return EventRoute(
            handlers,
            admit=None if guard is None else partial(_admit, guard),
            direct=direct,
            only=handlers[0].new if direct and len(handlers) == 1 else None,
        )

    def _compile_handlers(self, event_type: type) -> tuple[CompiledHandler, ...]:
        specs = self._settings.event_map.specs(event_type)
        scopes, sync = self._scopes, self._settings.sync
        return tuple(CompiledHandler(spec, scopes.key, scopes.explain, self._runner, sync) for spec in specs)

    def _guard(self, handlers: tuple[CompiledHandler, ...]) -> Callable[[], None] | None:
        foreign = any(handler.foreign for handler in handlers) or (bool(handlers) and self._scopes.foreign)
        return self._runner.guard(foreign)


def _admit(guard: Callable[[], None], event: Any) -> Any:
    guard()
    return event
