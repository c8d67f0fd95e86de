# Generated from tests/aio/test_wireup_container.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""What only concerns wireup; what it shares with other containers is in the contract suite."""

from typing import Annotated, Any

import pytest
import wireup

from diator.errors import ConfigurationError
from diator.sync.container.wireup import WireupContainer
from tests.sync.contracts.containers.parts import Join, Mailer, mediator_for


def container() -> WireupContainer:
    create = wireup.create_sync_container
    return WireupContainer(create(injectables=[wireup.injectable(Mailer)]))


def test_a_function_may_mark_its_parameters_as_wireup_does() -> None:
    def join(command: Join, mailer: wireup.Injected[Mailer]) -> Any:
        return mailer

    mediator = mediator_for(container(), join)
    mediator.check()
    assert type(mediator.send(Join())) is Mailer


def test_a_function_cannot_ask_for_one_of_several() -> None:
    def join(command: Join, mailer: Annotated[Mailer, wireup.Inject(qualifier="other")]) -> Any:
        return mailer

    with pytest.raises(ConfigurationError) as caught:
        mediator_for(container(), join).check()
    assert "ask for it in the `__init__` of a class" in str(caught.value.exceptions[0])
