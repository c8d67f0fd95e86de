"""The mediator: sends requests to their handlers, and the events they record to theirs."""

import inspect
import sys
from collections.abc import Callable, Collection, Coroutine
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from .._core.inspection import SyncMode
from .._core.messages import Event, Request
from .._core.pipeline import MiddlewareChain
from .._core.registry import EventMap, RequestMap, Sendable
from .._core.routes import RouteTable
from .._core.serializers import Serializer
from .._runtime.aio.concurrency import ASYNC, Runner
from ..errors import ConfigurationError
from .abc import Container, Dispatcher, MessageBroker
from .dispatcher import DefaultDispatcher
from .events import EventEmitter, within
from .receiving import Reception
from .request_routes import Route

__all__ = ("Mediator",)

Q = TypeVar("Q")
R = TypeVar("R")


class Mediator:
    """Sends commands and queries to their handlers, then emits the events that the handlers recorded.

    Args:
        request_map: The handler of each request.
        container: Builds handlers and provides function parameters: any object with ``resolve``. Without one,
            handlers are built with no arguments.
        event_emitter: Emits the events; instead of ``event_map`` and ``message_broker``.
        middleware_chain: Wraps the handling of requests, and of received events where it says so.
        event_map: The handlers of each event.
        message_broker: Takes notification and ECST events. Without one their handlers run in this process.
        dispatcher_type: Replaces the dispatcher. It is called with ``request_map``, ``container`` and
            ``middleware_chain``, and asked to ``dispatch`` each request.
        strict_events: As for `EventEmitter`, like ``fail_fast``, ``max_cascade``, ``concurrency`` and ``serializer``.
        fail_fast: Stop at the first event handler that raises.
        max_cascade: How many generations of events may follow a command.
        concurrency: How many event handlers may run at the same time; 1 keeps them in order.
        serializer: Turns events into payloads for the broker.
        sync: Where ``def`` handlers run: ``"inline"``, or in a worker ``"thread"``. Blocking code runs them in the
            calling thread, whatever this says.
        runner: Runs code of the other colour.

    Raises:
        TypeError: ``event_emitter`` is given together with what it replaces.
    """

    def __init__(
        self,
        request_map: RequestMap,
        container: Container | None = None,
        event_emitter: EventEmitter | None = None,
        middleware_chain: MiddlewareChain | None = None,
        *,
        event_map: EventMap | None = None,
        message_broker: MessageBroker | None = None,
        dispatcher_type: Callable[..., Dispatcher] = DefaultDispatcher,
        strict_events: bool = False,
        fail_fast: bool = False,
        max_cascade: int = 1000,
        concurrency: int = 1,
        serializer: Serializer | None = None,
        sync: SyncMode = "inline",
        runner: Runner | None = None,
    ) -> None:
        self._owns_runner = runner is None
        self._runner = runner or Runner()
        self._request_map = request_map
        if event_emitter is None:
            event_emitter = EventEmitter(
                event_map,
                container,
                message_broker,
                strict_events=strict_events,
                fail_fast=fail_fast,
                max_cascade=max_cascade,
                concurrency=concurrency,
                serializer=serializer,
                sync=sync,
            )
        elif (event_map, message_broker, serializer) != (None, None, None) or (
            (strict_events, fail_fast, max_cascade, concurrency) != (False, False, 1000, 1)
        ):
            raise TypeError(
                "event_emitter stands for event_map, message_broker and the options of emitting: give it alone, and "
                "pass the others to EventEmitter"
            )
        self._emitter = within(event_emitter, container, self._runner)
        self._reception = Reception(self._emitter, container, middleware_chain, self._runner)
        self._routes: RouteTable[Route] = RouteTable(self._compile)
        self._known_routes = self._routes.known
        self._compiled: DefaultDispatcher | None = None
        if dispatcher_type is DefaultDispatcher:
            self._compiled = DefaultDispatcher(request_map, container, middleware_chain, sync=sync, runner=self._runner)
            self._routes_in_scope = RouteTable(partial(self._compiled.compile_in_scope, emitter=self._emitter))
            self._compiled.watch(self._routes)
            self._compiled.watch(self._routes_in_scope)
        else:
            self._dispatcher = dispatcher_type(
                request_map=request_map, container=container, middleware_chain=middleware_chain
            )

    # `scope` is not keyword-only, because CPython calls functions without keyword-only parameters faster
    def send(self, request: Request[R], scope: Any = None) -> Coroutine[Any, Any, R]:
        """Handle a request, then emit the events that its handler recorded.

        A handler that records nothing may be built as soon as this is called.

        Args:
            request: The command or query.
            scope: A scope of the container that somebody else, such as a web framework, has opened and will close.
                None opens one for this send.

        Returns:
            What the handler returned.

        Raises:
            RequestHandlerDoesNotExist: No handler is bound to the type of the request. Nothing has run.
            HandlerBuildError: The handler needs a container.
            TypeError: ``scope`` is not one of the mediator's container.
            EventHandlingError: The command was carried out, but an event handler, the broker or closing the scope
                failed; ``.response`` holds what the handler returned.
            Exception: What the handler or a middleware raised, as it is. No event was emitted.
        """
        response: Coroutine[Any, Any, R]
        if scope is not None:
            response = self._send_within(scope, request)
            return response
        try:
            route = self._known_routes[type(request)]
        except KeyError:
            route = self._routes[type(request)]
        response = route(request)
        return response

    def sender(self, request_type: type[Sendable[Q, R]]) -> Callable[[Q], Coroutine[Any, Any, R]]:
        """What `send` calls for requests of exactly this type, for a loop that sends many of them.

        Raises:
            RequestHandlerDoesNotExist: No handler is bound to it.
        """
        routes, known = self._routes, self._routes.known
        routes[request_type]

        def send(request: Q) -> Coroutine[Any, Any, R]:
            try:
                route = known[request_type]
            except KeyError:
                route = routes[request_type]
            response: Coroutine[Any, Any, R] = route(request)
            return response

        return send

    async def publish(self, event: Event, *, scope: Any = None) -> None:
        """Send an event to its handlers or to the broker, outside of any command.

        Args:
            event: What has happened.
            scope: As for `send`.

        Raises:
            EventRouteDoesNotExist: There is nobody to take it.
            MessageEncodeError: It goes to the broker but cannot be serialised.
            EventHandlingError: Handlers or the broker failed; the others have run.
        """
        await self._emitter.emit(event, scope=scope)

    async def receive(self, event: Event, *, scope: Any = None, done: Collection[str] = ()) -> None:
        """Run the handlers of an event that came from a broker: this one is never sent again.

        Args:
            event: What was received.
            scope: As for `send`.
            done: The names of handlers not to run, because they have succeeded in an earlier delivery.

        Raises:
            EventRouteDoesNotExist: No handler is bound to it.
            EventHandlingError: Handlers failed, or what they caused; the others have run. Its ``.done`` names all
                handlers that need not run again.
            Exception: What a middleware raised.
        """
        await self._reception.receive(event, scope, frozenset(done))

    def receivable(self) -> list[type[Event]]:
        """The notification and ECST events that have handlers here: what a worker takes from a broker."""
        return self._emitter.routes.receivable()

    def check(self) -> None:
        """Look for everything that would fail later: handlers that cannot be built, events without a route, code
        that cannot run here.

        Raises:
            ConfigurationError: An exception group with all that was found.
        """
        problems: list[Exception] = []
        if self._compiled is not None:
            for request_type in self._request_map:
                try:
                    self._compiled.check(request_type, self._emitter)
                except Exception as problem:  # noqa: BLE001 - collected
                    problems.append(problem)
        problems += self._emitter.check()
        if problems:
            raise ConfigurationError("the mediator cannot work as it is configured", problems)

    async def aclose(self) -> None:
        """Release what the mediator has opened itself; it can still be used, and opens it again."""
        if self._owns_runner:
            await self._runner.aclose()

    async def __aenter__(self) -> Self:
        self.check()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _compile(self, request_type: type) -> Route:
        if self._compiled is None:
            return self._dispatch
        return self._compiled.compile(request_type, self._emitter)

    def _send_within(self, scope: Any, request: Any) -> Coroutine[Any, Any, Any]:
        if self._compiled is None:
            raise TypeError("scope= works with the default dispatcher only")
        return self._routes_in_scope[type(request)](self._compiled.within(scope), request)

    async def _dispatch(self, request: Any) -> Any:
        """Send by a dispatcher that is not ours: it knows no routes, and returns the events."""
        result = await self._dispatcher.dispatch(request)
        await self._emitter.emit_all(request, result.events, result.response)
        return result.response


if ASYNC:  # noqa: SIM102
    if sys.version_info >= (3, 12):  # before, it cannot be said that calling a plain function gives a coroutine
        inspect.markcoroutinefunction(Mediator.send)
