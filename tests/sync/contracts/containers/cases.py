# Generated from tests/aio/contracts/containers/cases.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""The adapters that the contract suite tests, one line each."""

from tests.sync.contracts.containers.dependency_injector import DependencyInjector
from tests.sync.contracts.containers.di import DI
from tests.sync.contracts.containers.dishka import Dishka, PlainDishka
from tests.sync.contracts.containers.injector import InjectorCase
from tests.sync.contracts.containers.interface import Case
from tests.sync.contracts.containers.rodi import Rodi
from tests.sync.contracts.containers.wireup import Wireup

__all__ = ("CASES",)

CASES: dict[str, Case] = {
    type(case).__name__: case
    for case in (
        DependencyInjector(),
        DI(),
        Dishka(),
        InjectorCase(),
        PlainDishka(),
        Rodi(),
        Wireup(),
    )
}
