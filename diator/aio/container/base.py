"""What the adapters share: the attached container, and the words for what it cannot give."""

import inspect
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack, contextmanager
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, Generic, TypeVar

from ..._core.annotations import evaluate
from ..._core.callables import handler_name, parameters_of
from ..._runtime.aio.concurrency import async_only
from ...errors import HandlerBuildError
from ..scopes import exc_info

__all__ = (
    "Adapter",
    "Unavailable",
    "find_gap",
    "is_abstract",
    "lacking",
    "leave",
    "no_scope",
    "refuse_factory",
    "required_parameters",
    "text_of",
    "unannotated",
    "unavailable",
)

C = TypeVar("C")


class Adapter(Generic[C]):
    """Stands for the container of another library.

    Args:
        container: That container; it can also be attached later.
    """

    def __init__(self, container: C | None = None) -> None:
        self._external_container: C | None = None
        if container is not None:
            self.attach_external_container(container)

    @property
    def external_container(self) -> C:
        """The other library's container.

        Raises:
            AttributeError: None has been attached.
        """
        if self._external_container is None:
            raise AttributeError(
                f"{type(self).__name__} has no container: pass one to it, or call attach_external_container(container)"
            )
        return self._external_container

    def attach_external_container(self, container: C) -> None:
        """Use this container, instead of another one if there was one."""
        self._external_container = container


# --- leaving the scopes of libraries which raise groups, and leave other finalisers alone after a `BaseException`


def leave(scope: Any, error: BaseException | None) -> None:
    """Leave a scope that waits for nothing.

    Raises:
        BaseException: What its finalisers raised, in a group if it was more than one `Exception`.
    """
    try:
        with _group_of_one_opened():
            scope.__exit__(*exc_info(error))
    except Exception:
        raise
    except BaseException:
        leave(scope, error)  # the other finalisers
        raise


@async_only
async def leave_later(scope: Any, error: BaseException | None) -> None:
    """The same for a scope that waits for its finalisers."""
    try:
        with _group_of_one_opened():
            await scope.__aexit__(*exc_info(error))
    except Exception:
        raise
    except BaseException:
        await leave_later(scope, error)
        raise


@contextmanager
def _group_of_one_opened() -> Generator[None]:
    try:
        yield
    except ExceptionGroup as group:
        first, *others = group.exceptions
        raise (group if others else first) from None


# --- what a container cannot give


class Unavailable(LookupError):
    """There is nothing for a type. The message tells what to do about it."""


def required_parameters(maker: Any) -> list[tuple[str, Any]]:
    """Name and annotation of each parameter of a class or function that has no default."""
    is_class = isinstance(maker, type)
    function: Any = getattr(maker, "__init__") if is_class else maker  # noqa: B009 - mypy knows no __init__ of a class
    if function is object.__init__:
        return []
    return [
        (parameter.name, evaluate(parameter.annotation, function, None))
        for parameter in parameters_of(function, skip_self=is_class)
        if parameter.default is parameter.empty
    ]


def find_gap(
    type_: Any,
    maker_of: Callable[[Any], Callable[..., Any] | None],
    parameters: Callable[[Any], list[tuple[str, Any]]] = required_parameters,
) -> None:
    """Follow what an object is made of, and what that is made of, without making anything.

    Args:
        type_: What the container shall give.
        maker_of: Tells which class or function the container calls for a type, or None if there is nothing to look
            into. It raises `Unavailable` if there is nothing for the type.
        parameters: Tells name and type of what the container has to pass to these.

    Raises:
        HandlerBuildError: The container cannot give the type, or a parameter on the way.
    """
    path: list[Any] = []
    known: list[Any] = []

    def look_into(maker: Any) -> None:
        if maker in path:
            raise circular([*path[path.index(maker) :], maker])
        path.append(maker)
        for parameter, wanted in parameters(maker):
            if wanted is inspect.Parameter.empty or isinstance(wanted, str):
                raise unannotated(maker, parameter, type_)
            try:
                next_maker = maker_of(wanted)
            except Unavailable as exc:
                raise lacking(maker, parameter, wanted, str(exc), type_) from exc
            if next_maker is not None and next_maker not in known:
                look_into(next_maker)
        known.append(path.pop())

    try:
        maker = maker_of(type_)
    except Unavailable as exc:
        raise unavailable(type_, str(exc)) from exc
    if maker is not None:
        look_into(maker)


def unavailable(type_: Any, remedy: str) -> HandlerBuildError:
    """The error for a type for which the container has nothing."""
    return HandlerBuildError(f"the container cannot give {text_of(type_)}: {remedy}")


def circular(makers: list[Any]) -> HandlerBuildError:
    """The error for classes or functions of which each needs the next one."""
    chain = ", which needs ".join(handler_name(maker) for maker in makers)
    return HandlerBuildError(f"the container cannot give {chain}: let one of them be given the other later")


def lacking(maker: Any, parameter: str, wanted: Any, remedy: str, root: Any) -> HandlerBuildError:
    """The error for a parameter for which the container has nothing.

    Args:
        maker: The class or function that has the parameter.
        parameter: Its name.
        wanted: Its type.
        remedy: What to do about it.
        root: What was asked for, if it is not the maker itself.
    """
    return HandlerBuildError(
        f"{_call_of(maker, root)} needs {text_of(wanted)} for its parameter `{parameter}`, which the container cannot "
        f"give: {remedy}"
    )


def unannotated(maker: Any, parameter: str, root: Any) -> HandlerBuildError:
    """The error for a parameter that does not say what it is; the arguments are those of `lacking`."""
    return HandlerBuildError(
        f"{_call_of(maker, root)} has a parameter `{parameter}` without a usable annotation; the container finds what "
        "to pass by type, so annotate it with a class that is visible in the module"
    )


def refuse_factory(factory: Callable[..., Any]) -> None:
    """Raise if a library that only calls its factories would have to wait for this one, or to close what it yields.

    Raises:
        Unavailable: It would.
    """
    if any(is_kind(factory) for is_kind in (iscoroutinefunction, isasyncgenfunction, isgeneratorfunction)):
        stack = AsyncExitStack.__name__
        raise Unavailable(
            f"its factory {handler_name(factory)} is `async def` or a generator, and the library would only call it: "
            f"let it return the object, and push what closes it on the {stack} of the scope"
        )


def no_scope(scope: Any, wanted: str) -> TypeError:
    """The error for what `within` cannot use."""
    return TypeError(f"scope= takes {wanted}, not {type(scope).__qualname__}")


def is_abstract(type_: Any) -> bool:
    """Whether this is a class that somebody has to implement before it can be built."""
    return isinstance(type_, type) and (inspect.isabstract(type_) or getattr(type_, "_is_protocol", False))


def text_of(type_: Any) -> str:
    """The type, or the function, as a text for errors."""
    named = isinstance(type_, type) or inspect.isroutine(type_)
    return type_.__qualname__ if named else str(type_)


def _call_of(maker: Any, root: Any) -> str:
    name = f"{handler_name(maker)}.__init__" if isinstance(maker, type) else handler_name(maker)
    return name if maker is root else f"{name}, which {text_of(root)} depends on,"
