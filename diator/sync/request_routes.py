# Generated from diator/aio/request_routes.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The routes of requests: what runs for each send, from the handler's cheapest call to everything in a scope."""

from collections.abc import Callable, Sequence
from typing import Any

from .._core.events import CLOSED, Buffer, EventRoute, failed
from .chain import Dispatch, Step
from .events import EventEmitter
from .handlers import CompiledHandler, Resolve
from .scopes import OpenScope, Scopes

__all__ = (
    "Route",
    "RouteInScope",
    "chained_route",
    "guarded",
    "recording_route",
    "scoped_resolving_route",
    "scoped_route",
    "simplest",
    "unscoped_route",
)

#: Sends one request: what the mediator keeps for each request type.
Route = Callable[[Any], Any]
#: The same in a scope that somebody else has opened: it takes what gives the objects, and the request.
RouteInScope = Callable[[Resolve | None, Any], Any]


def guarded(guard: Callable[[], None], route: Callable[..., Any]) -> Callable[..., Any]:
    """Call the guard before anything else runs."""

    def guarded(*args: Any) -> Any:
        guard()
        return route(*args)

    return guarded


def recording_route(handler: CompiledHandler, emitter: EventEmitter, resolve: Resolve | None) -> Route:
    """For a handler that takes the buffer, without middlewares: no call more than needed."""
    new, function, execute = handler.parts()
    handle: Any = function
    build = new if execute is None else None
    routes = emitter.routes.of(handler)

    def route(request: Any) -> Any:
        events = Buffer()
        items: list[tuple[EventRoute, Any]] = []
        events.items = items
        events.routes = routes
        try:
            if build is not None:
                response = build().handle(request, events)
            elif execute is None:
                response = handle(request, events)
            else:
                response = execute(handle or new().handle, request, events)
        finally:
            events.routes = CLOSED
        if items:
            errors = emitter.drain(items, resolve)
            if errors:
                raise failed(request, errors, response)
        return response

    return route


def chained_route(first: Step, emitter: EventEmitter) -> RouteInScope:
    """For everything that needs no scope of its own."""

    def route(resolve: Resolve | None, request: Any) -> Any:
        dispatch = Dispatch()
        dispatch.events = None
        dispatch.resolve = resolve
        try:
            response = first(dispatch, request)
        finally:
            items: list[Any] = dispatch.end() if dispatch.events is not None else []
        if items:
            errors = emitter.drain(items, resolve)
            if errors:
                raise failed(request, errors, response)
        return response

    return route


def simplest(handler: CompiledHandler, resolve: Any) -> Route:
    """What calls a handler that records nothing, where there are no scopes."""
    if handler.simple is not None:
        return handler.simple
    if handler.resolved is None:
        return lambda request: handler.handle(request, None, resolve)
    handler_type = handler.resolved

    def route(request: Any) -> Any:
        handler: Any = resolve(handler_type)
        return handler.handle(request)

    return route


def scoped_resolving_route(handler_type: type, scopes: Scopes) -> Route:
    """For a class that records nothing, without middlewares, in a scope for each send."""
    new_scope = scopes.new

    def route(request: Any) -> Any:
        scope = new_scope()
        is_open = isinstance(scope, OpenScope)
        entered: Any
        entered = scope if is_open else scope.__enter__()
        try:
            handler: Any = entered.resolve(handler_type)
            response = handler.handle(request)
        except BaseException as error:
            scopes.leave(scope, error)
            raise
        try:
            scope.close(None) if is_open else scope.__exit__(None, None, None)
        except Exception as error:  # noqa: BLE001 - the command itself is done
            failure = error
        else:
            return response
        raise failed(request, [failure], response)

    return route


def unscoped_route(handler_type: type, make: Callable[[], Any], scoped: Route) -> Route:
    """The same where nothing belongs to the scope, so that none is opened as long as this makes the handler."""

    def route(request: Any) -> Any:
        handler = make()
        if handler is None:
            return scoped(request)
        return handler.handle(request)

    return route


def scoped_route(first: Step, emitter: EventEmitter, scopes: Scopes) -> Route:
    """In a scope for each send. It is entered and left right here: two calls more would be felt."""
    new_scope = scopes.new

    def route(request: Any) -> Any:
        dispatch = Dispatch()
        dispatch.events = None
        errors: Sequence[Exception] = ()
        scope = new_scope()
        is_open = isinstance(scope, OpenScope)
        entered: Any
        entered = scope if is_open else scope.__enter__()
        dispatch.resolve = scopes.resolver(entered) if scopes.foreign else entered.resolve
        try:
            try:
                response = first(dispatch, request)
            finally:
                items: list[Any] = dispatch.end() if dispatch.events is not None else []
            if items:
                errors = emitter.drain(items, dispatch.resolve)
        except BaseException as error:
            scopes.leave(scope, error)
            raise
        try:
            scope.close(None) if is_open else scope.__exit__(None, None, None)
        except Exception as error:  # noqa: BLE001 - the command itself is done
            errors = [*errors, error]
        if errors:
            raise failed(request, errors, response)
        return response

    return route
