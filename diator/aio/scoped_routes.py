"""The routes of requests in a scope of the container: opened for each send, and closed after its last event handler."""

from collections.abc import Callable, Sequence
from typing import Any

from .._core.events import failed
from .._runtime.aio.concurrency import ASYNC
from .chain import Dispatch, Step
from .events import EventEmitter
from .handlers import CompiledHandler
from .request_routes import Route, handle_later
from .scopes import OpenScope, Scopes, wait_until_closed

__all__ = ("scoped_resolving_route", "scoped_route", "unscoped_route")


def scoped_resolving_route(handler: CompiledHandler, scopes: Scopes) -> Route:
    """For a class that records nothing, without middlewares, in a scope for each send."""
    new_scope = scopes.new
    handler_type = handler.resolved

    async def route(request: Any) -> Any:
        try:
            scope = new_scope()
        except Exception as error:
            scopes.explain(handler, error)
            raise
        is_open = isinstance(scope, OpenScope)
        entered: Any
        if ASYNC:
            awaits = not is_open and hasattr(scope, "__aenter__")
            entered = await scope.__aenter__() if awaits else scope if is_open else scope.__enter__()
        else:
            entered = scope if is_open else scope.__enter__()
        built: Any = None
        try:
            found = entered.resolve(handler_type)
            if ASYNC:  # noqa: SIM102
                if type(found) is not handler_type and hasattr(found, "__await__"):
                    found = await found
            built = found
            response = await built.handle(request)
        except BaseException as error:
            await scopes.leave(scope, error)
            if built is None and isinstance(error, Exception):
                scopes.explain(handler, error)
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


def unscoped_route(handler: CompiledHandler, make: Callable[[], Any], scopes: Scopes, scoped: Route) -> Route:
    """The same where nothing belongs to the scope, so that none is opened as long as this makes the handler."""

    def route(request: Any) -> Any:
        try:
            built = make()
        except Exception as error:
            scopes.explain(handler, error)
            raise
        if built is None:
            return scoped(request)
        if ASYNC:  # noqa: SIM102
            if type(built) is not handler.resolved and hasattr(built, "__await__"):
                return handle_later(built, request)
        return built.handle(request)

    return route


def scoped_route(handler: CompiledHandler, first: Step, emitter: EventEmitter, scopes: Scopes) -> Route:
    """In a scope for each send. It is entered and left right here: two calls more would be felt."""
    new_scope = scopes.new

    async def route(request: Any) -> Any:
        dispatch = Dispatch()
        dispatch.events = None
        errors: Sequence[Exception] = ()
        try:
            scope = new_scope()
        except Exception as error:
            scopes.explain(handler, error)
            raise
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
