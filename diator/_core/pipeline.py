"""Middlewares: the chain, the three forms, and which of them wrap which request.

What may live here: choosing and telling apart middlewares, and the blocking driver of the generator form. The
closures that await are built in `diator.aio.dispatcher`.
"""

import inspect
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ..errors import InvalidHandler
from .callables import handler_name, is_coroutine_callable, unwrap_partial
from .messages import Event, Request
from .routes import Watched

__all__ = ("Form", "Handle", "Middleware", "MiddlewareChain", "SelectedMiddleware", "drive")

#: What a middleware calls to go on: the rest of the chain, with the handler at its end.
Handle: TypeAlias = Callable[[Any], Any]

_AnyForm: TypeAlias = Callable[[Any, Any], Any] | Callable[[Any], Generator[Any, Any, Any]]


class Middleware(Protocol):
    """Wraps the handling of requests, and of events that came from a message broker.

    Three forms are understood: ``async def (request, handle)``, ``def (request, handle)``, and a generator
    ``def (request)`` that yields the request and is sent the response::

        def measured(request):
            start = perf_counter()
            response = yield request
            print(perf_counter() - start)
            return response

    The generator works on every side without a thread. An error of the rest of the chain is raised at the ``yield``.
    """

    if TYPE_CHECKING:  # at run time a subclass that forgets it shall not be callable

        def __call__(self, request: Any, /, *args: Any, **kwargs: Any) -> Any: ...


class Form(Enum):
    """How a middleware is called."""

    ASYNC = auto()
    PLAIN = auto()
    GENERATOR = auto()


@dataclass(frozen=True, slots=True)
class SelectedMiddleware:
    """A middleware and its form."""

    call: Callable[..., Any]
    form: Form


class MiddlewareChain(Watched):
    """An ordered list of middlewares; the first one is the outermost.

    Args:
        middlewares: What to begin with, around all requests.
    """

    def __init__(self, *middlewares: _AnyForm) -> None:
        super().__init__()
        self._chain = [_select(middleware, (Request,)) for middleware in middlewares]

    def add(
        self,
        middleware: _AnyForm,
        *,
        requests: Iterable[type[Request[Any]]] | None = None,
        received: Iterable[type[Event]] = (),
    ) -> None:
        """Put a middleware innermost.

        Args:
            middleware: Any of the forms that `Middleware` names.
            requests: The request types that it wraps, with their subclasses. All if neither this nor ``received`` is
                given.
            received: The event types around whose handlers it is put, all of them together, when such an event has come
                from a message broker. Then the message succeeds or fails as a whole: one handler that raises makes the
                chain raise, nothing that was recorded is emitted, and every handler runs again.

        Raises:
            InvalidHandler: It cannot be called as a middleware.
        """
        events = tuple(received)
        if requests is None:
            requests = () if events else (Request,)
        self._chain.append(_select(middleware, requests, events))
        self._changed()

    def set(self, chain: Iterable[_AnyForm]) -> None:
        """Replace all middlewares; the first one becomes the outermost."""
        self._chain = [_select(middleware, (Request,)) for middleware in chain]
        self._changed()

    def wrap(self, handle: Handle) -> Handle:
        """Wrap a function in all middlewares that take ``(request, handle)``, as diator 0.1.2 did."""
        for selected, _ in reversed(self._chain):
            handle = _wrap_one(selected.call, handle)
        return handle

    def select(self, message_type: type) -> list[SelectedMiddleware]:
        """The middlewares that wrap requests or received events of this type, outermost first."""
        return [selected for selected, wrapped in self._chain if issubclass(message_type, wrapped)]

    def __len__(self) -> int:
        return len(self._chain)


def drive(middleware: Callable[[Any], Generator[Any, Any, Any]], request: Any, handle: Handle) -> Any:
    """Run a middleware of the generator form around a blocking handle.

    Every request that it yields goes down the chain, so a second ``yield`` is a retry; what it returns is the response.
    """
    generator = middleware(request)
    try:
        request = next(generator)
        while True:
            try:
                response = handle(request)
            except BaseException as error:  # noqa: BLE001 - the middleware decides, whatever it was
                request = generator.throw(error)
            else:
                request = generator.send(response)
    except StopIteration as stop:
        return stop.value


def _wrap_one(call: Callable[..., Any], handle: Handle) -> Handle:
    return lambda request: call(request, handle)


def _select(
    middleware: Any, requests: Iterable[Any], received: Iterable[Any] = ()
) -> tuple[SelectedMiddleware, tuple[type, ...]]:
    name = handler_name(middleware)
    types, events = tuple(requests), tuple(received)
    if not (types or events) or not all(isinstance(t, type) and issubclass(t, Request) for t in types):
        raise InvalidHandler(f"{name}: `requests` takes request classes, as in requests=(JoinMeeting, Command)")
    if not all(isinstance(t, type) and issubclass(t, Event) for t in events):
        raise InvalidHandler(f"{name}: `received` takes event classes, as in received=(UserJoined, ECSTEvent)")
    if isinstance(middleware, type) or not callable(middleware):
        raise InvalidHandler(f"{name} is not callable as a middleware: pass a function, or an object with __call__")
    function: Any = unwrap_partial(middleware)
    function = function if inspect.isroutine(function) else function.__call__
    parameters = inspect.signature(middleware).parameters.values()
    taken = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if inspect.isasyncgenfunction(function):
        raise InvalidHandler(f"{name} is an async generator: write the generator form with `def`, without await")
    form, needed = Form.PLAIN, 2
    if inspect.isgeneratorfunction(function):
        form, needed = Form.GENERATOR, 1
    elif is_coroutine_callable(middleware):
        form = Form.ASYNC
    if taken < needed and not variadic:
        raise InvalidHandler(
            f"{name} takes {taken} arguments; a middleware takes (request, handle), a generator (request)"
        )
    return SelectedMiddleware(middleware, form), types + events
