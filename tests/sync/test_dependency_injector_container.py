# Generated from tests/aio/test_dependency_injector_container.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What only concerns dependency-injector; what it shares with other containers is in the contract suite."""

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from dependency_injector import containers, providers

from diator.errors import ConfigurationError, EventHandlingError, HandlerBuildError
from diator.sync.container.dependency_injector import DependencyInjectorContainer
from tests.sync.contracts.containers.parts import Join, Mailer, Session, mediator_for

log: list[str] = []
who: ContextVar[str] = ContextVar("who", default="nobody")


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    log.clear()


def open_session() -> Iterator[Session]:
    log.append("open")
    yield Session()
    log.append("close")


class Handler:
    def __init__(self, mailer: Mailer, session: Session, user: str = "nobody") -> None:
        self.mailer, self.session, self.user = mailer, session, user

    def handle(self, command: Join) -> Any:
        return self


class Container(containers.DeclarativeContainer):
    mailer = providers.ContextLocalSingleton(Mailer)
    session = providers.ContextLocalResource(open_session)
    handler = providers.Factory(Handler, mailer=mailer, session=session)


def takes_session(command: Join, session: Session) -> Any:
    return session


def test_what_the_current_context_holds_is_neither_used_nor_changed_by_a_dispatch() -> None:
    container = Container()
    mailer, session = container.mailer(), container.session()
    mediator = mediator_for(DependencyInjectorContainer(container), Handler)
    handler = mediator.send(Join())
    assert handler.mailer is not mailer
    assert handler.session is not session
    assert log == ["open", "open", "close"]
    assert container.mailer() is mailer
    assert container.session() is session
    container.session.shutdown()
    assert log == ["open", "open", "close", "close"]
    mediator.send(Join())
    assert not container.session.initialized


@pytest.mark.parametrize("mailers", [providers.Factory, providers.ContextLocalSingleton])
def test_what_the_current_context_holds_stays_when_a_dispatch_fails_before_it_is_made(mailers: Any) -> None:
    def make_mailer() -> Mailer:
        if log == ["open"]:
            log.append("no mailer")
            raise OSError("no mailer")
        return Mailer()

    mailer, session = mailers(make_mailer), providers.ContextLocalResource(open_session)
    container = Container(mailer=mailer, session=session)
    adapter, held = DependencyInjectorContainer(container), container.session()
    mediator = mediator_for(adapter, Handler)
    with adapter.scope() as scope:
        with pytest.raises(OSError, match="no mailer"):
            mediator.send(Join(), scope=scope)
        assert (mediator.send(Join(), scope=scope)).session is not held
    assert log == ["open", "no mailer", "open", "close"]
    assert container.session() is held
    container.session.shutdown()


def test_scopes_that_are_used_in_turn_leave_nothing_behind() -> None:
    container = Container()
    adapter = DependencyInjectorContainer(container)
    mediator = mediator_for(adapter, takes_session)
    with adapter.scope() as one:
        with adapter.scope() as other:
            first, second = mediator.send(Join(), scope=one), mediator.send(Join(), scope=other)
            assert first is not second
            assert mediator.send(Join(), scope=one) is first
        assert mediator.send(Join(), scope=one) is first
    assert log == ["open", "open", "close", "close"]
    assert not container.session.initialized


@pytest.mark.parametrize("mailers", [providers.Factory, providers.ContextLocalSingleton])
def test_a_provider_may_resolve_in_the_scope_that_it_is_called_in(mailers: Any) -> None:
    class Needed: ...

    def open_needed() -> Iterator[Needed]:
        log.append("open needed")
        yield Needed()
        log.append("close needed")

    def make_mailer() -> Mailer:
        scope.resolve(Needed)
        scope.resolve(Session)
        return Mailer()

    session = providers.ContextLocalResource(open_session)
    container = Container(mailer=mailers(make_mailer), session=session)
    container.set_provider("needed", providers.ContextLocalResource(open_needed))
    adapter, held = DependencyInjectorContainer(container), container.session()
    with adapter.scope() as scope:
        assert scope.resolve(Handler).session is scope.resolve(Session)
    assert log == ["open", "open needed", "open", "close", "close needed"]
    assert container.session() is held
    container.session.shutdown()


def test_a_scope_of_the_adapter_may_span_several_sends() -> None:
    container = DependencyInjectorContainer(Container())
    mediator = mediator_for(container, Handler)
    with container.scope() as scope:
        first, second = mediator.send(Join(), scope=scope), mediator.send(Join(), scope=scope)
        assert first is not second
        assert (first.mailer, first.session) == (second.mailer, second.session)
        assert log == ["open"]
    assert log == ["open", "close"]


def test_another_container_can_stand_for_the_scope() -> None:
    mediator = mediator_for(DependencyInjectorContainer(Container()), Handler)
    container = Container(mailer=providers.Object(mailer := Mailer()))
    assert (mediator.send(Join(), scope=container)).mailer is mailer
    container.session.shutdown()
    assert log == ["open", "close"]


