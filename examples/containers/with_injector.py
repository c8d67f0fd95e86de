"""The application, put together by injector. It closes nothing itself: the stack of the scope does."""

from contextlib import AsyncExitStack, ExitStack
from typing import Any

from app import JoinMeetingHandler, Session, Storage, WelcomeUser, main
from injector import Binder, Injector, ScopeDecorator, inject, singleton

from diator.aio.container.injector import InjectorContainer, dispatch_scope
from diator.sync.container.injector import InjectorContainer as BlockingInjectorContainer
from diator.sync.container.injector import dispatch_scope as blocking_dispatch_scope


def make_injector(scope: ScopeDecorator, stack_type: Any) -> Injector:
    @inject
    def open_session(storage: Storage, stack: stack_type) -> Session:
        session = Session(storage)
        stack.callback(session.close)
        return session

    def configure(binder: Binder) -> None:
        binder.bind(Storage, scope=singleton)
        binder.bind(Session, to=open_session, scope=scope)
        inject(JoinMeetingHandler)  # in an application of one's own, these are decorators
        inject(WelcomeUser)

    return Injector(configure)


if __name__ == "__main__":
    main(
        InjectorContainer(make_injector(dispatch_scope, AsyncExitStack)),
        BlockingInjectorContainer(make_injector(blocking_dispatch_scope, ExitStack)),
    )
