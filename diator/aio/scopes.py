"""Dependency scopes: one spans a whole dispatch."""

from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Any, Self

from .._core.callables import is_coroutine_callable
from .._core.notes import note_failure
from .._runtime.aio.concurrency import ASYNC, Runner, async_only
from .._runtime.aio.finishing import finish
from ..errors import HandlerBuildError
from .abc import Container
from .handlers import CompiledHandler, Resolve

__all__ = ("OpenScope", "Scopes", "exc_info")

#: Seconds that closing a scope may still take when the dispatch is cancelled.
GRACE = 10
_CLOSING = "closing the dependency scope"


class OpenScope:
    """A scope that needs no entering, and waits at its end only if it has to: the mediator enters none of these.

    Attributes:
        resolve: Gives the object for a type, at once or later.
    """

    __slots__ = ()

    resolve: Any

    def close(self, error: BaseException | None) -> Any:
        """Close the scope.

        Args:
            error: What is being raised inside of it.

        Returns:
            None, or what the mediator has to wait for.
        """
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if ASYNC:
            closing = self.close(exc)
            if closing is not None:
                await closing
        else:
            self.close(exc)


def exc_info(error: BaseException | None) -> tuple[Any, Any, Any]:
    """What ``__exit__`` takes."""
    return (None, None, None) if error is None else (type(error), error, error.__traceback__)


class Scopes:
    """Opens the scopes of a container, or stands for having none.

    Args:
        container: Any object with ``resolve``. If it also has ``scope()``, each dispatch resolves from the context
            manager that this returns, and closes it at the end.
        runner: Runs a ``resolve`` of the other colour.

    Attributes:
        resolve: Gives what the container itself has for a type; None without a container.
        scoped: Whether the container has scopes.
        new: Makes a scope: an `OpenScope`, or a context manager, which may be a blocking one on either side.
        key: Gives what to ask ``resolve`` for, given the annotation of a parameter; None without a container.
        foreign: Whether ``resolve`` cannot simply be called here.
    """

    def __init__(self, container: Container | None, runner: Runner) -> None:
        self._container: Any = container
        self._runner = runner
        self.resolve: Resolve | None = None if container is None else runner.resolver(container.resolve)
        self.key: Callable[[Any], Any] | None = None if container is None else getattr(container, "key", _as_it_is)
        scope: Any = getattr(container, "scope", None)
        self.scoped = scope is not None
        self.new: Callable[[], Any] = scope or partial(_NoScope, container)
        self.foreign = not ASYNC and container is not None and is_coroutine_callable(container.resolve)

    async def enter(self, scope: Any) -> Resolve:
        """Open a scope, and give its ``resolve``."""
        if isinstance(scope, OpenScope):
            return self.resolver(scope)
        if ASYNC:
            entered = await scope.__aenter__() if hasattr(scope, "__aenter__") else scope.__enter__()
        else:
            entered = scope.__enter__()
        return self.resolver(entered)

    async def leave(self, scope: Any, error: BaseException | None) -> Exception | None:
        """Close a scope.

        Args:
            scope: What `enter` has opened.
            error: What is being raised inside of it. What closing raises then becomes a note of it.

        Returns:
            What closing raised, if nothing else is being raised.
        """
        try:
            if ASYNC:
                if isinstance(scope, OpenScope):
                    left = scope.close(error)
                else:
                    leave = scope.__aexit__ if hasattr(scope, "__aexit__") else scope.__exit__
                    left = leave(*exc_info(error))
                if hasattr(left, "__await__"):
                    await wait_until_closed(left)
            else:
                scope.close(error) if isinstance(scope, OpenScope) else scope.__exit__(*exc_info(error))
        except Exception as failure:  # noqa: BLE001 - the caller has something to report already, or reports this
            if error is None:
                return failure
            if failure is not error:
                note_failure(error, _CLOSING, failure)
        return None

    def within(self, scope: Any) -> Resolve:
        """The ``resolve`` of a scope that somebody else has opened, and will close.

        Raises:
            TypeError: There is no container, or this is no scope of it.
        """
        if self._container is None:
            raise TypeError("scope= needs a mediator with a container")
        if hasattr(self._container, "within"):
            scope = self._container.within(scope)
        if not hasattr(scope, "resolve"):
            raise TypeError(
                f"scope= takes an object with `resolve`, or a scope of the container's own library; "
                f"{type(scope).__qualname__} is neither"
            )
        return self.resolver(scope)

    def resolver(self, scope: Any) -> Resolve:
        """The ``resolve`` of a scope, in the colour of this side."""
        return self._runner.resolver(scope.resolve) if self.foreign else scope.resolve

    def unscoped(self, type_: type) -> Callable[[], Any] | None:
        """What makes the object for a type without a scope, if the container can tell that none is needed.

        It gives None once one is needed after all.
        """
        find = getattr(self._container, "unscoped", None)
        return None if find is None else find(type_)

    def explain(self, handler: CompiledHandler, error: Exception) -> None:
        """Say what the container lacks, if that is why something was raised while a handler was built.

        Raises:
            HandlerBuildError: The container cannot build the handler.
        """
        if handler.is_buildable or isinstance(error, HandlerBuildError):
            return
        try:
            self.check(handler)
        except HandlerBuildError as explanation:
            raise explanation from error
        handler.is_buildable = True  # as far as the container can tell: what it raises tells more

    def check(self, handler: CompiledHandler) -> None:
        """Let the container say whether it could build what a handler needs, if it can tell.

        Raises:
            HandlerBuildError: It could not.
        """
        check = getattr(self._container, "check", None)
        if check is not None:
            for parameter, type_ in handler.needs:
                try:
                    check(type_)
                except HandlerBuildError as exc:
                    if parameter is None:
                        raise
                    raise HandlerBuildError(
                        f"{handler.name} cannot be given its parameter `{parameter}`: {exc}"
                    ) from exc


@async_only
async def wait_until_closed(closing: Awaitable[Any]) -> None:
    """Wait for the end of a scope, in spite of cancellation."""
    await finish(closing, _CLOSING, GRACE)


def _as_it_is(annotation: Any) -> Any:
    return annotation


class _NoScope(OpenScope):
    """Stands for the scope of a container that has none, or of no container."""

    __slots__ = ("resolve",)

    def __init__(self, container: Any) -> None:
        self.resolve = getattr(container, "resolve", None)

    def close(self, error: BaseException | None) -> None:
        pass
