"""The same where annotations are strings: handlers in functions, and names that only type checkers see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import diator
from diator import Command, CommandHandler, DomainEvent, EventMap, RequestMap
from diator.errors import InvalidHandler

if TYPE_CHECKING:
    from decimal import Decimal

    from diator import Events


@dataclass(frozen=True, kw_only=True)
class Pay(Command[int]):
    pass


class Service:
    pass


def pay(command: Pay) -> int:
    return 1


class PayHandler(CommandHandler["Pay", "int"]):
    async def handle(self, command: Pay, events: Events) -> int:
        return 1


class ByAnnotation:
    async def handle(self, command: Pay, events: Events) -> int:
        return 1


class ByDottedName:
    async def handle(self, command: Pay, events: diator.Events) -> int:
        return 1


@pytest.mark.parametrize("handler", [pay, PayHandler, PayHandler(), ByAnnotation, ByAnnotation(), ByDottedName])
def test_strings_are_read_where_the_handler_was_defined(handler: Any) -> None:
    requests = RequestMap()
    requests.handler(handler)
    assert requests.get(Pay) is handler
    assert (requests.spec(Pay).events_parameter == "events") is (handler is not pay)


def test_classes_of_a_function_are_seen() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Local(Command[None]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Paid(DomainEvent):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Refunded(DomainEvent):
        pass

    class LocalService:
        pass

    requests, events = RequestMap(), EventMap()

    @requests.handler
    def handle(command: Local, service: LocalService, events: Events) -> None: ...

    @events.handler
    def note(event: Paid | Refunded, service: LocalService) -> None: ...

    @requests.handler(sync="inline")
    class Handler(CommandHandler[Pay, int]):
        def handle(self, command: Pay) -> int:
            return 1

    assert requests.spec(Local).dependencies == (("service", LocalService),)
    assert requests.get(Local) is handle
    assert events.get(Paid) == events.get(Refunded) == [note]

    more = RequestMap()
    more.bind(Local, handle)
    with pytest.raises(InvalidHandler, match="handles"):
        more.bind(Pay, handle)


def test_a_wrong_result_is_seen() -> None:
    def wrong(command: Pay) -> str:
        return ""

    with pytest.raises(InvalidHandler, match="wrong returns str, but Pay is a request for int"):
        RequestMap().handler(wrong)


def test_a_result_that_only_type_checkers_see_is_taken_on_trust() -> None:
    @RequestMap().handler
    def trusted(command: Pay) -> Decimal: ...  # type: ignore[empty-body]


def test_a_dependency_that_only_type_checkers_see_is_refused() -> None:
    def handle(command: Pay, amount: Decimal) -> int:
        return 1

    with pytest.raises(InvalidHandler, match=r"`amount` without a usable annotation.*a class that is visible"):
        RequestMap().handler(handle)


def test_decorated_functions_are_read_in_their_own_module() -> None:
    from functools import partial, wraps

    @wraps(pay)
    def wrapper(*args: Any) -> Any:
        return pay(*args)

    class Callable:
        def __call__(self, command: Pay, service: Service) -> int:
            return 1

    for handler in (wrapper, partial(pay), Callable()):
        requests = RequestMap()
        requests.handler(handler)
        assert requests.get(Pay) is handler
    assert requests.spec(Pay).dependencies == (("service", Service),)
