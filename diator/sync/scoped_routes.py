# Generated from diator/aio/scoped_routes.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The routes of requests in a scope of the container: opened for each send, and closed after its last event handler."""

from collections.abc import Callable, Sequence
from typing import Any

from .._core.events import failed
from .chain import Dispatch, Step
from .events import EventEmitter
from .handlers import CompiledHandler
from .request_routes import Route
from .scopes import OpenScope, Scopes

__all__ = ("scoped_resolving_route", "scoped_route", "unscoped_route")


def scoped_resolving_route(handler: CompiledHandler, scopes: Scopes) -> Route:
    """For a class that records nothing, without middlewares, in a scope for each send."""
    new_scope = scopes.new
    handler_type = handler.resolved

    def route(request: Any) -> Any:
        try:
            scope = new_scope()
        except Exception as error:
            scopes.explain(handler, error)
            raise
        is_open = isinstance(scope, OpenScope)
        entered: Any
        entered = scope if is_open else scope.__enter__()
        built: Any = None
        try:
            found = entered.resolve(handler_type)
            built = found
            response = built.handle(request)
        except BaseException as error:
            scopes.leave(scope, error)
            if built is None and isinstance(error, Exception):
                scopes.explain(handler, error)
            raise
        try:
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
        return built.handle(request)

    return route


def scoped_route(handler: CompiledHandler, first: Step, emitter: EventEmitter, scopes: Scopes) -> Route:
    """In a scope for each send. It is entered and left right here: two calls more would be felt."""
    new_scope = scopes.new

    def route(request: Any) -> Any:
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
