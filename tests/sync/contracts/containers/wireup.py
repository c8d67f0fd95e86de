# Generated from tests/aio/contracts/containers/wireup.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""wireup: has everything, and looks for gaps itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import isasyncgenfunction, isgeneratorfunction
from typing import Any

import wireup
from wireup.errors import WireupError

from diator.sync.container.wireup import WireupContainer
from tests.sync.contracts.containers.interface import Case, Provided

__all__ = ("Wireup",)


class Wireup(Case):
    name = "wireup"
    adapter = WireupContainer
    library = "wireup"
    solver = (wireup.ioc.factory_compiler.FactoryCompiler, "compile")
    remedy = r"@wireup\.injectable"
    refuses_gaps = WireupError
    refuses_unannotated = WireupError
    refuses_vague = WireupError

    def build(self, *provided: Provided) -> WireupContainer:
        create = wireup.create_sync_container
        return WireupContainer(create(injectables=[injectable(each) for each in provided]))

    def close(self, container: WireupContainer) -> None:
        container.external_container.close()

    @contextmanager
    def opened_elsewhere(self, container: WireupContainer) -> Iterator[Any]:
        with container.external_container.enter_scope() as scope:
            yield scope


def injectable(provided: Provided) -> Any:
    factory: Any = provided.factory
    if factory is None:
        return wireup.injectable(provided.type_, lifetime=provided.lifetime)
    result: Any = provided.type_
    if isgeneratorfunction(factory):
        result = Iterator[result]
    elif isasyncgenfunction(factory):
        result = Iterator[result]
    factory.__annotations__["return"] = result
    return wireup.injectable(factory, lifetime=provided.lifetime)
