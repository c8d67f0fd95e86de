"""The application, put together by rodi. It closes nothing itself: the stack of the scope does."""

from contextlib import AsyncExitStack, ExitStack

import rodi
from app import JoinMeetingHandler, Session, Storage, WelcomeUser, main

from diator.aio.container.rodi import RodiContainer
from diator.sync.container.rodi import RodiContainer as BlockingRodiContainer


def make_container(stack_type: type[AsyncExitStack] | type[ExitStack]) -> rodi.Container:
    def open_session(scope: rodi.ActivationScope) -> Session:
        session = Session(scope.get(Storage))
        scope.get(stack_type).callback(session.close)
        return session

    container = rodi.Container()
    container.add_singleton(Storage)
    container.add_scoped_by_factory(open_session, Session)
    container.add_transient(JoinMeetingHandler)
    container.add_transient(WelcomeUser)
    return container


if __name__ == "__main__":
    main(RodiContainer(make_container(AsyncExitStack)), BlockingRodiContainer(make_container(ExitStack)))
