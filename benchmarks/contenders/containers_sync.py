"""A send to a handler that each container builds with a mailer and a session, beside what the container itself takes.

The session belongs to the scope of the send. Each ``..._own`` opens that scope by the means of the library, asks for
the handler and calls it.
"""

from collections.abc import Iterator
from typing import Any

import di
import dishka
import injector
import rodi
import wireup
from cases import Case
from dependency_injector import containers, providers
from di.dependent import Dependent
from parts import BuiltHandler, Mailer, Session

from diator import Command, RequestMap
from diator.sync import Mediator
from diator.sync.container.dependency_injector import DependencyInjectorContainer
from diator.sync.container.di import DIContainer
from diator.sync.container.dishka import DishkaContainer
from diator.sync.container.injector import InjectorContainer, dispatch_scope
from diator.sync.container.rodi import RodiContainer
from diator.sync.container.wireup import WireupContainer

BACKENDS = ("blocking",)


class Join(Command[int]):
    user_id = 7


JOIN = Join()


class Handler(BuiltHandler):
    @injector.inject
    def __init__(self, mailer: Mailer, session: Session) -> None:
        self.mailer, self.session = mailer, session


def pair(name: str, container: Any, own: Any) -> Iterator[Case]:
    requests = RequestMap()
    requests.bind(Join, Handler)
    mediator = Mediator(requests, container)
    mediator.check()
    yield Case(name, "mediator.send(command)", {"mediator": mediator, "command": JOIN})
    yield Case(f"{name}_own", "own(command)", {"own": own, "command": JOIN})


def rodi_cases() -> Iterator[Case]:
    registry = rodi.Container()
    registry.add_transient(Mailer)
    registry.add_scoped(Session)
    registry.add_transient(Handler)
    container = RodiContainer(registry)
    services: Any = registry.provider

    def own(command: Any) -> Any:
        with services.create_scope() as scope:
            return services.get(Handler, scope).handle(command)

    yield from pair("rodi", container, own)


def di_cases() -> Iterator[Case]:
    container = di.Container()
    solved = container.solve(Dependent(Handler, scope="request"), scopes=["request"])
    executor = di.executors.SyncExecutor()

    def own(command: Any) -> Any:
        with container.enter_scope("request") as state:
            handler = solved.execute_sync(executor, state)
            return handler.handle(command)

    yield from pair("di", DIContainer(container), own)


def provider() -> dishka.Provider:
    found = dishka.Provider(scope=dishka.Scope.REQUEST)
    found.provide(Mailer, cache=False)
    found.provide(Session)
    found.provide(Handler, cache=False)
    return found


def dishka_cases() -> Iterator[Case]:
    container = dishka.make_container(provider())

    def own(command: Any) -> Any:
        with container() as scope:
            handler = scope.get(Handler)
            return handler.handle(command)

    yield from pair("dishka", DishkaContainer(container), own)


def wireup_cases() -> Iterator[Case]:
    lifetimes: Any = {Mailer: "transient", Session: "scoped", Handler: "transient"}
    injectables = [wireup.injectable(type_, lifetime=lifetime) for type_, lifetime in lifetimes.items()]
    container = wireup.create_sync_container(injectables=injectables)

    def own(command: Any) -> Any:
        with container.enter_scope() as scope:
            handler = scope.get(Handler)
            return handler.handle(command)

    yield from pair("wireup", WireupContainer(container), own)


def injector_cases() -> Iterator[Case]:
    def bind(binder: injector.Binder) -> None:
        binder.bind(Mailer)
        binder.bind(Session, to=Session, scope=dispatch_scope)
        binder.bind(Handler)

    adapter = InjectorContainer(injector.Injector(bind))

    def own(command: Any) -> Any:  # the library has no such scope, so this is the adapter's
        with adapter.scope() as scope:
            return scope.resolve(Handler).handle(command)

    yield from pair("injector", adapter, own)


def open_session() -> Iterator[Session]:
    yield Session()


def dependency_injector_cases() -> Iterator[Case]:
    for name, kind in (
        ("dependency-injector, factories", providers.Factory(Session)),
        ("dependency-injector, context resource", providers.ContextLocalResource(open_session)),
    ):
        container: Any = containers.DynamicContainer()
        make = providers.Factory(Handler, mailer=providers.Factory(Mailer), session=kind)
        container.set_providers(session=kind, handler=make)
        shut_down = getattr(kind, "shutdown", None)

        def own(command: Any, make: Any = make, shut_down: Any = shut_down) -> Any:
            try:
                return make().handle(command)
            finally:
                if shut_down is not None:
                    shut_down()

        yield from pair(name, DependencyInjectorContainer(container), own)


def cases() -> Iterator[Case]:
    yield from rodi_cases()
    yield from di_cases()
    yield from dishka_cases()
    yield from wireup_cases()
    yield from injector_cases()
    yield from dependency_injector_cases()
