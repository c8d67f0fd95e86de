# Generated from diator/aio/events.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The event emitter: what is recorded goes to its handlers in this process, or to the message broker."""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import partial
from itertools import dropwhile, groupby
from typing import Any

from .._core.envelope import Message
from .._core.events import CLOSED, Buffer, EventRoute, failed
from .._core.inspection import SyncMode
from .._core.messages import Event
from .._core.registry import EventMap
from .._core.routes import RouteTable
from .._core.serializers import Serializer
from .._runtime.sync.concurrency import Runner, gather, one_at_a_time
from ..errors import EventHandlingError, MaxCascadeExceeded
from .abc import Container, MessageBroker
from .event_routes import EventRoutes, EventSettings
from .handlers import CompiledHandler, Resolve
from .scopes import Scopes

__all__ = ("EventEmitter",)

Item = tuple[EventRoute, Any]


class EventEmitter:
    """Emits events: first in, first out; what event handlers record joins the end of the queue.

    Args:
        event_map: The handlers.
        container: Builds handlers when the emitter is used alone; a mediator hands over its own scope.
        message_broker: Takes notification and ECST events. Without one their handlers run in this process.
        strict_events: Make a `DomainEvent` that nobody handles an error where it is recorded.
        fail_fast: Stop at the first event handler that raises, instead of running the remaining ones.
        max_cascade: How many generations of events (events recorded while handling events) may follow a command.
        concurrency: How many event handlers may run at the same time; 1 keeps them in order. With more, the handlers
            of one generation run in parallel, and messages to the broker still keep their place among them. Blocking
            code always runs them one after another.
        sync: Where ``def`` handlers run: ``"inline"``, or in a worker ``"thread"``. Blocking code runs them in the
            calling thread, whatever this says.
        runner: Runs code of the other colour.
        serializer: Turns events into payloads for the broker; JSON by default.

    Attributes:
        routes: Where the events of each type go.
        fail_fast: As it was given.
    """

    def __init__(
        self,
        event_map: EventMap | None = None,
        container: Container | None = None,
        message_broker: MessageBroker | None = None,
        *,
        strict_events: bool = False,
        fail_fast: bool = False,
        max_cascade: int = 1000,
        concurrency: int = 1,
        sync: SyncMode = "inline",
        runner: Runner | None = None,
        serializer: Serializer | None = None,
    ) -> None:
        for name, number in (("max_cascade", max_cascade), ("concurrency", concurrency)):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, not {number}")
        self._settings = EventSettings(
            event_map=EventMap() if event_map is None else event_map,
            has_broker=message_broker is not None,
            strict=strict_events,
            sync=sync,
            serializer=serializer,
            parallel=concurrency > 1,
        )
        self._broker = message_broker
        self.fail_fast = fail_fast
        self._max_cascade = max_cascade
        self._concurrency = concurrency
        self._attach(container, runner or Runner())

    def _attach(self, container: Container | None, runner: Runner) -> None:
        self._scopes = Scopes(container, runner)
        self.routes = EventRoutes(self._settings, self._scopes, runner)

    def emit(self, event: Event, *, scope: Any = None) -> None:
        """Send an event to its handlers or to the broker, and whatever these record after it.

        Args:
            event: What has happened.
            scope: A scope of the container that somebody else has opened and will close; None to open one.

        Raises:
            EventRouteDoesNotExist: There is nobody to take it.
            MessageEncodeError: It goes to the broker but cannot be serialised.
            EventHandlingError: Handlers or the broker failed; the others have run.
        """
        self._emit(event, self._buffer(self.routes.recorded, event), scope, [], None)

    def run(
        self, handlers: Sequence[CompiledHandler], event: Event, resolve: Resolve | None
    ) -> list[list[Item] | Exception | None]:
        """Run handlers of one event, and emit nothing.

        Returns:
            For each what it recorded, or what it raised; None for one that did not run, or not to its end.
        """
        if self._concurrency > 1:
            resolve = None if resolve is None else one_at_a_time(resolve)
            jobs = [partial(self._handle, handler, event, resolve) for handler in handlers]
            return gather(jobs, self._concurrency, self.fail_fast)
        outcomes: list[list[Item] | Exception | None] = [None] * len(handlers)
        for index, handler in enumerate(handlers):
            try:
                outcomes[index] = self._handle(handler, event, resolve)
            except Exception as error:  # noqa: BLE001 - the other handlers still run
                outcomes[index] = error
                if self.fail_fast:
                    break
        return outcomes

    def drain(self, items: list[Item], resolve: Resolve | None, *errors: Exception) -> Sequence[Exception]:
        """Emit what was recorded, and what that causes.

        Args:
            items: What a buffer holds.
            resolve: Gives what the container has for a type, in the scope of the dispatch.
            errors: What was raised before.

        Returns:
            What was raised, in order.
        """
        for route, event in items:
            if not route.direct:
                return self._drain_all([*dropwhile(_is_direct, items)], resolve, [*errors])
            for handler in route.handlers:
                new = handler.new
                try:
                    if new is not None:
                        new().handle(event)
                    elif handler.simple is not None:
                        handler.simple(event)
                    elif handler.resolved is not None and resolve is not None:
                        built: Any = resolve(handler.resolved)
                        built.handle(event)
                    else:
                        handler.handle(event, None, resolve)
                except Exception as error:  # noqa: BLE001 - the other handlers still run
                    errors = (*errors, error)
                    if self.fail_fast:
                        return errors
        return errors

    def _drain_all(self, items: list[Item], resolve: Resolve | None, errors: list[Exception]) -> list[Exception]:
        """The same for all kinds of events, generation after generation."""
        if resolve is not None and self._concurrency > 1:
            resolve = one_at_a_time(resolve)  # handlers that ask for the same object would make two of it
        for _ in range(self._max_cascade):
            items = self._drain_generation(items, resolve, errors)
            if not items or (errors and self.fail_fast):
                return errors
        return [*errors, _endless(self._max_cascade, len(items))]

    def check(self) -> list[Exception]:
        """Return what is wrong with the routes of all known events."""
        return self.routes.check()

    def emit_all(self, message: Any, events: Iterable[Event], response: Any = None) -> None:
        """Emit the events of a message that somebody else has handled.

        Raises:
            EventHandlingError: An event has nowhere to go, or handlers or the broker failed; the others have run.
        """
        buffer = self._buffer(self.routes.recorded)
        errors: list[Exception] = []
        for event in events:
            try:
                buffer.append(event)
            except Exception as error:  # noqa: BLE001 - too late to refuse: the command is done
                errors.append(error)
        try:
            self._emit(message, buffer, None, errors, response)
        except EventHandlingError:
            raise
        except Exception as error:
            raise failed(message, [*errors, error], response) from error

    def _emit(self, message: Any, buffer: Buffer, within: Any, errors: list[Exception], response: Any) -> None:
        """Emit what was recorded, in the scope that is given or in a new one."""
        if within is not None:
            errors += self.drain(buffer.items, self._scopes.within(within))
        else:
            scope = self._scopes.new()
            resolve = self._scopes.enter(scope)
            try:
                errors += self.drain(buffer.items, resolve)
            except BaseException as error:
                self._scopes.leave(scope, error)
                raise
            failure = self._scopes.leave(scope, None)
            if failure is not None:
                errors.append(failure)
        if errors:
            raise failed(message, errors, response)

    def _buffer(self, routes: RouteTable[EventRoute], *events: Event) -> Buffer:
        buffer = Buffer()
        buffer.items = []
        buffer.routes = routes
        buffer.extend(events)
        return buffer

    def _drain_generation(self, items: list[Item], resolve: Resolve | None, errors: list[Exception]) -> list[Item]:
        """Emit one generation of events, and return what its handlers have recorded."""
        caused: list[Item] = []
        for outgoing, group in groupby(items, key=_is_outgoing):
            if errors and self.fail_fast:
                break
            if outgoing:
                self._send([message for _, message in group], errors)
                continue
            jobs = [partial(self._handle, each, event, resolve) for route, event in group for each in route.handlers]
            for outcome in gather(jobs, self._concurrency, self.fail_fast):
                if isinstance(outcome, Exception):
                    errors.append(outcome)
                elif outcome is not None:
                    caused += outcome
        return caused

    def _handle(self, handler: CompiledHandler, event: Event, resolve: Resolve | None) -> list[Item]:
        """Run a handler, and return what it recorded unless it raised."""
        events = self._buffer(self.routes.of(handler))
        try:
            handler.handle(event, events, resolve)
        finally:
            events.routes = CLOSED
        return events.items

    def _send(self, messages: list[Message], errors: list[Exception]) -> None:
        """Send adjacent messages to the broker, in order: together, or each by itself where it takes no batches."""
        broker: Any = self._broker
        batches = hasattr(broker, "send_messages")
        send: Callable[[Any], None] = broker.send_messages if batches else broker.send_message
        for outgoing in [messages] if batches else messages:
            if errors and self.fail_fast:
                return
            try:
                send(outgoing)
            except Exception as error:  # noqa: BLE001 - the other messages and handlers still have their turn
                errors.append(error)


def within(emitter: EventEmitter, container: Container | None, runner: Runner) -> EventEmitter:
    """The same emitter for a mediator, which builds handlers with its own container and in its own scope."""
    if getattr(type(emitter), "emit", None) is EventEmitter.emit:
        twin = copy(emitter)
        twin._attach(container, runner)
        return twin
    events = EventMap()
    events.bind(Event, _OwnEmitter(runner.adapt(emitter.emit)))
    return EventEmitter(events, runner=runner)


class _OwnEmitter:
    """Somebody's own emitter, as the handler of every event."""

    def __init__(self, emit: Callable[[Any], None]) -> None:
        self._emit = emit

    def handle(self, event: Any) -> None:
        self._emit(event)


def _endless(generations: int, left: int) -> MaxCascadeExceeded:
    return MaxCascadeExceeded(
        f"events kept causing events for {generations} generations; {left} were not handled. Look for handlers that "
        "cause each other's events, or raise `max_cascade`"
    )


def _is_direct(item: Item) -> bool:
    return item[0].direct


def _is_outgoing(item: Item) -> bool:
    return item[0].outgoing
