# Generated from diator/aio/dispatcher.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The dispatcher: each type of request gets one compiled route, made once and called for each send."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .._core.events import Events, failed
from .._core.inspection import SyncMode
from .._core.pipeline import Form, MiddlewareChain
from .._core.registry import RequestMap
from .._core.routes import RouteTable
from .._runtime.sync.concurrency import Runner
from .abc import Container
from .chain import Dispatch, Step, fold, fold_simple
from .events import EventEmitter
from .handlers import CompiledHandler, Resolve
from .request_routes import (
    Route,
    RouteInScope,
    chained_route,
    guarded,
    recording_route,
    simplest,
)
from .scoped_routes import scoped_resolving_route, scoped_route, unscoped_route
from .scopes import Scopes

__all__ = ("DefaultDispatcher", "DispatchResult")


@dataclass
class DispatchResult:
    """What came of a request, before its events were emitted."""

    response: Any = None
    events: list[Any] = field(default_factory=list[Any])


class DefaultDispatcher:
    """Finds the handler of a request and runs it inside the middlewares.

    Args:
        request_map: The handlers.
        container: Builds handlers and function parameters; without one, handlers are built with no arguments.
        middleware_chain: What wraps them.
        sync: Where ``def`` handlers run if their binding does not say.
        runner: Runs code of the other colour.
    """

    def __init__(
        self,
        request_map: RequestMap,
        container: Container | None = None,
        middleware_chain: MiddlewareChain | None = None,
        *,
        sync: SyncMode = "inline",
        runner: Runner | None = None,
    ) -> None:
        self._request_map = request_map
        self._chain = MiddlewareChain() if middleware_chain is None else middleware_chain
        self._sync: SyncMode = sync
        self._runner = runner or Runner()
        self._scopes = Scopes(container, self._runner)
        self._steps: RouteTable[Step] = RouteTable(self._compile_step)
        self._guards = RouteTable(self._guard)
        self.watch(self._steps)
        self.watch(self._guards)

    def watch(self, table: RouteTable[Any]) -> None:
        """Empty this table whenever a route would come out differently."""
        self._request_map.watch(table)
        self._chain.watch(table)

    def dispatch(self, request: Any) -> DispatchResult:
        """Handle a request, and return its events instead of emitting them.

        Raises:
            RequestHandlerDoesNotExist: No handler is bound to the type of the request.
        """
        step = self._steps[type(request)]
        guard = self._guards[type(request)]
        if guard is not None:
            guard()
        dispatch = Dispatch()
        dispatch.events = None
        scope = self._scopes.new()
        dispatch.resolve = self._scopes.enter(scope)
        try:
            response = step(dispatch, request)
        except BaseException as error:
            dispatch.end()
            self._scopes.leave(scope, error)
            raise
        items = dispatch.end()
        failure = self._scopes.leave(scope, None)
        if failure is not None:
            raise failed(request, [failure], response)
        return DispatchResult(response=response, events=[event for _, event in items])

    def compile(self, request_type: type, emitter: EventEmitter) -> Route:
        """Make the route of one request type.

        Args:
            request_type: What is sent.
            emitter: Where the events go.

        Raises:
            RequestHandlerDoesNotExist: No handler is bound to it.
            HandlerBuildError: The handler needs a container.
        """
        route = self._route(request_type, emitter)
        guard = self._guard(request_type)
        return route if guard is None else guarded(guard, route)

    def compile_in_scope(self, request_type: type, emitter: EventEmitter) -> RouteInScope:
        """Make the route of one request type for scopes that somebody else opens; raise what `compile` raises."""
        handler = self._handler(request_type)
        route = chained_route(self._fold(handler, request_type, emitter), emitter)
        guard = self._guard(request_type)
        return route if guard is None else guarded(guard, route)

    def within(self, scope: Any) -> Resolve:
        """What gives the objects of a scope that somebody else has opened.

        Raises:
            TypeError: There is no container, or this is no scope of it.
        """
        return self._scopes.within(scope)

    def check(self, request_type: type, emitter: EventEmitter) -> None:
        """Raise what the first send of this type would raise before running anything."""
        self.compile(request_type, emitter)
        self._scopes.check(self._handler(request_type))
        guard = self._guard(request_type)
        if guard is not None:
            guard()

    def _handler(self, request_type: type) -> CompiledHandler:
        spec = self._request_map.spec(request_type)
        return CompiledHandler(spec, self._scopes.key, self._scopes.explain, self._runner, self._sync)

    def _guard(self, request_type: type) -> Callable[[], None] | None:
        """What shows whether the whole route can run here."""
        foreign = Form.ASYNC
        return self._runner.guard(
            self._handler(request_type).foreign
            or self._scopes.foreign
            or any(middleware.form is foreign for middleware in self._chain.select(request_type))
        )

    def _fold(self, handler: CompiledHandler, request_type: type, emitter: EventEmitter) -> Step:
        return fold(handler, self._chain.select(request_type), emitter.routes.of(handler), self._runner)

    def _route(self, request_type: type, emitter: EventEmitter) -> Route:
        """The cheapest route that does everything this request needs."""
        handler = self._handler(request_type)
        middlewares = self._chain.select(request_type)
        scopes = self._scopes
        if not (scopes.scoped or handler.records):
            return fold_simple(handler, simplest(handler, scopes.resolve), middlewares, self._runner)
        if not middlewares and not scopes.scoped and handler.fixed:
            return recording_route(handler, emitter, scopes.resolve)
        if not (middlewares or scopes.foreign or handler.records) and handler.resolved is not None:
            route = scoped_resolving_route(handler, scopes)
            make = scopes.unscoped(handler.resolved)
            return route if make is None else unscoped_route(handler, make, scopes, route)
        first = self._fold(handler, request_type, emitter)
        if scopes.scoped:
            return scoped_route(handler, first, emitter, scopes)
        return partial(chained_route(first, emitter), scopes.resolve)

    def _compile_step(self, request_type: type) -> Step:
        handler = self._handler(request_type)
        return fold(handler, self._chain.select(request_type), Events().routes, self._runner)
