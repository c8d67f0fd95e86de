"""What only concerns wireup; what it shares with other containers is in the contract suite."""

from typing import Annotated, Any

import pytest
import wireup

from diator._runtime.aio.concurrency import ASYNC
from diator.aio.container.wireup import WireupContainer
from diator.errors import ConfigurationError
from tests.aio.contracts.containers.parts import Join, Mailer, mediator_for


def container() -> WireupContainer:
    create = wireup.create_async_container if ASYNC else wireup.create_sync_container
    return WireupContainer(create(injectables=[wireup.injectable(Mailer)]))


async def test_a_function_may_mark_its_parameters_as_wireup_does() -> None:
    async def join(command: Join, mailer: wireup.Injected[Mailer]) -> Any:
        return mailer

    mediator = mediator_for(container(), join)
    mediator.check()
    assert type(await mediator.send(Join())) is Mailer


async def test_a_function_cannot_ask_for_one_of_several() -> None:
    async def join(command: Join, mailer: Annotated[Mailer, wireup.Inject(qualifier="other")]) -> Any:
        return mailer

    with pytest.raises(ConfigurationError) as caught:
        mediator_for(container(), join).check()
    assert "ask for it in the `__init__` of a class" in str(caught.value.exceptions[0])
