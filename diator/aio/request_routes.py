"""The routes of requests: what runs for each send, from the handler's cheapest call to everything in a scope."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from .._core.events import CLOSED, Buffer, EventRoute, failed
from .._runtime.aio.concurrency import ASYNC, async_only
from .chain import Dispatch, Step
from .events import EventEmitter
from .handlers import CompiledHandler, Resolve
from .scopes import OpenScope, Scopes, wait_until_closed

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
        if items:
            errors = await emitter.drain(items, resolve)
            if errors:
                raise failed(request, errors, response)
        return response

    return route


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
                return _handle_later(handler, request)
        return handler.handle(request)

    return route


@async_only
async def _handle_later(handler: Awaitable[Any], request: Any) -> Any:
    return await (await handler).handle(request)


def scoped_resolving_route(handler_type: type, scopes: Scopes) -> Route:
    """For a class that records nothing, without middlewares, in a scope for each send."""
    new_scope = scopes.new

    async def route(request: Any) -> Any:
        scope = new_scope()
        is_open = isinstance(scope, OpenScope)
        entered: Any
        if ASYNC:
            awaits = not is_open and hasattr(scope, "__aenter__")
            entered = await scope.__aenter__() if awaits else scope if is_open else scope.__enter__()
        else:
            entered = scope if is_open else scope.__enter__()
        try:
            handler: Any = entered.resolve(handler_type)
            if ASYNC:  # noqa: SIM102
                if type(handler) is not handler_type and hasattr(handler, "__await__"):
                    handler = await handler
            response = await handler.handle(request)
        except BaseException as error:
            await scopes.leave(scope, error)
            raise
        try:
            if ASYNC:
                if is_open:
                    closing = scope.close(None)
                    if closing is not None:
                        await wait_until_closed(closing)
                elif awaits:  # pyright: ignore[reportPossiblyUnboundVariable]
                    await scope.__aexit__(None, None, None)
                else:
                    scope.__exit__(None, None, None)
            else:
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
        if ASYNC:  # noqa: SIM102
            if type(handler) is not handler_type and hasattr(handler, "__await__"):
                return _handle_later(handler, request)
        return handler.handle(request)

    return route


def scoped_route(first: Step, emitter: EventEmitter, scopes: Scopes) -> Route:
    """In a scope for each send. It is entered and left right here: two calls more would be felt."""
    new_scope = scopes.new

    async def route(request: Any) -> Any:
        dispatch = Dispatch()
        dispatch.events = None
        errors: Sequence[Exception] = ()
        scope = new_scope()
        is_open = isinstance(scope, OpenScope)
        entered: Any
        if ASYNC:
            awaits = not is_open and hasattr(scope, "__aenter__")
            entered = await scope.__aenter__() if awaits else scope if is_open else scope.__enter__()
        else:
            entered = scope if is_open else scope.__enter__()
        dispatch.resolve = scopes.resolver(entered) if scopes.foreign else entered.resolve
        try:
            try:
                response = await first(dispatch, request)
            finally:
                items: list[Any] = dispatch.end() if dispatch.events is not None else []
            if items:
                errors = await emitter.drain(items, dispatch.resolve)
        except BaseException as error:
            await scopes.leave(scope, error)
            raise
        try:
            if ASYNC:
                if is_open:
                    closing = scope.close(None)
                    if closing is not None:
                        await wait_until_closed(closing)
                elif awaits:  # pyright: ignore[reportPossiblyUnboundVariable]
                    await scope.__aexit__(None, None, None)
                else:
                    scope.__exit__(None, None, None)
            else:
                scope.close(None) if is_open else scope.__exit__(None, None, None)
        except Exception as error:  # noqa: BLE001 - the command itself is done
            errors = [*errors, error]
        if errors:
            raise failed(request, errors, response)
        return response

    return route
