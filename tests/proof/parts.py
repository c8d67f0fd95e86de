"""What a program is built of: handlers and middlewares in all their forms, containers and brokers of both colours.

What a handler or a middleware does is written once, as a generator: it yields what has to be waited for. `follow`
and `follow_blocking` run it as ``async def`` and as ``def``.
"""

import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from inspect import Parameter, Signature
from typing import Any

import anyio

from diator import Events

from .model import Path
from .programs import Form, Handler, Life, Program, Scope, Takes

Script = Generator[Any, Any, Any]
#: Notes something that happens: what, its path, a detail.
Log = Callable[..., None]


class Broken(Exception):
    """Raised on purpose; the arguments are the model's value for it."""


async def follow(script: Script, wait: Callable[[Any], Awaitable[Any]]) -> Any:
    """Run a script; what it yields is awaited by ``wait``."""
    try:
        wanted = next(script)
        while True:
            try:
                result = await wait(wanted)
            except Exception as error:  # noqa: BLE001 - the script decides
                wanted = script.throw(error)
            else:
                wanted = script.send(result)
    except StopIteration as stop:
        return stop.value
    finally:
        script.close()  # cancelled


def follow_blocking(script: Script, wait: Callable[[Any], Any]) -> Any:
    """Run a script; what it yields is done by ``wait``."""
    try:
        wanted = next(script)
        while True:
            try:
                result = wait(wanted)
            except Exception as error:  # noqa: BLE001 - the script decides
                wanted = script.throw(error)
            else:
                wanted = script.send(result)
    except StopIteration as stop:
        return stop.value
    finally:
        script.close()


# -- handlers and middlewares


class Resource:
    """What a container gives to handlers: one object in each scope."""

    def __init__(self, owner: Any) -> None:
        self.owner = owner

    def close(self) -> None:
        self.owner = "closed"


_MESSAGE = Parameter("message", Parameter.POSITIONAL_OR_KEYWORD)
_EVENTS = Parameter("events", Parameter.POSITIONAL_OR_KEYWORD, annotation=Events)
_RESOURCE = Parameter("resource", Parameter.POSITIONAL_OR_KEYWORD, annotation=Resource)


def make_handler(
    handler: Handler, is_async: bool, script: Callable[[Any, Any, Any], Script], has_container: bool
) -> Any:
    """Make what is bound: a class, an object or a function.

    Args:
        handler: What it looks like.
        is_async: Its colour.
        script: Takes the message, where to record, and the `Resource` or None. It yields seconds to pause, or a
            function to call and wait for.
        has_container: Whether there is somebody to ask for a resource.
    """
    takes_events = [_EVENTS] if handler.takes is Takes.BUFFER else []
    if handler.life is Life.FUNCTION:
        takes_resource = [_RESOURCE] if has_container else []
        return _declare([_MESSAGE, *takes_resource, *takes_events], _function(is_async, script))
    cls = _own_list_class(is_async, script) if handler.takes is Takes.OWN_LIST else _class(is_async, script)
    _declare([Parameter("self", Parameter.POSITIONAL_OR_KEYWORD), _MESSAGE, *takes_events], cls.handle)
    return cls if handler.life is Life.CLASS else cls()


def _declare(parameters: list[Parameter], function: Any) -> Any:
    """Make a function look as if it took these parameters only."""
    function.__signature__ = Signature(parameters)
    return function


def _function(is_async: bool, script: Callable[[Any, Any, Any], Script]) -> Callable[..., Any]:
    if is_async:

        async def handle(message: Any, events: Any = None, resource: Any = None) -> Any:
            return await follow(script(message, events, resource), _wait)

        return handle

    def handle_blocking(message: Any, events: Any = None, resource: Any = None) -> Any:
        return follow_blocking(script(message, events, resource), _wait_blocking)

    return handle_blocking


def _class(is_async: bool, script: Callable[[Any, Any, Any], Script]) -> Any:
    class Built:
        def __init__(self, resource: Any = None) -> None:
            self.resource = resource

        if is_async:

            async def handle(self, message: Any, recorded: Any = None) -> Any:
                return await follow(script(message, recorded, self.resource), _wait)
        else:

            def handle(self, message: Any, recorded: Any = None) -> Any:
                return follow_blocking(script(message, recorded, self.resource), _wait_blocking)

    return Built


def _own_list_class(is_async: bool, script: Callable[[Any, Any, Any], Script]) -> Any:
    """As in diator 0.1.2: the handler keeps its events."""

    class Keeper(_class(is_async, script)):  # type: ignore[misc]
        def __init__(self, resource: Any = None) -> None:
            super().__init__(resource)
            self._recorded: list[Any] = []

        @property
        def events(self) -> list[Any]:
            return self._recorded

        if is_async:

            async def handle(self, message: Any) -> Any:
                return await super().handle(message, self._recorded)
        else:

            def handle(self, message: Any) -> Any:
                return super().handle(message, self._recorded)

    return Keeper


