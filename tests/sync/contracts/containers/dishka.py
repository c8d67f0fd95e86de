# Generated from tests/aio/contracts/containers/dishka.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""dishka: has everything; its `Container` works on both sides."""  # unasync: keep

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dishka
from dishka import Provider, Scope
from dishka.provider.exceptions import MissingHintsError, UndefinedTypeAnalysisError

from diator._runtime.sync.concurrency import ASYNC
from diator.sync.container.dishka import DishkaContainer
from tests.sync.contracts.containers.interface import Case, Provided

__all__ = ("Dishka", "PlainDishka")


class PlainDishka(Case):
    name = "dishka"
    adapter = DishkaContainer
    library = "dishka"
    solver = (dishka.registry, "compile_factory")
    awaits = not ASYNC
    refuses_unannotated = MissingHintsError
    refuses_vague = UndefinedTypeAnalysisError
    remedy = r"provider\.provide\(\.\.\., provides=MeetingAPI, scope=Scope\.REQUEST\)"

    def build(self, *provided: Provided) -> DishkaContainer:
        return DishkaContainer(dishka.make_container(provider_of(*provided), skip_validation=True))

    def close(self, container: DishkaContainer) -> None:
        container.external_container.close()

    @contextmanager
    def opened_elsewhere(self, container: DishkaContainer) -> Iterator[Any]:
        with container.external_container() as request_container:
            yield request_container


class Dishka(PlainDishka):
    awaits = True

    def build(self, *provided: Provided) -> DishkaContainer:
        if not ASYNC:
            return super().build(*provided)
        return DishkaContainer(dishka.make_async_container(provider_of(*provided), skip_validation=True))

    def close(self, container: DishkaContainer) -> None:
        container.external_container.close()

    @contextmanager
    def opened_elsewhere(self, container: DishkaContainer) -> Iterator[Any]:
        with container.external_container() as request_container:
            yield request_container


def provider_of(*provided: Provided) -> Provider:
    provider = Provider()
    for each in provided:
        scope = Scope.APP if each.lifetime == "singleton" else Scope.REQUEST
        cache = each.lifetime != "transient"
        provider.provide(each.factory or each.type_, provides=each.type_, scope=scope, cache=cache)
    return provider
