"""How the containers of the cases are wired, the same on both sides.

The session belongs to the scope of the send, and the handler and its mailer are new each time.
"""

from collections.abc import Iterator
from typing import Any

import dishka
import injector
import rodi
import wireup
from cases import Case
from dependency_injector import containers, providers
from parts import Mailer, Session

from diator import Command, RequestMap


class Join(Command[int]):
    user_id = 7


JOIN = Join()


class Wiring:
    """The wiring of one side.

    Args:
        mediator: Its mediator.
        scope: The scope of a send for injector, which has none of its own.
        base: What the handler derives from.
        awaits: ``"await "``, or nothing.
    """

    def __init__(self, mediator: Any, scope: Any, base: Any, awaits: str = "") -> None:
        class Handler(base):
            @injector.inject
            def __init__(self, mailer: Mailer, session: Session) -> None:
                self.mailer, self.session = mailer, session

        self.handler: Any = Handler
        self._mediator, self._scope, self._awaits = mediator, scope, awaits

    def pair(self, name: str, container: Any, own: Any) -> Iterator[Case]:
        """A send, and beside it what the container itself takes."""
        requests = RequestMap()
        requests.bind(Join, self.handler)
        mediator = self._mediator(requests, container)
        mediator.check()
        yield Case(name, f"{self._awaits}mediator.send(command)", {"mediator": mediator, "command": JOIN})
        yield Case(f"{name}_own", f"{self._awaits}own(command)", {"own": own, "command": JOIN})

    def rodi(self) -> rodi.Container:
        registry = rodi.Container()
        registry.add_transient(Mailer)
        registry.add_scoped(Session)
        registry.add_transient(self.handler)
        return registry

    def dishka(self) -> dishka.Provider:
        found = dishka.Provider(scope=dishka.Scope.REQUEST)
        found.provide(Mailer, cache=False)
        found.provide(Session)
        found.provide(self.handler, cache=False)
        return found

    def wireup(self) -> list[Any]:
        lifetimes: Any = {Mailer: "transient", Session: "scoped", self.handler: "transient"}
        return [wireup.injectable(type_, lifetime=lifetime) for type_, lifetime in lifetimes.items()]

    def injector(self) -> injector.Injector:
        def bind(binder: injector.Binder) -> None:
            binder.bind(Mailer)
            binder.bind(Session, to=Session, scope=self._scope)
            binder.bind(self.handler)

        return injector.Injector(bind)

    def dependency_injector(self) -> Iterator[tuple[str, Any, Any, Any]]:
        """For each way to provide a session: its name, the container, the handler's provider, and the clean-up."""
        for name, kind in (
            ("dependency-injector, factories", providers.Factory(Session)),
            ("dependency-injector, context resource", providers.ContextLocalResource(open_session)),
        ):
            container: Any = containers.DynamicContainer()
            make = providers.Factory(self.handler, mailer=providers.Factory(Mailer), session=kind)
            container.set_providers(session=kind, handler=make)
            yield name, container, make, getattr(kind, "shutdown", None)


def open_session() -> Iterator[Session]:
    yield Session()
