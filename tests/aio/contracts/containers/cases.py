"""The adapters that the contract suite tests, one line each."""

from tests.aio.contracts.containers.dependency_injector import DependencyInjector
from tests.aio.contracts.containers.di import DI
from tests.aio.contracts.containers.dishka import Dishka, PlainDishka
from tests.aio.contracts.containers.injector import InjectorCase
from tests.aio.contracts.containers.interface import Case
from tests.aio.contracts.containers.rodi import Rodi
from tests.aio.contracts.containers.wireup import Wireup

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
