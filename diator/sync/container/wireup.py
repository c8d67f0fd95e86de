# Generated from diator/aio/container/wireup.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The adapter to wireup.

Handlers are injectables like everything else, usually scoped ones::

    @wireup.injectable(lifetime="scoped")
    class JoinMeetingHandler: ...

    injectables = [JoinMeetingHandler, open_session]
    container = WireupContainer(wireup.create_async_container(injectables=injectables))  # on diator.aio
    container = WireupContainer(wireup.create_sync_container(injectables=injectables))  # on diator.sync

An `AsyncContainer` awaits its factories and their clean-up. What is not `async def` runs right where the mediator is
called, so on an event loop it must not do I/O. Event handlers that run in parallel need
``concurrent_scoped_access=True``.
"""  # unasync: keep

from typing import Annotated, Any, get_args, get_origin

from ...errors import MissingExtraError
from ..scopes import OpenScope
from .base import Adapter, leave, no_scope, unavailable

try:
    import wireup
    from wireup.errors import WireupError
except ImportError as exc:
    raise MissingExtraError('wireup is not installed: pip install "diator[wireup]"', name="wireup") from exc

__all__ = ("WireupContainer", "WireupScope")

_CONTAINER: Any = wireup.SyncContainer
_SCOPE: Any = wireup.ScopedSyncContainer


class WireupContainer(Adapter[Any]):
    """Builds handlers and their dependencies with wireup."""

    def attach_external_container(self, container: Any) -> None:
        """Use this container, instead of another one if there was one.

        Raises:
            TypeError: It is of the wrong kind.
        """
        if not isinstance(container, _CONTAINER):
            raise TypeError(
                f"{type(self).__module__} takes wireup's {_CONTAINER.__name__}, not {type(container).__name__}"
            )
        super().attach_external_container(container)

    def resolve(self, type_: Any) -> Any:
        """Give the object for a type, outside of the scope of a dispatch."""
        return self.external_container.get(type_)

    def scope(self) -> "WireupScope":
        """Make the scope of one dispatch."""
        return WireupScope((self._external_container or self.external_container).enter_scope())

    def within(self, scope: object) -> "WireupScope":
        """Resolve in a scope that somebody else has opened: one of wireup, as for each web request, or one of `scope`.

        Raises:
            TypeError: It is neither.
        """
        if isinstance(scope, WireupScope):
            return scope
        if not isinstance(scope, _SCOPE):
            raise no_scope(scope, f"wireup's {_SCOPE.__name__}")
        return WireupScope(scope)

    def key(self, annotation: Any) -> Any:
        """What stands for an annotation: `Injected[T]` is wireup's own."""
        type_, *markers = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
        return type_ if all(isinstance(marker, type(wireup.Inject())) for marker in markers) else annotation

    def check(self, type_: Any) -> None:
        """Look whether wireup knows the type; what that needs, wireup has looked into itself.

        Raises:
            HandlerBuildError: It does not.
        """
        if get_origin(type_) is Annotated:
            raise unavailable(type_, "a function can ask for types only; ask for it in the `__init__` of a class")

        def probe(dependency: Any) -> None: ...

        probe.__annotations__["dependency"] = Annotated[type_, wireup.Inject()]
        try:
            wireup.inject_from_container(self.external_container)(probe)
        except WireupError as exc:
            remedy = "decorate it, or a factory of it, with `@wireup.injectable`, and pass that to the container"
            raise unavailable(type_, remedy) from exc


class WireupScope(OpenScope):
    """The scope of one dispatch: a scoped container of wireup."""

    __slots__ = ("_container", "resolve")

    def __init__(self, container: Any) -> None:
        self._container = container
        self.resolve = container.get

    def close(self, error: BaseException | None) -> Any:
        """Finalise what was made in the scope, the last one first."""
        if not getattr(self._container, "_current_scope_exit_stack", True):
            return None  # nothing was made that has a finaliser
        return leave(self._container, error)
