"""The application, put together by dependency-injector."""

from app import JoinMeetingHandler, Storage, WelcomeUser, main, open_session
from dependency_injector import containers, providers

from diator.aio.container.dependency_injector import DependencyInjectorContainer
from diator.sync.container.dependency_injector import (
    DependencyInjectorContainer as BlockingDependencyInjectorContainer,
)


class Container(containers.DeclarativeContainer):
    storage = providers.Singleton(Storage)
    session = providers.ContextLocalResource(open_session, storage=storage)
    join_meeting = providers.Factory(JoinMeetingHandler, session=session)
    welcome_user = providers.Factory(WelcomeUser, session=session)


if __name__ == "__main__":
    main(DependencyInjectorContainer(Container()), BlockingDependencyInjectorContainer(Container()))
