"""How a broker reaches Azure Service Bus without a connection string: over TLS, with a credential."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AzureNamedKeyCredential

from diator.aio.message_brokers.azure import AzureMessageBroker
from tests.aio.azure_parts import make, take_and_acknowledge
from tests.servers.azure import broken_connections, encrypted, hurried_sdk


class Credential:
    """Makes tokens as azure-identity does; the stand-in takes them unseen."""

    def __init__(self) -> None:
        self.is_closed = False

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        assert not self.is_closed
        return AccessToken("token", 4_000_000_000)

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    with broken_connections(), encrypted(tmp_path) as server, hurried_sdk():
        server.add_queue("q", lock_duration=5)
        yield server


async def send_and_receive(server: Any, credential: Any) -> None:
    broker = AzureMessageBroker("localhost", queue_name="q", credential=credential)
    receiver = broker.receiver()
    await broker.send_message(make(1))
    assert await take_and_acknowledge(receiver, 1) == [1]
    server.faults.drop_connections()
    await broker.send_message(make(2))
    assert await take_and_acknowledge(receiver, 1) == [2]
    await broker.aclose()
    assert server.messages("q") == []


async def test_a_credential_of_the_application_stays_open(server: Any) -> None:
    credential = Credential()
    await send_and_receive(server, credential)
    assert not credential.is_closed


async def test_a_credential_that_the_broker_has_made_is_closed_with_it(server: Any) -> None:
    made: list[Credential] = []

    def make_credential() -> Credential:
        made.append(Credential())
        return made[-1]

    await send_and_receive(server, make_credential)
    assert [credential.is_closed for credential in made] == [True]


async def test_a_key_serves_as_a_credential(server: Any) -> None:
    await send_and_receive(server, AzureNamedKeyCredential(server.security.key_name, server.security.key))
