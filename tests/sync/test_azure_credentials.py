# Generated from tests/aio/test_azure_credentials.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""How a broker reaches Azure Service Bus without a connection string: over TLS, with a credential."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AzureNamedKeyCredential

from diator.sync.message_brokers.azure import AzureMessageBroker
from tests.servers.azure import broken_connections, encrypted, hurried_sdk
from tests.sync.azure_parts import make, take_and_acknowledge


class Credential:
    """Makes tokens as azure-identity does; the stand-in takes them unseen."""

    def __init__(self) -> None:
        self.is_closed = False

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        assert not self.is_closed
        return AccessToken("token", 4_000_000_000)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    with broken_connections(), encrypted(tmp_path) as server, hurried_sdk():
        server.add_queue("q", lock_duration=5)
        yield server


def send_and_receive(server: Any, credential: Any) -> None:
    broker = AzureMessageBroker("localhost", queue_name="q", credential=credential)
    receiver = broker.receiver()
    broker.send_message(make(1))
    assert take_and_acknowledge(receiver, 1) == [1]
    server.faults.drop_connections()
    broker.send_message(make(2))
    assert take_and_acknowledge(receiver, 1) == [2]
    broker.close()
    assert server.messages("q") == []


def test_a_credential_of_the_application_stays_open(server: Any) -> None:
    credential = Credential()
    send_and_receive(server, credential)
    assert not credential.is_closed


def test_a_credential_that_the_broker_has_made_is_closed_with_it(server: Any) -> None:
    made: list[Credential] = []

    def make_credential() -> Credential:
        made.append(Credential())
        return made[-1]

    send_and_receive(server, make_credential)
    assert [credential.is_closed for credential in made] == [True]


def test_a_key_serves_as_a_credential(server: Any) -> None:
    send_and_receive(server, AzureNamedKeyCredential(server.security.key_name, server.security.key))
