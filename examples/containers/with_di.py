"""The application, put together by di."""

from app import Session, Storage, main, open_session
from di import Container, bind_by_type
from di.dependent import Dependent

from diator.aio.container.di import DIContainer
from diator.sync.container.di import DIContainer as BlockingDIContainer


def make_container() -> Container:
    container = Container()
    container.bind(bind_by_type(Dependent(Storage, scope="app"), Storage))
    container.bind(bind_by_type(Dependent(open_session, scope="request"), Session))
    return container  # handlers need not be bound


if __name__ == "__main__":
    container, blocking_container = make_container(), make_container()
    with container.enter_scope("app") as state, blocking_container.enter_scope("app") as blocking_state:
        main(DIContainer(container, state=state), BlockingDIContainer(blocking_container, state=blocking_state))
