# Generated from diator/aio/handlers.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Compiled handlers: whatever was bound becomes something that is called with a message."""

from collections.abc import Callable
from functools import partial
from typing import Any

from .._core.events import Buffer, OwnEvents
from .._core.inspection import HandlerSpec, SyncMode, check_buildable
from .._runtime.sync.concurrency import ASYNC, Runner

__all__ = ("CompiledHandler", "Resolve")

#: Gives the object for a type, at once or later.
Resolve = Callable[[Any], Any]


class CompiledHandler:
    """A handler, and the cheapest way to call it.

    Args:
        spec: What is known of the handler.
        key: What the container is asked for, given the annotation of a parameter; None without a container.
        explain: Called with this and with what was raised while the container should give something. It may raise
            something that tells more.
        runner: Runs code of the other colour.
        sync: Where ``def`` handlers run if the binding does not say.

    Attributes:
        new: The class, if calling the handler is no more than ``new().handle(message)``.
        plain: What `simple` calls, in the handler's own colour.
        simple: Handles a message; None if that takes a buffer or a container.
        resolved: The class, if calling the handler is no more than ``resolve(resolved).handle(message)``, with the
            buffer as second argument if it `records`.
        records: Whether the handler may record events.
        foreign: Whether it is of the other colour, so that it runs somewhere else.
        fixed: Whether calling it takes nothing but the message, and the buffer as second argument.
        inline: Whether it is `fixed`, and a ``def`` that runs right where it is called.
        is_buildable: Whether the container has said so.

    Raises:
        HandlerBuildError: There is no container, and the handler needs one.
    """

    __slots__ = (
        "_dependencies",
        "_execute",
        "_explain",
        "_from_container",
        "_function",
        "_has_own_events",
        "_spec",
        "fixed",
        "foreign",
        "inline",
        "is_buildable",
        "new",
        "plain",
        "records",
        "resolved",
        "simple",
    )

    def __init__(
        self,
        spec: HandlerSpec,
        key: Callable[[Any], Any] | None,
        explain: Callable[["CompiledHandler", Exception], None],
        runner: Runner,
        sync: SyncMode,
    ) -> None:
        if key is None:
            check_buildable(spec)
        self._spec = spec
        self._explain = explain
        self.is_buildable = False
        self._function = None if spec.is_class else spec.function
        self._execute = runner.executor(spec.is_async, spec.sync or sync)
        self._from_container = key is not None and spec.is_class
        self._dependencies = () if key is None else tuple((name, key(type_)) for name, type_ in spec.dependencies)
        self._has_own_events = spec.may_own_events and spec.events_parameter is None
        self.records = spec.events_parameter is not None or self._has_own_events
        self.foreign = spec.is_async is not ASYNC
        self.new: Callable[[], Any] | None = None
        self.plain: Callable[[Any], Any] | None = None
        self.simple: Callable[[Any], Any] | None = None
        by_position = (spec.events_parameter is None or spec.events_second) and not self._has_own_events
        self.fixed = by_position and not (self._from_container or spec.dependencies)
        self.inline = self.fixed and not spec.is_async and (spec.sync or sync) == "inline"
        self.resolved = spec.handler if by_position and self._from_container and self._execute is None else None
        if self.fixed and not self.records:
            self._simplify()

    @property
    def name(self) -> str:
        return self._spec.name

    @property
    def target(self) -> Any:
        """What was bound."""
        return self._spec.handler

    @property
    def needs(self) -> list[tuple[str | None, Any]]:
        """The types that the container has to give, each with the name of the parameter that takes it, if any does."""
        return [(None, self._spec.handler)] if self._from_container else [*self._dependencies]

    def parts(self) -> tuple[Any, Callable[..., Any] | None, Callable[..., Any] | None]:
        """The class to build or None, the function to call if there is no class, and what executes it, if anything."""
        return self._spec.handler if self._spec.is_class else None, self._function, self._execute

    def handle(self, message: Any, events: Buffer | None, resolve: Resolve | None) -> Any:
        """Handle a message.

        Args:
            message: The request or event.
            events: The buffer to record into, if the handler `records`.
            resolve: Gives what the container has for a type.
        """
        spec = self._spec
        handler = spec.handler
        function = self._function
        if function is None:
            if resolve is None:
                handler = handler()
            else:
                try:
                    handler = resolve(handler)
                except Exception as error:
                    self._explain(self, error)
                    raise
            function = handler.handle
        if self._has_own_events:
            return self._handle_own(handler, message, events)
        if not (self._dependencies or (self.records and not spec.events_second)):
            return self._call(function, message, events) if self.records else self._call(function, message)
        arguments: dict[str, Any] = {}
        try:
            for name, type_ in self._dependencies:
                value: Any = resolve(type_)  # type: ignore[misc]  # there are no dependencies without a container
                arguments[name] = value
        except Exception as error:
            self._explain(self, error)
            raise
        if spec.events_parameter is not None:
            arguments[spec.events_parameter] = events
        if self._execute is None:
            return function(message, **arguments)
        return self._execute(partial(function, **arguments), message)

    def _handle_own(self, handler: Any, message: Any, events: Buffer | None) -> Any:
        with OwnEvents(handler) as own:
            response = self._call(handler.handle, message)
            if events is not None:
                events.extend(own.take())
            return response

    def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        result: Any = function(*args) if self._execute is None else self._execute(function, *args)
        return result

    def _simplify(self) -> None:
        new, function, execute = self.parts()
        if new is None:
            self.plain = function
            self.simple = function if execute is None else partial(execute, function)
            return
        self.plain = lambda message: new().handle(message)
        if execute is None:
            self.new = new
            self.simple = self.plain
        else:
            self.simple = lambda message: execute(new().handle, message)