@pytest.mark.parametrize("used_before", [False, True])
def test_providers_can_be_overridden_at_any_time(used_before: bool) -> None:
    def open_fake() -> Iterator[Session]:
        log.append("open fake")
        yield Session()
        log.append("close fake")

    container = Container()
    mediator = mediator_for(DependencyInjectorContainer(container), Handler)
    if used_before:
        mediator.send(Join())
        log.clear()
    fake = Session()
    with container.session.override(fake):
        mediator.check()
        assert (mediator.send(Join())).session is fake
    with container.session.override(providers.ContextLocalResource(open_fake)):
        first, second = mediator.send(Join()), mediator.send(Join())
        assert first.session is not second.session
    assert log == ["open fake", "close fake"] * 2
    mediator.send(Join())
    assert log[-2:] == ["open", "close"]


def test_providers_see_context_variables_that_a_middleware_has_set() -> None:
    def middleware(request: Any) -> Any:
        who.set("ann")
        return (yield request)

    container = Container()
    container.handler.add_kwargs(user=providers.Callable(who.get))
    mediator = mediator_for(DependencyInjectorContainer(container), Handler, middleware=middleware)
    assert (mediator.send(Join())).user == "ann"


def test_what_lives_longer_than_a_dispatch_stays() -> None:
    class Application(containers.DeclarativeContainer):
        mailer = providers.Singleton(Mailer)
        session = providers.Resource(open_session)
        handler = providers.Factory(Handler, mailer, session)

    container = Application()
    container.init_resources()
    mediator = mediator_for(DependencyInjectorContainer(container), Handler)
    mediator.check()
    first, second = mediator.send(Join()), mediator.send(Join())
    assert (first.mailer, first.session) == (second.mailer, second.session)
    assert log == ["open"]
    container.shutdown_resources()
    assert log == ["open", "close"]


def test_a_parameter_gets_what_a_provider_says_it_makes() -> None:
    class Abstract: ...

    class Concrete(Abstract): ...

    def make_mailer() -> Mailer:
        return Mailer()

    class Nested(containers.DeclarativeContainer):
        given = providers.Dependency(instance_of=Session)
        mailer = providers.Callable(make_mailer)
        hidden = providers.Object({"name": "bob"})

    class Application(containers.DeclarativeContainer):
        session = providers.ContextLocalResource(open_session)
        settings = providers.Object({"name": "ann"})
        concrete = providers.Factory(Concrete)
        config = providers.Configuration()
        nested = providers.Container(Nested, given=session)

    def join(
        command: Join,
        session: Session,
        settings: dict,
        abstract: Abstract,
        mailer: Mailer,  # type: ignore[type-arg]
    ) -> Any:
        return [type(session), settings, type(abstract), type(mailer)]

    mediator = mediator_for(DependencyInjectorContainer(Application()), join)
    mediator.check()
    assert mediator.send(Join()) == [Session, {"name": "ann"}, Concrete, Mailer]


def test_a_dispatch_without_a_container_says_what_to_do() -> None:
    mediator = mediator_for(DependencyInjectorContainer(), Handler)
    with pytest.raises(AttributeError, match="attach_external_container"):
        mediator.send(Join())


def test_two_providers_of_a_type_are_one_too_many() -> None:
    class Application(Container):
        other = providers.Factory(Session)

    mediator = mediator_for(DependencyInjectorContainer(Application()), takes_session)
    with pytest.raises(ConfigurationError) as caught:
        mediator.check()
    (error,) = caught.value.exceptions
    assert isinstance(error, HandlerBuildError)
    assert "session and other" in str(error) or "other and session" in str(error)
    with pytest.raises(HandlerBuildError, match="Session"):
        mediator.send(Join())


def test_check_looks_into_what_overrides_a_provider_instead_of_into_that() -> None:
    container = Container()
    mediator = mediator_for(DependencyInjectorContainer(container), Handler)
    with container.handler.override(providers.Factory(Handler, mailer=container.mailer)):
        with pytest.raises(ConfigurationError) as caught:
            mediator.check()
        assert "`session`" in str(caught.value.exceptions[0])
        container.handler.clear_kwargs()
        with container.handler.override(providers.Factory(Handler, container.mailer, session=container.session)):
            mediator.check()


def test_check_finds_a_dependency_that_nobody_has_given() -> None:
    class Application(containers.DeclarativeContainer):
        session = providers.Dependency(instance_of=Session)
        handler = providers.Factory(Handler, mailer=providers.Factory(Mailer), session=session)

    mediator = mediator_for(DependencyInjectorContainer(Application()), Handler)
    with pytest.raises(ConfigurationError) as caught:
        mediator.check()
    assert "Handler" in str(caught.value.exceptions[0])
    assert "Session" in str(caught.value.exceptions[0])
    mediator_for(DependencyInjectorContainer(Application(session=providers.Factory(Session))), Handler).check()


def test_a_finaliser_that_fails_keeps_no_other_from_running() -> None:
    def open_mailer(session: Session) -> Iterator[Mailer]:
        yield Mailer()
        raise OSError("cannot close")

    container = Container(
        mailer=providers.ContextLocalResource(open_mailer, session=(session := Container.session)), session=session
    )
    with pytest.raises(EventHandlingError) as caught:
        mediator_for(DependencyInjectorContainer(container), Handler).send(Join())
    assert [str(error) for error in caught.value.exceptions] == ["cannot close"]
    assert log == ["open", "close"]
