"""Which handler takes which message.

What may live here: the two maps, and the checks that can be made while binding.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, Concatenate, Protocol, TypeVar, overload

from ..errors import HandlerAlreadyBound, InvalidHandler, RequestHandlerDoesNotExist
from .annotations import declared_result, result_of
from .bindings import declared_types, describe_for, expect, identity, may_return, names_of_caller, text_of
from .handlers import EventHandler, RequestHandler
from .inspection import HandlerSpec, SyncMode, describe
from .messages import Event, Request
from .routes import Watched

__all__ = ("EventMap", "RequestMap", "Sendable")

H = TypeVar("H")
Q = TypeVar("Q")
R = TypeVar("R")
E = TypeVar("E", bound=Event)
Q_co = TypeVar("Q_co", covariant=True)
Q_contra = TypeVar("Q_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Sendable(Protocol[Q_co, R]):
    """What a type checker needs to know of a request class to compare it with a handler."""

    def __diator_types__(self) -> tuple[Q_co, list[R]]: ...


class _Handles(Protocol[Q_contra, R_co]):
    def handle(self, request: Q_contra, /, *args: Any, **kwargs: Any) -> R_co | Awaitable[R_co]: ...


class RequestMap(Watched):
    """The handler of each type of request."""

    def __init__(self) -> None:
        super().__init__()
        self._specs: dict[type, HandlerSpec] = {}

    @overload
    def bind(
        self,
        request_type: type[Sendable[Q, R]],
        handler: type[_Handles[Q, R]] | _Handles[Q, R],
        *,
        sync: SyncMode | None = None,
    ) -> None: ...
    @overload
    def bind(
        self,
        request_type: type[Sendable[Q, R]],
        handler: Callable[Concatenate[Q, ...], R | Awaitable[R]],
        *,
        sync: SyncMode | None = None,
    ) -> None: ...
    def bind(self, request_type: Any, handler: Any, *, sync: SyncMode | None = None) -> None:
        """Let a handler take the requests of exactly this type.

        Args:
            request_type: A subclass of `Request`.
            handler: A class with ``handle`` (built for each request), an object with one, or a function.
            sync: Where a ``def`` handler runs on `diator.aio`: ``"inline"`` or in a worker ``"thread"``. None leaves
                it to the mediator; on `diator.sync` it always runs in the calling thread.

        Raises:
            HandlerAlreadyBound: The request has a handler already.
            InvalidHandler: The handler is for another request or result, or cannot be understood.
        """
        names = names_of_caller()
        expect(request_type, Request, "Derive it from Command or Query")
        self._add(request_type, describe_for(request_type, handler, RequestHandler, sync, names))

    @overload
    def handler(self, handler: H, /) -> H: ...
    @overload
    def handler(self, /, *, sync: SyncMode | None = None) -> Callable[[H], H]: ...
    def handler(self, handler: Any = None, /, *, sync: SyncMode | None = None) -> Any:
        """Bind the decorated class or function to the request that its annotations name.

        Raises:
            HandlerAlreadyBound: The request has a handler already.
            InvalidHandler: It does not say which request it handles, or declares another result than the request.
        """
        names = names_of_caller()

        def decorate(handler: Any) -> Any:
            spec = describe(handler, sync, names)
            request_types = declared_types(spec, RequestHandler, Request, names)
            for request_type in request_types:
                wanted, given = result_of(request_type), declared_result(handler, names)
                if not may_return(given, wanted):
                    raise InvalidHandler(
                        f"{spec.name} returns {text_of(given)}, but {request_type.__qualname__} is a request for "
                        f"{text_of(wanted)}: change one of them"
                    )
                self._refuse_second(request_type, spec)
            for request_type in request_types:
                self._add(request_type, spec)
            return handler

        return decorate if handler is None else decorate(handler)

    def include(self, other: "RequestMap") -> None:
        """Add all bindings that another map has now.

        Raises:
            HandlerAlreadyBound: A request has a handler in both.
        """
        for request_type in other._specs:
            self._refuse_second(request_type, other._specs[request_type])
        for request_type, spec in other._specs.items():
            self._add(request_type, spec)

    def get(self, request_type: type[Any]) -> Any:
        """The handler bound to a request.

        Raises:
            RequestHandlerDoesNotExist: There is none.
        """
        return self.spec(request_type).handler

    def spec(self, request_type: type[Any]) -> HandlerSpec:
        """What is known of the handler bound to a request.

        Raises:
            RequestHandlerDoesNotExist: There is none.
        """
        try:
            return self._specs[request_type]
        except KeyError:
            raise RequestHandlerDoesNotExist(
                f"no handler is bound to {request_type.__qualname__}: bind one with "
                f"`request_map.bind({request_type.__name__}, ...)` or the decorator `@request_map.handler`"
            ) from None

    def __iter__(self) -> Iterator[type]:
        return iter(list(self._specs))

    def __len__(self) -> int:
        return len(self._specs)

    def __str__(self) -> str:
        return str({request_type: spec.handler for request_type, spec in self._specs.items()})

    def _add(self, request_type: type, spec: HandlerSpec) -> None:
        self._refuse_second(request_type, spec)
        self._specs[request_type] = spec
        self._changed()

    def _refuse_second(self, request_type: type, spec: HandlerSpec) -> None:
        if request_type in self._specs:
            raise HandlerAlreadyBound(
                f"{request_type.__qualname__} is handled by {self._specs[request_type].name} already; a request has "
                f"one handler, so {spec.name} cannot take it too"
            )


class EventMap(Watched):
    """The handlers of each type of event. One event may have many, one handler may take many events."""

    def __init__(self) -> None:
        super().__init__()
        self._bindings: list[tuple[type, HandlerSpec]] = []
        self._declared: dict[type, None] = {}

    @overload
    def bind(
        self,
        event_type: type[E],
        handler: type[_Handles[E, None]] | _Handles[E, None],
        *,
        sync: SyncMode | None = None,
    ) -> None: ...
    @overload
    def bind(
        self,
        event_type: type[E],
        handler: Callable[Concatenate[E, ...], Awaitable[None] | None],
        *,
        sync: SyncMode | None = None,
    ) -> None: ...
    def bind(self, event_type: Any, handler: Any, *, sync: SyncMode | None = None) -> None:
        """Let a handler take the events of this type and its subclasses.

        Args:
            event_type: A subclass of `Event`, or `Event` itself for all of them.
            handler: A class with ``handle`` (built for each event), an object with one, or a function.
            sync: As for `RequestMap.bind`.

        Raises:
            HandlerAlreadyBound: This handler is bound to exactly this event already.
            InvalidHandler: The handler is for other events, or cannot be understood.
        """
        names = names_of_caller()
        expect(event_type, Event, "Derive it from DomainEvent, NotificationEvent or ECSTEvent")
        self._add(event_type, describe_for(event_type, handler, EventHandler, sync, names))

    @overload
    def handler(self, handler: H, /) -> H: ...
    @overload
    def handler(self, /, *, sync: SyncMode | None = None) -> Callable[[H], H]: ...
    def handler(self, handler: Any = None, /, *, sync: SyncMode | None = None) -> Any:
        """Bind the decorated class or function to the events that its annotations name (a union names several).

        Raises:
            HandlerAlreadyBound: It is bound to that event already.
            InvalidHandler: It does not say which events it handles.
        """
        names = names_of_caller()

        def decorate(handler: Any) -> Any:
            spec = describe(handler, sync, names)
            for event_type in declared_types(spec, EventHandler, Event, names):
                self._add(event_type, spec)
            return handler

        return decorate if handler is None else decorate(handler)

    def declare(self, *event_types: type[Event]) -> None:
        """Name events that this application records or receives without a handler of their own.

        `Mediator.check` then reports those that have nowhere to go, and they can be decoded by name when a handler
        is bound to a base class only.
        """
        for event_type in event_types:
            expect(event_type, Event, "Derive it from DomainEvent, NotificationEvent or ECSTEvent")
            self._declared[event_type] = None
        self._changed()

    def include(self, other: "EventMap") -> None:
        """Add all bindings and declarations that another map has now."""
        for event_type, spec in other._bindings:
            self._refuse_second(event_type, spec)
        for event_type, spec in other._bindings:
            self._add(event_type, spec)
        self.declare(*other._declared)

    def get(self, event_type: type[Any]) -> list[Any]:
        """The handlers that take an event of this type, in bind order."""
        return [spec.handler for spec in self.specs(event_type)]

    def specs(self, event_type: type[Any]) -> list[HandlerSpec]:
        """What is known of the handlers that take an event of this type, in bind order, each once."""
        found: dict[tuple[int, ...], HandlerSpec] = {}
        for bound_type, spec in self._bindings:
            if issubclass(event_type, bound_type):
                found.setdefault(identity(spec.handler), spec)
        return list(found.values())

    def get_events(self) -> list[type[Any]]:
        """All event types that are bound or declared."""
        return list(dict.fromkeys([*(event_type for event_type, _ in self._bindings), *self._declared]))

    def __str__(self) -> str:
        return str({event_type: self.get(event_type) for event_type in self.get_events()})

    def _add(self, event_type: type, spec: HandlerSpec) -> None:
        self._refuse_second(event_type, spec)
        self._bindings.append((event_type, replace(spec, may_own_events=False)))  # only requests had such lists
        self._changed()

    def _refuse_second(self, event_type: type, spec: HandlerSpec) -> None:
        for bound_type, bound in self._bindings:
            if bound_type is event_type and identity(bound.handler) == identity(spec.handler):
                raise HandlerAlreadyBound(f"{spec.name} is bound to {event_type.__qualname__} already")
