"""The adapter to di.

Factories that are `async def`, or generators of that kind, are for event loops only. All others are called right where
the mediator is called, on an event loop too, and must not wait there.
"""

from inspect import Parameter, isasyncgenfunction
from types import TracebackType
from typing import Any, Self, TypeVar

from ..._core.callables import handler_name, is_coroutine_callable
from ..._runtime.aio.concurrency import ASYNC
from ...errors import HandlerBuildError, MissingExtraError
from ..scopes import wait_until_closed
from .base import Adapter, is_abstract, lacking, no_scope, required_parameters, text_of, unannotated, unavailable

try:
    from di import Container, ScopeState, SolvedDependent, executors
    from di.dependent import Dependent
    from di.exceptions import WiringError
except ImportError as exc:
    raise MissingExtraError('di is not installed: pip install "diator[di]"', name="di") from exc

__all__ = ("DIContainer", "DIScope")

T = TypeVar("T")

EXECUTOR: Any = executors.AsyncExecutor() if ASYNC else executors.SyncExecutor()  # keeps nothing


class DIContainer(Adapter[Container]):
    """Builds handlers and their dependencies with di.

    Args:
        container: The container; it can also be attached later.
        scope: The name of the scope of one dispatch. Handlers that are not bound live in it.
        state: The scopes around it that the application has entered, such as one for singletons: what
            ``container.enter_scope("app")`` gives.
    """

    def __init__(
        self, container: Container | None = None, *, scope: str = "request", state: ScopeState | None = None
    ) -> None:
        self._scope = scope
        self._outer = ScopeState() if state is None else state
        super().__init__(container)

    def attach_external_container(self, container: Container) -> None:
        """Use this container, instead of another one if there was one."""
        super().attach_external_container(container)
        self._binds: list[Any] = []
        self._solved: dict[Any, SolvedDependent[Any]] = {}

    async def resolve(self, type_: type[T]) -> T:
        """Give the object for a type in a scope that is closed again; the mediator uses `scope` instead."""
        async with self.scope() as scope:
            return await scope.resolve(type_)

    def scope(self) -> "DIScope":
        """Make the scope of one dispatch."""
        return DIScope(self, self.external_container.enter_scope(self._scope, self._outer))

    def within(self, scope: object) -> "DIScope":
        """Resolve in a scope that somebody else has entered: what di's `enter_scope` gives, or one of `scope`.

        Raises:
            TypeError: It is neither.
        """
        if isinstance(scope, DIScope):
            return scope
        if not isinstance(scope, ScopeState):
            raise no_scope(scope, "what `enter_scope` of di gives")
        within = DIScope(self, None)
        within.state = scope
        return within

    def check(self, type_: Any) -> None:
        """Solve a type.

        Raises:
            HandlerBuildError: Something is missing.
        """
        try:
            solved = self.solve(type_, (*self._outer.stacks, self._scope))
        except WiringError as exc:
            maker = exc.path[-1].call
            raise unannotated(maker, _unannotated_parameter(maker), type_) from exc
        except HandlerBuildError:
            raise
        except NameError as exc:
            raise unannotated(type_, _unannotated_parameter(type_), type_) from exc
        except Exception as exc:
            raise HandlerBuildError(
                f"di cannot solve {text_of(type_)}: {exc}. Bind what it cannot build, in one of the scopes "
                f"{(*self._outer.stacks, self._scope)}"
            ) from exc
        root = solved.dependency.call
        if is_abstract(root):
            raise unavailable(type_, _remedy(root))
        for dependent, parameters in solved.dag.items():
            for dependency, parameter in parameters:
                if parameter is not None and is_abstract(dependency.call):
                    raise lacking(dependent.call, parameter.name, dependency.call, _remedy(dependency.call), root)

    def solve(self, type_: Any, scopes: tuple[Any, ...]) -> SolvedDependent[Any]:
        """Solve a type for these scopes, once for all sends until something else is bound."""
        container = self.external_container
        binds = container._bind_hooks
        if binds != self._binds:
            self._binds, self._solved = list(binds), {}
        solved = self._solved.get((type_, scopes))
        if solved is None:
            solved = container.solve(Dependent(type_, scope=self._scope), scopes=scopes)
            if not ASYNC:
                _refuse_tasks_that_wait(solved)
            self._solved[type_, scopes] = solved
        return solved


class DIScope:
    """A scope of di.

    Args:
        container: What it belongs to.
        context: Enters and leaves the scope; None if somebody else does.

    Attributes:
        state: The scope, if it has been entered.
    """

    __slots__ = ("_container", "_context", "state")

    state: ScopeState

    def __init__(self, container: DIContainer, context: Any) -> None:
        self._container = container
        self._context = context

    async def resolve(self, type_: type[T]) -> T:
        """Give the object for a type."""
        state = self.state
        solved = self._container.solve(type_, tuple(state.stacks))
        result: T
        if ASYNC:
            result = await solved.execute_async(EXECUTOR, state)
        else:
            result = solved.execute_sync(EXECUTOR, state)
        return result

    async def __aenter__(self) -> Self:
        self.state = await self._context.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if ASYNC:
            leaving = self._context.__aexit__(exc_type, exc, traceback)
            if getattr(self._context.stack, "_exit_callbacks", True):  # something has a finaliser
                await wait_until_closed(leaving)
            else:
                await leaving
        else:
            self._context.__exit__(exc_type, exc, traceback)  # unasync: keep


def _unannotated_parameter(maker: Any) -> str:
    """The first parameter for which di knows no class."""
    return next(
        (
            name
            for name, annotation in required_parameters(maker)
            if annotation is Parameter.empty or not isinstance(annotation, type)
        ),
        "?",
    )


def _remedy(type_: Any) -> str:
    return f"call `container.bind(bind_by_type(Dependent(...), {text_of(type_)}))`"


def _refuse_tasks_that_wait(solved: SolvedDependent[Any]) -> None:
    for dependent in solved.dag:
        call: Any = dependent.call
        if is_coroutine_callable(call) or isasyncgenfunction(call):
            raise HandlerBuildError(
                f"{handler_name(call)} is `async def`, and blocking code does not wait for it: make it a `def`"
            )
