"""Containers and brokers: whatever has the right methods."""

from typing import Any, TypeVar

from diator import Event, RequestMap
from diator.aio import EventEmitter, Mediator
from diator.container import Container
from diator.message_brokers import Message
from diator.sync import EventEmitter as BlockingEmitter
from diator.sync import Mediator as BlockingMediator

T = TypeVar("T")


class External:
    """The container of a library."""

    def get(self, type_: type[T]) -> T:
        return type_()


class Own(Container[External]):
    """As in diator 0.1.2."""

    def __init__(self) -> None:
        self._external: External | None = None

    @property
    def external_container(self) -> External:
        if not self._external:
            raise AttributeError
        return self._external

    def attach_external_container(self, container: External) -> None:
        self._external = container

    async def resolve(self, type_: type[T]) -> T:
        return self.external_container.get(type_)


class Generic:
    async def resolve(self, key: type[T]) -> T:
        return key()


class Loose:
    async def resolve(self, type_: Any) -> Any:
        return type_()


class Blocking:
    def resolve(self, type_: type[T]) -> T:
        return type_()


class LooseBlocking:
    def resolve(self, type_: Any) -> Any:
        return type_()


class Other:
    async def find(self, type_: type[T]) -> T:
        return type_()


own = Own()
own.attach_external_container(External())
own.attach_external_container(Blocking())  # error: mypy, pyright
Mediator(RequestMap(), own)
Mediator(RequestMap(), Generic())
Mediator(RequestMap(), Loose())
Mediator(RequestMap(), Other())  # error: mypy, pyright
EventEmitter(container=Generic())
BlockingMediator(RequestMap(), Blocking())
BlockingMediator(RequestMap(), LooseBlocking())
BlockingMediator(RequestMap(), Other())  # error: mypy, pyright
BlockingEmitter(container=Blocking())


class Broker:
    async def send_message(self, message: Message) -> None: ...


class BlockingBroker:
    def send_message(self, message: Message) -> None: ...


class WrongBroker:
    async def send_message(self, message: Event) -> None: ...


Mediator(RequestMap(), message_broker=Broker())
Mediator(RequestMap(), message_broker=BlockingBroker())  # error: mypy, pyright
Mediator(RequestMap(), message_broker=WrongBroker())  # error: mypy, pyright
BlockingMediator(RequestMap(), message_broker=BlockingBroker())
BlockingMediator(RequestMap(), message_broker=Broker())  # error: mypy, pyright
