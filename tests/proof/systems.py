"""Programs as applications: real mediators of both sides, whose handlers write down what happens."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import anyio

import diator.aio
import diator.sync
from diator import DomainEvent, Events
from diator.errors import (
    EventHandlingError,
    EventRouteDoesNotExist,
    EventsClosed,
    EventsShared,
    MaxCascadeExceeded,
    RequestHandlerDoesNotExist,
)
from diator.events import EventMap
from diator.middlewares import MiddlewareChain
from diator.requests import RequestMap

from .messages import message_types
from .model import Entry, ErrorValue, Outcome, Path
from .parts import Broken, Script, make_broker, make_container, make_handler, make_middleware
from .programs import Fail, Habit, Handler, Middleware, Pause, Program, Scope, Takes

__all__ = ("AsyncSystem", "BlockingSystem", "too_late")

#: The send that the current code belongs to: scopes are not told.
_current_send: ContextVar[Path] = ContextVar("current_send")

#: What happened when all should have been over. Stays empty.
too_late: list[Entry] = []


class System:
    """A program on one side.

    Args:
        program: What to build.
        runner: The mediator's.
        pause: Seconds that async code sleeps in a pause.
        outermost: A middleware around those of the program.
    """

    is_async: bool

    def __init__(
        self, program: Program, *, runner: Any = None, pause: float = 0, outermost: Callable[..., Any] | None = None
    ) -> None:
        self.program = program
        self.trace: list[Entry] = []
        self.outcomes: dict[int, Outcome] = {}
        self.busiest = 0
        self._pause = pause
        self._types = message_types(program.messages)
        self._buffers: list[Events] = []
        self._attempts: Counter[Path] = Counter()
        self._busy: Counter[Path] = Counter()
        self._lock = threading.Lock()
        self._over = False
        self.mediator = self._mediator(runner, [] if outermost is None else [outermost])

    def _mediator(self, runner: Any, middlewares: list[Callable[..., Any]]) -> Any:
        program = self.program
        requests, events, chain = RequestMap(), EventMap(), MiddlewareChain()
        for handler in program.handlers:
            is_async = self.is_async if program.sends(handler) else handler.is_async
            has_container = program.scope is not Scope.NO_CONTAINER
            made = make_handler(handler, is_async, partial(self._handler, handler), has_container)
            for number in handler.messages:
                (requests if program.is_command(number) else events).bind(self._types[number], made)
        for index, middleware in enumerate(program.middlewares):
            middlewares.append(make_middleware(middleware.form, partial(self._middleware, index, middleware)))
        chain.set(middlewares)
        return (diator.aio if self.is_async else diator.sync).Mediator(
            requests,
            make_container(program.scope, self.is_async, self.log, _current_send.get),
            middleware_chain=chain,
            event_map=events,
            message_broker=make_broker(program, [t.__name__ for t in self._types], self.is_async, self.log),
            strict_events=program.strict,
            fail_fast=program.fail_fast,
            max_cascade=program.max_cascade,
            concurrency=program.concurrency,
            sync="thread" if program.threads else "inline",
            runner=runner,
        )

    def log(self, what: str, path: Path, detail: Any = None) -> None:
        (too_late if self._over else self.trace).append(Entry(what, path, detail))

    def trace_of(self, root: int) -> list[Entry]:
        return [entry for entry in self.trace if entry.path[0] == root]

    def finish(self) -> None:
        """Say that everything is over. What happens later is `too_late`; what is recorded later is refused."""
        self._over = True
        for buffer in self._buffers:
            try:
                buffer.append(DomainEvent())
            except EventsClosed:
                continue
            raise AssertionError("a buffer is open after its dispatch")

    # -- what handlers and middlewares do

    def _handler(self, handler: Handler, message: Any, buffer: Any, resource: Any) -> Script:
        if self.program.is_command(message.number):
            call, send = (*message.path, self._attempts[message.path]), message.path
            self._attempts[message.path] += 1
            what = "request"
        else:
            index = self.program.handlers_of(message.number).index(handler)
            call, send = (*message.path, index), message.send
            what = "event"
        self.log(what, call, (send, resource and resource.owner))
        if handler.takes is Takes.BUFFER:
            self._buffers.append(buffer)
        with self._counted(send):
            for n, step in enumerate(handler.steps):
                if isinstance(step, Fail):
                    raise Broken("failed", call)
                if isinstance(step, Pause):
                    yield self._pause
                elif self.program.is_command(step.message):
                    try:
                        yield partial(self._send, step.message, (*call, n))
                    except Exception as error:
                        if not step.caught:
                            raise
                        self.log("caught", call, error_value(error))
                else:
                    buffer.append(self._types[step.message](path=(*call, n), send=send))
        self.log("done", call)
        return ("response", call)

    def _middleware(self, index: int, middleware: Middleware, request: Any) -> Script:
        habit = middleware.habit
        self.log("enter", request.path, index)
        if habit is Habit.SHORT_CIRCUIT:
            return ("instead", index)
        try:
            response = yield request
        except Exception:
            self.log("error", request.path, index)
            if habit is Habit.SWALLOW:
                return ("instead", index)
            if habit is not Habit.RETRY:
                raise
            response = yield request
        if habit is Habit.TWICE:
            response = yield request
        self.log("leave", request.path, index)
        if habit is Habit.RAISE_AFTER:
            raise Broken("middleware", request.path, index)
        return response

    @contextmanager
    def _counted(self, send: Path) -> Iterator[None]:
        """Count how many handlers one send runs at the same time."""
        with self._lock:
            self._busy[send] += 1
            self.busiest = max(self.busiest, self._busy[send])
        try:
            yield
        finally:
            with self._lock:
                self._busy[send] -= 1

    def _send(self, number: int, path: Path) -> Any:
        raise NotImplementedError

    def _message(self, number: int, path: Path) -> Any:
        """A command, or an event that is published."""
        cls = self._types[number]
        return cls(path=path) if self.program.is_command(number) else cls(path=path, send=path)


class AsyncSystem(System):
    """On `diator.aio`."""

    is_async = True

    async def run_root(self, root: int) -> None:
        """Send or publish a root, and keep the outcome."""
        try:
            response = await self._send(self.program.roots[root], (root,))
            self.outcomes[root] = Outcome(response=response)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
            self.outcomes[root] = Outcome(error=error_value(error))

    async def run(self) -> None:
        """Run all roots at the same time, and wait for what may be left running."""
        async with anyio.create_task_group() as group:
            for root in range(len(self.program.roots)):
                group.start_soon(self.run_root, root)
        seen = len(self.trace)
        await anyio.sleep(100 * self._pause)
        assert len(self.trace) == seen, "something ran on after its send had returned"

    async def _send(self, number: int, path: Path) -> Any:
        token = _current_send.set(path)
        try:
            message = self._message(number, path)
            return await (self.mediator.send if self.program.is_command(number) else self.mediator.publish)(message)
        finally:
            _current_send.reset(token)


class BlockingSystem(System):
    """On `diator.sync`."""

    is_async = False

    def run_root(self, root: int) -> None:
        """Send or publish a root, and keep the outcome."""
        try:
            response = self._send(self.program.roots[root], (root,))
            self.outcomes[root] = Outcome(response=response)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
            self.outcomes[root] = Outcome(error=error_value(error))

    def run(self) -> None:
        """Run one root after the other."""
        for root in range(len(self.program.roots)):
            self.run_root(root)

    def _send(self, number: int, path: Path) -> Any:
        token = _current_send.set(path)
        try:
            message = self._message(number, path)
            return (self.mediator.send if self.program.is_command(number) else self.mediator.publish)(message)
        finally:
            _current_send.reset(token)


def error_value(error: Exception) -> ErrorValue:
    """What the model calls an error."""
    match error:
        case Broken():
            return error.args
        case EventHandlingError():
            return ("handling", error.response, tuple(error_value(e) for e in error.exceptions))
        case MaxCascadeExceeded():
            return ("cascade",)
        case EventRouteDoesNotExist():
            return ("no route",)
        case RequestHandlerDoesNotExist():
            return ("no handler",)
        case EventsShared():
            return ("shared",)
    raise error
