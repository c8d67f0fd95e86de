# Generated from diator/aio/scopes.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Dependency scopes: one spans a whole dispatch."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from .._core.callables import is_coroutine_callable
from .._runtime.sync.concurrency import ASYNC, Runner
from .abc import Container
from .handlers import Resolve

__all__ = ("Scopes",)


class Scopes:
    """Opens the scopes of a container, or stands for having none.

    Args:
        container: Any object with ``resolve``. If it also has ``scope()``, each dispatch resolves from the context
            manager that this returns, and closes it at the end.
        runner: Runs a ``resolve`` of the other colour.

    Attributes:
        resolve: Gives what the container itself has for a type; None without a container.
        scoped: Whether the container has scopes.
        foreign: Whether ``resolve`` is of the other colour.
    """

    def __init__(self, container: Container | None, runner: Runner) -> None:
        self._runner = runner
        self._scope: Any = getattr(container, "scope", None)
        self.resolve: Resolve | None = None if container is None else runner.adapt(container.resolve)
        self.scoped = self._scope is not None
        self.foreign = container is not None and is_coroutine_callable(container.resolve) is not ASYNC

    @contextmanager
    def open(self) -> Generator[Resolve | None, None, None]:
        """Open the scope of one dispatch, and give its ``resolve``."""
        if self._scope is None:
            yield self.resolve
            return
        error: BaseException | None = None
        with self._scope() as scope:
            try:
                yield self._runner.adapt(scope.resolve)
            except BaseException as raised:
                error = raised
                raise
        if error is not None:  # a scope that swallows errors must not make a failed command look done
            raise error
