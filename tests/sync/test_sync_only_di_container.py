"""di on the blocking side cannot wait for `async def` factories."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from di import Container, bind_by_type
from di.dependent import Dependent

from diator.errors import ConfigurationError, HandlerBuildError
from diator.sync.container.di import DIContainer
from tests.sync.contracts.containers.parts import Join, Session, mediator_for


async def make_session() -> Session:
    raise AssertionError


async def open_session() -> AsyncIterator[Session]:
    raise AssertionError
    yield


@pytest.mark.parametrize("factory", [make_session, open_session])
def test_a_factory_that_waits_is_refused_before_it_runs(factory: Any) -> None:
    def join(command: Join, session: Session) -> None: ...

    container = Container()
    container.bind(bind_by_type(Dependent(factory, scope="request"), Session))
    mediator = mediator_for(DIContainer(container), join)
    with pytest.raises(ConfigurationError, match="cannot work as it is configured") as caught:
        mediator.check()
    assert factory.__name__ in str(caught.value.exceptions[0])
    with pytest.raises(HandlerBuildError, match=f"{factory.__name__} is `async def`"):
        mediator.send(Join())
