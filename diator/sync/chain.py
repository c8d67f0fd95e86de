# Generated from diator/aio/chain.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The chain of one request type: its middlewares folded around its handler."""

from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

from .._core.events import CLOSED, Buffer, EventRoute
from .._core.pipeline import Form, SelectedMiddleware
from .._core.routes import RouteTable
from .._runtime.sync.concurrency import Runner, drive
from .handlers import CompiledHandler, Resolve

__all__ = ("Dispatch", "Step", "around_step", "fold", "fold_simple", "surround")


class Dispatch:
    """What belongs to one send: its buffer and its scope."""

    __slots__ = ("events", "resolve")

    events: Any  # a Buffer from `begin` to `end`, otherwise None
    resolve: Resolve | None

    def begin(self, routes: RouteTable[EventRoute]) -> Buffer:
        """Start with an empty buffer, also when a middleware calls the handler again."""
        if self.events is not None:
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


#: One layer of the chain: handles a request in a dispatch.
Step = Callable[[Dispatch, Any], Any]


def fold(
    handler: CompiledHandler, middlewares: list[SelectedMiddleware], routes: RouteTable[EventRoute], runner: Runner
) -> Step:
    """Put the middlewares around the handler."""
    return _fold(handler, _innermost(handler, routes), middlewares, runner, around_step)


def fold_simple(
    handler: CompiledHandler, handle: Callable[[Any], Any], middlewares: list[SelectedMiddleware], runner: Runner
) -> Callable[[Any], Any]:
    """The same where nothing belongs to a dispatch: the handler takes the request and nothing else.

    Args:
        handler: The handler.
        handle: What calls it.
        middlewares: What to put around it.
        runner: Runs code of the other colour.
    """
    innermost: Any = handle
    return _fold(handler, innermost, middlewares, runner, around_handle)


def _fold(
    handler: CompiledHandler,
    inner: Callable[..., Any],
    middlewares: list[SelectedMiddleware],
    runner: Runner,
    around: Callable[[Callable[..., Any], Any], Any],
) -> Callable[..., Any]:
    outer = list(middlewares)
    return surround(inner, outer, runner, around)


def surround(
    inner: Callable[..., Any],
    middlewares: list[SelectedMiddleware],
    runner: Runner,
    around: Callable[[Callable[..., Any], Any], Any],
) -> Callable[..., Any]:
    """Put middlewares around what handles a message, each by ``around``."""
    for middleware in reversed(middlewares):
        inner = around(_call(middleware, runner), inner)
    return inner


def around_step(call: Callable[[Any, Any], Any], step: Step) -> Step:
    return lambda dispatch, request: call(request, MethodType(step, dispatch))


def around_handle(call: Callable[[Any, Any], Any], handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda request: call(request, handle)


def _call(middleware: SelectedMiddleware, runner: Runner) -> Callable[[Any, Any], Any]:
    """What runs a middleware of any form, given the request and the rest of the chain."""
    if middleware.form is Form.GENERATOR:
        return partial(drive, middleware.call)
    if middleware.form is (Form.PLAIN):
        return middleware.call
    return partial(runner.around, middleware.call)


def _innermost(handler: CompiledHandler, routes: RouteTable[EventRoute]) -> Step:
    if handler.resolved is not None:
        return _resolving(handler.resolved, routes if handler.records else None)
    handle = handler.handle
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


def _resolving(handler_type: type, routes: RouteTable[EventRoute] | None) -> Step:
    """The same as `CompiledHandler.handle`, for a class that the container builds and that is then only called."""

    def step(dispatch: Dispatch, request: Any) -> Any:
        handler: Any = dispatch.resolve(handler_type)  # type: ignore[misc]
        if routes is None:
            return handler.handle(request)
        events = dispatch.begin(routes)
        try:
            return handler.handle(request, events)
        except BaseException:
            dispatch.end()
            raise

    return step