async def _wait(wanted: float | Callable[[], Awaitable[Any]]) -> Any:
    return await (wanted() if callable(wanted) else anyio.sleep(wanted))


def _wait_blocking(wanted: float | Callable[[], Any]) -> Any:
    return wanted() if callable(wanted) else time.sleep(0)


def make_middleware(form: Form, script: Callable[[Any], Script]) -> Callable[..., Any]:
    """Give a script, which yields requests and is sent responses, one of the three forms."""
    if form is Form.ASYNC:

        async def middleware(request: Any, handle: Callable[[Any], Awaitable[Any]]) -> Any:
            await anyio.lowlevel.checkpoint()
            response = await follow(script(request), handle)
            await anyio.lowlevel.checkpoint()
            return response

        return middleware
    if form is Form.PLAIN:
        return lambda request, handle: follow_blocking(script(request), handle)

    def generator(request: Any) -> Script:
        return (yield from script(request))

    return generator


# -- containers


class _Provider:
    def __init__(self, owner: Any) -> None:
        self.resource = Resource(owner)

    def provide(self, wanted: Any) -> Any:
        return self.resource if wanted is Resource else wanted(self.resource)


class _AsyncContainer(_Provider):
    async def resolve(self, wanted: Any) -> Any:
        await anyio.lowlevel.checkpoint()
        return self.provide(wanted)


class _BlockingContainer(_Provider):
    def resolve(self, wanted: Any) -> Any:
        return self.provide(wanted)


class _Scope(_Provider):
    def __init__(self, path: Path, log: Log, fails: bool) -> None:
        super().__init__(path)
        self.path = path
        self.log = log
        self.fails = fails

    def opened(self) -> None:
        self.log("open", self.path)

    def closed(self) -> None:
        self.log("close", self.path)
        self.resource.close()
        if self.fails:
            raise Broken("close", self.path)


class _AsyncScope(_Scope, _AsyncContainer):
    async def __aenter__(self) -> "_AsyncScope":
        await anyio.lowlevel.checkpoint()
        self.opened()
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            self.closed()
        finally:
            await anyio.lowlevel.checkpoint()


class _BlockingScope(_Scope, _BlockingContainer):
    def __enter__(self) -> "_BlockingScope":
        self.opened()
        return self

    def __exit__(self, *exc: object) -> None:
        self.closed()


def make_container(scope: Scope, is_async: bool, log: Log, current_send: Callable[[], Path]) -> Any:
    """Make the container of a program, or None.

    Args:
        scope: Which one.
        is_async: Its colour.
        log: Told of scopes that open and close.
        current_send: Says for whom a scope is made.
    """
    if scope is Scope.NO_CONTAINER:
        return None
    container: Any = (_AsyncContainer if is_async else _BlockingContainer)("container")
    if scope is not Scope.NO_SCOPES:
        scope_type = _AsyncScope if is_async else _BlockingScope
        container.scope = lambda: scope_type(current_send(), log, scope is Scope.FAILS_TO_CLOSE)
    return container


# -- brokers


class _Broker:
    def __init__(self, refuses: frozenset[str], log: Log) -> None:
        self.refuses = refuses
        self.log = log

    def take(self, messages: Sequence[Any]) -> None:
        paths = tuple(tuple(message.payload["path"]) for message in messages)
        self.log("sent", tuple(messages[0].payload["send"]), paths)
        if any(message.message_name in self.refuses for message in messages):
            raise Broken("refused", paths)


class _AsyncBroker(_Broker):
    async def send_message(self, message: Any) -> None:
        self.take([message])
        await anyio.lowlevel.checkpoint()


class _AsyncBatchingBroker(_AsyncBroker):
    async def send_messages(self, messages: Sequence[Any]) -> None:
        self.take(messages)
        await anyio.lowlevel.checkpoint()


class _BlockingBroker(_Broker):
    def send_message(self, message: Any) -> None:
        self.take([message])


class _BlockingBatchingBroker(_BlockingBroker):
    def send_messages(self, messages: Sequence[Any]) -> None:
        self.take(messages)


def make_broker(program: Program, names: Sequence[str], is_async: bool, log: Log) -> Any:
    """Make the broker of a program, or None; ``names`` are those of the program's messages."""
    if program.broker is None:
        return None
    kinds = (_AsyncBroker, _AsyncBatchingBroker) if is_async else (_BlockingBroker, _BlockingBatchingBroker)
    return kinds[program.broker.batches](frozenset(names[n] for n in program.broker.refuses), log)
