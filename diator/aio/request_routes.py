"""The routes of requests that need no scope of their own: what runs for each send."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from itertools import dropwhile
from typing import Any

from .._core.events import CLOSED, Buffer, EventRoute, failed
from .._runtime.aio.concurrency import ASYNC, async_only
from .chain import Dispatch, Step
from .events import EventEmitter
from .handlers import CompiledHandler, Resolve

__all__ = (
    "Route",
    "RouteInScope",
    "chained_route",
    "guarded",
    "recording_route",
    "simplest",
)

#: Sends one request: what the mediator keeps for each request type.
Route = Callable[[Any], Coroutine[Any, Any, Any]]
#: The same in a scope that somebody else has opened: it takes what gives the objects, and the request.
RouteInScope = Callable[[Resolve | None, Any], Coroutine[Any, Any, Any]]


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

    async def route(request: Any) -> Any:
        events = Buffer()
        items: list[tuple[EventRoute, Any]] = []
        events.items = items
        events.routes = routes
        try:
            if build is not None:
                response = await build().handle(request, events)
            elif execute is None:
                response = await handle(request, events)
            else:
                response = await execute(handle or new().handle, request, events)
        finally:
            events.routes = CLOSED
        errors: Sequence[Exception] = ()  # nearly always, and a list would be felt
        for event_route, event in items:
            only = event_route.only
            if only is None:
                rest = items if event_route is items[0][0] else [*dropwhile(_has_only, items)]
                errors = await emitter.drain(rest, resolve, *errors)
                break
            try:
                await only().handle(event)
            except Exception as error:  # noqa: BLE001 - the other handlers still run
                errors = (*errors, error)
                if emitter.fail_fast:
                    break
        if errors:
            raise failed(request, errors, response)
        return response

    return route


def _has_only(item: tuple[EventRoute, Any]) -> bool:
    return item[0].only is not None


def chained_route(first: Step, emitter: EventEmitter) -> RouteInScope:
    """For everything that needs no scope of its own."""

    async def route(resolve: Resolve | None, request: Any) -> Any:
        dispatch = Dispatch()
        dispatch.events = None
        dispatch.resolve = resolve
        try:
            response = await first(dispatch, request)
        finally:
            items: list[Any] = dispatch.end() if dispatch.events is not None else []
        if items:
            errors = await emitter.drain(items, resolve)
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
        if ASYNC:  # noqa: SIM102
            if type(handler) is not handler_type and hasattr(handler, "__await__"):
                return handle_later(handler, request)
        return handler.handle(request)

    return route


@async_only
async def handle_later(handler: Awaitable[Any], request: Any) -> Any:
    return await (await handler).handle(request)
