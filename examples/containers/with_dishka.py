"""The application, put together by dishka."""

from app import JoinMeetingHandler, Storage, WelcomeUser, main, open_session
from dishka import Provider, Scope, make_async_container, make_container

from diator.aio.container.dishka import DishkaContainer
from diator.sync.container.dishka import DishkaContainer as BlockingDishkaContainer

provider = Provider(scope=Scope.REQUEST)
provider.provide(Storage, scope=Scope.APP)
provider.provide(open_session)
provider.provide(JoinMeetingHandler)
provider.provide(WelcomeUser)

if __name__ == "__main__":
    main(DishkaContainer(make_async_container(provider)), BlockingDishkaContainer(make_container(provider)))
