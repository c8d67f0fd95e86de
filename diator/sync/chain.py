# Generated from diator/aio/chain.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The chain of one request type: its middlewares folded around its handler."""

from collections.abc import Callable
from types import MethodType
from typing import Any

from .._core.events import CLOSED, Buffer, EventRoute
from .._core.pipeline import Form, SelectedMiddleware
from .._core.routes import RouteTable
from .._runtime.sync.concurrency import Runner, drive
from .handlers import CompiledHandler, Resolve

__all__ = ("STATELESS", "Dispatch", "Step", "fold", "surround")


class Dispatch:
    """What belongs to one send: its buffer and its scope."""

    __slots__ = ("events", "resolve")

    events: Any  # a Buffer from `begin` to `end`, otherwise None
    resolve: Resolve | None

    def begin(self, routes: RouteTable[EventRoute]) -> Buffer:
        """Start with an empty buffer, also when a middleware calls the handler again."""
        self.end()
        events = self.events = Buffer()
        events.items = []
        events.routes = routes
        return events

    def end(self) -> list[Any]:
        """Close the buffer, and return what is in it."""
        events, self.events = self.events, None
        if events is None:
            return []
        events.routes = CLOSED
        items: list[Any] = events.items
        return items


#: For routes in which nothing is recorded or resolved.
STATELESS = Dispatch()
STATELESS.events = None
STATELESS.resolve = None

#: One layer of the chain: handles a request in a dispatch.
Step = Callable[[Dispatch, Any], Any]


def fold(
    handler: CompiledHandler, middlewares: list[SelectedMiddleware], routes: RouteTable[EventRoute], runner: Runner
) -> Step:
    """Put the middlewares around the handler."""
    step = _innermost(handler, routes)
    return surround(step, middlewares, runner)


def surround(step: Step, middlewares: list[SelectedMiddleware], runner: Runner) -> Step:
    """Put middlewares around what handles a message."""
    for middleware in reversed(middlewares):
        if middleware.form is Form.GENERATOR:
            step = _around_generator(middleware.call, step)
        elif middleware.form is (Form.PLAIN):
            step = _around_native(middleware.call, step)
        else:
            step = _around_foreign(middleware.call, step, runner)
    return step


def _innermost(handler: CompiledHandler, routes: RouteTable[EventRoute]) -> Step:
    handle = handler.handle
    if handler.resolved is not None:
        return _resolving(handler.resolved)
    if not handler.records:
        return lambda dispatch, request: handle(request, None, dispatch.resolve)

    def step(dispatch: Dispatch, request: Any) -> Any:
        events = dispatch.begin(routes)
        try:
            return handle(request, events, dispatch.resolve)
        except BaseException:
            dispatch.end()
            raise

    return step


def _resolving(handler_type: type) -> Step:
    """The same as `CompiledHandler.handle`, for a class that the container builds and that is then only called."""

    def step(dispatch: Dispatch, request: Any) -> Any:
        handler: Any = dispatch.resolve(handler_type)  # type: ignore[misc]
        return handler.handle(request)

    return step


def _around_native(middleware: Callable[..., Any], step: Step) -> Step:
    return lambda dispatch, request: middleware(request, MethodType(step, dispatch))


def _around_foreign(middleware: Callable[..., Any], step: Step, runner: Runner) -> Step:
    return lambda dispatch, request: runner.around(middleware, request, MethodType(step, dispatch))


def _around_generator(middleware: Callable[..., Any], step: Step) -> Step:
    return lambda dispatch, request: drive(middleware, request, MethodType(step, dispatch))
