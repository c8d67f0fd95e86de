"""The chain tells the forms of middlewares apart, and chooses which of them wrap which request."""

from functools import partial
from typing import Any

import pytest

from diator import Command, DomainEvent, MiddlewareChain, Query, Request
from diator._core.events import RouteTable
from diator._core.pipeline import Form, drive
from diator.errors import InvalidHandler


class Join(Command[int]):
    pass


class Leave(Command[None]):
    pass


class Read(Query[int]):
    pass


async def asynchronous(request: Any, handle: Any) -> Any:
    return await handle(request)


def plain(request: Any, handle: Any) -> Any:
    return handle(request)


def generator(request: Any) -> Any:
    return (yield request)


async def async_generator(request: Any) -> Any:
    yield request


class Asynchronous:
    async def __call__(self, request: Any, handle: Any) -> Any:
        return await handle(request)

    async def method(self, request: Any, handle: Any) -> Any:
        return await handle(request)


class Plain:
    def __call__(self, request: Any, handle: Any) -> Any:
        return handle(request)

    def generator(self, request: Any) -> Any:
        return (yield request)


class Generator:
    def __call__(self, request: Any) -> Any:
        return (yield request)


class AsyncGenerator:
    async def __call__(self, request: Any) -> Any:
        yield request


def chain_of(*middlewares: Any) -> MiddlewareChain:
    chain = MiddlewareChain()
    chain.set(middlewares)
    return chain


@pytest.mark.parametrize(
    ("middleware", "form"),
    [
        (asynchronous, Form.ASYNC),
        (Asynchronous(), Form.ASYNC),
        (Asynchronous().method, Form.ASYNC),
        (partial(asynchronous), Form.ASYNC),
        (partial(Asynchronous()), Form.ASYNC),
        (plain, Form.PLAIN),
        (Plain(), Form.PLAIN),
        (partial(plain), Form.PLAIN),
        (lambda *args: None, Form.PLAIN),
        (generator, Form.GENERATOR),
        (Generator(), Form.GENERATOR),
        (Plain().generator, Form.GENERATOR),
        (partial(generator), Form.GENERATOR),
        (partial(Generator()), Form.GENERATOR),
    ],
)
def test_the_form_is_seen(middleware: Any, form: Form) -> None:
    (selected,) = chain_of(middleware).select(Join)
    assert selected.call is middleware
    assert selected.form is form


@pytest.mark.parametrize(
    ("middleware", "match"),
    [
        (Plain, "Plain is not callable as a middleware: pass a function, or an object with __call__"),
        (3, "int is not callable as a middleware"),
        (None, "NoneType is not callable"),
        (lambda request: None, r"takes 1 arguments; a middleware takes \(request, handle\), a generator \(request\)"),
        (lambda: None, "takes 0 arguments"),
        (lambda *, request, handle: None, "takes 0 arguments"),
        (async_generator, "is an async generator: write the generator form with `def`, without await"),
        (AsyncGenerator(), "is an async generator"),
        (partial(async_generator), "is an async generator"),
    ],
)
def test_what_is_no_middleware_is_refused(middleware: Any, match: str) -> None:
    chain = MiddlewareChain()
    with pytest.raises(InvalidHandler, match=match):
        chain.add(middleware)
    with pytest.raises(InvalidHandler, match=match):
        chain.set([plain, middleware])
    assert len(chain) == 0


@pytest.mark.parametrize("requests", [(), (3,), (DomainEvent,), (Join, "Join"), (Join(),)])
def test_middlewares_are_added_for_request_classes_only(requests: Any) -> None:
    with pytest.raises(InvalidHandler, match=r"`requests` takes request classes, as in"):
        MiddlewareChain().add(plain, requests=requests)


def test_a_middleware_wraps_the_classes_it_was_added_for_and_their_subclasses() -> None:
    chain = MiddlewareChain()
    chain.add(generator)
    chain.add(asynchronous, requests=[Query])
    chain.add(plain, requests=(Command, Read))

    def selected(request_type: type) -> list[Any]:
        return [middleware.call for middleware in chain.select(request_type)]

    assert selected(Join) == selected(Leave) == [generator, plain]
    assert selected(Read) == [generator, asynchronous, plain]
    assert selected(Request) == [generator]
    assert len(chain) == 3


def test_set_replaces_the_chain() -> None:
    chain = chain_of(plain, generator)
    chain.set(iter([asynchronous]))
    assert [middleware.call for middleware in chain.select(Join)] == [asynchronous]


def test_wrap_puts_the_first_middleware_outermost() -> None:
    log: list[str] = []

    def named(name: str, request: Any, handle: Any) -> Any:
        log.append(name)
        return handle(request) + name

    handle = chain_of(partial(named, "a"), partial(named, "b")).wrap(lambda request: request)
    assert handle("request ") == "request ba"
    assert log == ["a", "b"]
    assert MiddlewareChain().wrap(plain) is plain


def test_a_change_is_told_to_whoever_watches() -> None:
    chain = MiddlewareChain()
    table: RouteTable[object] = RouteTable(lambda message_type: object())
    chain.watch(table)
    first = table[Join]
    assert table[Join] is first
    chain.add(plain)
    second = table[Join]
    chain.set([])
    assert len({first, second, table[Join]}) == 3


# -- the driver of generators


def test_the_driver_sends_every_yielded_request_down_the_chain() -> None:
    def twice(request: int) -> Any:
        first = yield request
        second = yield first + 1
        return second * 100

    assert drive(twice, 1, lambda request: request * 10) == 11_000


def test_the_driver_raises_at_the_yield_whatever_it_was() -> None:
    def recover(request: int) -> Any:
        try:
            yield request
        except KeyboardInterrupt as error:
            return error.args[0]

    def fail(request: int) -> None:
        raise KeyboardInterrupt("caught")

    assert drive(recover, 1, fail) == "caught"
    with pytest.raises(KeyboardInterrupt):
        drive(generator, 1, fail)


def test_a_generator_that_never_yields_answers_by_itself() -> None:
    def answer(request: int) -> Any:
        if request > 1:
            yield
        return "answer"

    assert drive(answer, 1, lambda request: pytest.fail("not called")) == "answer"


def test_a_stop_iteration_of_the_handler_is_not_taken_for_the_end_of_the_generator() -> None:
    def stop(request: int) -> None:
        raise StopIteration("of the handler")

    with pytest.raises(RuntimeError, match="generator raised StopIteration"):
        drive(generator, 1, stop)
