"""Receiving: an event that came from a broker goes to its handlers in this process, and is not sent again."""

from collections.abc import Callable
from typing import Any

from .._core.callables import unique_names
from .._core.events import EventRoute, failed
from .._core.messages import Event
from .._core.pipeline import MiddlewareChain
from .._core.routes import RouteTable
from .._runtime.aio.concurrency import Runner
from ..errors import EventHandlingError
from .abc import Container
from .chain import around_step, surround
from .events import EventEmitter
from .handlers import CompiledHandler, Resolve
from .scopes import Scopes

__all__ = ("Reception",)


class Reception:
    """Runs the handlers of received events inside of the middlewares, then emits what they recorded.

    Args:
        emitter: What emits, and knows the handlers.
        container: Builds handlers.
        chain: The middlewares, some of which may wrap received events.
        runner: Runs code of the other colour.
    """

    def __init__(
        self, emitter: EventEmitter, container: Container | None, chain: MiddlewareChain | None, runner: Runner
    ) -> None:
        self._emitter = emitter
        self._scopes = Scopes(container, runner)
        self._chain = MiddlewareChain() if chain is None else chain
        self._runner = runner
        self._routes: RouteTable[_Route] = RouteTable(self._compile)
        emitter.routes.watch(self._routes)
        self._chain.watch(self._routes)

    async def receive(self, event: Event, within: Any, done: frozenset[str]) -> None:
        """Handle a received event; see `Mediator.receive`.

        Args:
            event: What was received.
            within: The scope to use; None to open one.
            done: The names of handlers not to run.
        """
        route = self._routes[type(event)]
        if route.admit is not None:
            route.admit(event)
        reception = _Received(route, done)
        if within is not None:
            reception.resolve = self._scopes.within(within)
            await self._handle(reception, event)
        else:
            scope = self._scopes.new()
            reception.resolve = await self._scopes.enter(scope)
            try:
                await self._handle(reception, event)
            except BaseException as error:
                await self._scopes.leave(scope, error)
                raise
            failure = await self._scopes.leave(scope, None)
            if failure is not None:
                reception.errors.append(failure)
                reception.recorded.clear()  # what the handlers did may be gone with the scope
        if reception.errors:
            raise reception.error(event)

    async def _handle(self, reception: "_Received", event: Event) -> None:
        try:
            await reception.route.step(reception, event)
        except EventHandlingError as error:
            error.done = reception.done
            raise
        items = [item for recorded in reception.recorded.values() for item in recorded]
        if items:
            errors = await self._emitter.drain(items, reception.resolve)
            if errors:  # nobody knows who caused what of it
                reception.errors += errors
                reception.recorded = {name: kept for name, kept in reception.recorded.items() if not kept}

    def _compile(self, event_type: type) -> "_Route":
        compiled = self._emitter.routes.received[event_type]
        return _Route(self._step(event_type), compiled)

    def _step(self, event_type: type) -> Callable[[Any, Any], Any]:
        middlewares = self._chain.select(event_type)
        if not middlewares:
            return self._run

        async def step(reception: Any, event: Any) -> None:
            await self._run_all(reception, event)

        return surround(step, middlewares, self._runner, around_step)

    async def _run_all(self, reception: "_Received", event: Event) -> None:
        """Run the handlers, and raise if one of them does."""
        await self._run(reception, event)
        if reception.errors:
            errors, reception.errors = reception.errors, []
            reception.recorded.clear()
            raise failed(event, errors)

    async def _run(self, reception: "_Received", event: Any) -> None:
        """Run the handlers; a middleware may do so again."""
        chosen = [(name, handler) for name, handler in reception.route.handlers if name not in reception.done]
        outcomes = await self._emitter.run([handler for _, handler in chosen], event, reception.resolve)
        reception.recorded.clear()
        for (name, _), outcome in zip(chosen, outcomes, strict=True):
            if isinstance(outcome, Exception):
                reception.errors.append(outcome)
            elif outcome is not None:
                reception.recorded[name] = outcome


class _Route:
    """The handlers of one event type by their names, and what runs them."""

    def __init__(self, step: Callable[[Any, Any], Any], route: EventRoute) -> None:
        self.step = step
        self.admit = route.admit
        handlers: tuple[CompiledHandler, ...] = route.handlers
        self.handlers = list(zip(unique_names(handler.target for handler in handlers), handlers, strict=True))


class _Received:
    """What belongs to one received event."""

    __slots__ = ("done", "errors", "recorded", "resolve", "route")

    def __init__(self, route: _Route, done: frozenset[str]) -> None:
        self.route = route
        self.done = done
        self.resolve: Resolve | None = None
        self.errors: list[Exception] = []
        self.recorded: dict[str, list[Any]] = {}  # by the names of the handlers that have succeeded

    def error(self, event: Event) -> EventHandlingError:
        error = failed(event, self.errors)
        error.done = self.done | self.recorded.keys()
        return error
