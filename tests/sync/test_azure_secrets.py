# Generated from tests/aio/test_azure_secrets.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""No secret of a connection string, and no payload, is in a log, a repr or an error."""

import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from diator._core.delivery import Ack
from diator.errors import DiatorError
from diator.sync.message_brokers.azure import AzureMessageBroker
from tests.sync.azure_parts import SOON, azure, begin_one, make

CANARY = "Y2FuYXJ5LWNhbmFyeS1jYW5hcnk="
PAYLOAD = "payload-canary"


class Lines(logging.Handler):
    """Keeps what is logged as text."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.name} {self.format(record)} {record.args!r}\n"


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    loggers = [logging.getLogger(name) for name in ("diator", "azure")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield handler
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


def message(number: int) -> Any:
    secret = make(number, correlation_id="c")
    secret.payload["card"] = PAYLOAD
    return secret


def test_nothing_secret_is_shown(lines: Lines) -> None:
    shown: list[str] = []
    with azure(timeout=2) as (server, _):
        wrong = server.connection_string.replace(server.security.key, CANARY)
        for source, queue in ((wrong, "q"), (server.connection_string, "missing")):
            broker = AzureMessageBroker(source, queue_name=queue)
            receiver = broker.receiver()
            for call in (
                lambda broker=broker: broker.send_message(message(1)),
                lambda receiver=receiver: receiver.receive(1, SOON),
                lambda broker=broker: broker.dead_letters.list(),
            ):
                with pytest.raises(DiatorError) as caught:
                    call()
                shown += traceback.format_exception(caught.value)
            shown += [repr(broker), repr(receiver), repr(broker.dead_letters), repr(vars(broker))]
            broker.close()
    assert "azure.servicebus" in lines.text
    assert CANARY not in "".join(shown) + lines.text
    assert PAYLOAD not in "".join(shown) + lines.text


def test_what_is_logged_about_messages_holds_nothing_of_them(lines: Lines) -> None:
    with azure(entity={"lock_duration": 1}) as (server, broker):
        broker.send_message(message(1))
        receiver = broker.receiver()
        delivery = begin_one(receiver)
        server.call(lambda: [server.entity("q").abandon(token) for token in list(server.entity("q").locks)])
        receiver.settle(delivery, Ack())
        server.faults.drop_connections()
        again = begin_one(receiver)
        shown = repr([delivery, again, receiver, vars(receiver)])
    assert "comes again" in lines.text
    assert PAYLOAD not in lines.text + shown
    assert server.security.key not in lines.text + shown


@pytest.mark.parametrize(
    "source",
    [
        f"Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey={CANARY};Nonsense",
        f"Endpoint=;SharedAccessKeyName=n;SharedAccessKey={CANARY}",
        f"Endpoint=sb://h;SharedAccessKey={CANARY}",
    ],
)
def test_a_malformed_connection_string_is_not_quoted(source: str) -> None:
    with pytest.raises(ValueError, match="is malformed") as caught:
        AzureMessageBroker(source, queue_name="q")
    assert CANARY not in "".join(traceback.format_exception(caught.value))
