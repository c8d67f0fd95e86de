# Generated from tests/aio/contracts/containers/di.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""di: waits for factories, finalises generators, and has named scopes; a singleton lives in an outer one."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from di import Container, bind_by_type
from di.api.dependencies import DependentBase
from di.dependent import Dependent

from diator.sync.container.di import DIContainer
from tests.sync.contracts.containers.interface import Case, Provided

__all__ = ("DI",)


class DI(Case):
    name = "di"
    adapter = DIContainer
    library = "di"
    solver = (Container, "solve")
    remedy = r"bind\(bind_by_type\(Dependent\(\.\.\.\), MeetingAPI\)\)"

    def build(self, *provided: Provided) -> DIContainer:
        container = Container()
        for each in provided:
            container.bind(partial(provide, each))
        with container.enter_scope("app") as state:  # its objects stay usable, for they need no closing
            return DIContainer(container, state=state)

    @contextmanager
    def opened_elsewhere(self, container: DIContainer) -> Iterator[Any]:
        with container.external_container.enter_scope("request") as state:
            yield state


def provide(provided: Provided, parameter: Any, dependent: DependentBase[Any]) -> DependentBase[Any] | None:
    """The hook that `bind_by_type` makes, with a new dependent each time: di shares objects by dependents."""
    scope = "app" if provided.lifetime == "singleton" else "request"
    made_by = provided.factory or provided.type_
    hook = bind_by_type(Dependent(made_by, scope=scope, use_cache=provided.lifetime != "transient"), provided.type_)
    return hook(parameter, dependent)
