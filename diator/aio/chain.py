"""The chain of one request type: its middlewares folded around its handler."""

from collections.abc import Callable
from types import MethodType
from typing import Any

from .._core.events import CLOSED, Buffer, EventRoute
from .._core.pipeline import Form, SelectedMiddleware
from .._core.pipeline import drive as drive_inline
from .._core.routes import RouteTable
from .._runtime.aio.concurrency import ASYNC, Runner, async_only, drive, inline
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
    if ASYNC:  # noqa: SIM102
        if handler.inline:  # a block of its own: it is resolved when generating
            step, middlewares = _fold_inline(handler, middlewares, routes)
    return surround(step, middlewares, runner)


def surround(step: Step, middlewares: list[SelectedMiddleware], runner: Runner) -> Step:
    """Put middlewares around what handles a message."""
    for middleware in reversed(middlewares):
        if middleware.form is Form.GENERATOR:
            step = _around_generator(middleware.call, step)
        elif middleware.form is (Form.ASYNC if ASYNC else Form.PLAIN):
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

    async def step(dispatch: Dispatch, request: Any) -> Any:
        events = dispatch.begin(routes)
        try:
            return await handle(request, events, dispatch.resolve)
        except BaseException:
            dispatch.end()
            raise

    return step


def _resolving(handler_type: type) -> Step:
    """The same as `CompiledHandler.handle`, for a class that the container builds and that is then only called."""

    async def step(dispatch: Dispatch, request: Any) -> Any:
        handler: Any = dispatch.resolve(handler_type)  # type: ignore[misc]
        if ASYNC:  # noqa: SIM102
            if hasattr(handler, "__await__"):
                handler = await handler
        return await handler.handle(request)

    return step


def _around_native(middleware: Callable[..., Any], step: Step) -> Step:
    return lambda dispatch, request: middleware(request, MethodType(step, dispatch))


def _around_foreign(middleware: Callable[..., Any], step: Step, runner: Runner) -> Step:
    return lambda dispatch, request: runner.around(middleware, request, MethodType(step, dispatch))


def _around_generator(middleware: Callable[..., Any], step: Step) -> Step:
    return lambda dispatch, request: drive(middleware, request, MethodType(step, dispatch))


@async_only
def _fold_inline(
    handler: CompiledHandler, middlewares: list[SelectedMiddleware], routes: RouteTable[EventRoute]
) -> tuple[Step, list[SelectedMiddleware]]:
    """Fold a ``def`` handler and the middlewares right around it that never await: they need no thread."""
    new, function, _ = handler.parts()

    def step(dispatch: Dispatch, request: Any) -> Any:
        handle: Any = function if new is None else new().handle
        if not handler.records:
            return handle(request)
        events = dispatch.begin(routes)
        try:
            return handle(request, events)
        except BaseException:
            dispatch.end()
            raise

    plain: Step = step
    outer = list(middlewares)
    while outer and outer[-1].form is not Form.ASYNC:
        middleware = outer.pop()
        if middleware.form is Form.PLAIN:
            plain = _around_native(middleware.call, plain)
        else:
            plain = _around_inline_generator(middleware.call, plain)

    return lambda dispatch, request: inline(plain, dispatch, request), outer


@async_only
def _around_inline_generator(middleware: Callable[..., Any], step: Step) -> Step:
    return lambda dispatch, request: drive_inline(middleware, request, MethodType(step, dispatch))
