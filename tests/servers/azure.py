"""What tests of Azure Service Bus start from: the stand-in, or a word about why it is not there."""

import asyncio
import gc
import logging
import ssl
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

if TYPE_CHECKING:
    from tests.servicebus import ServiceBusServer

__all__ = ("broken_connections", "encrypted", "hurried_sdk", "inject", "sdk_client", "send_with_sdk", "servicebus")

#: Modules of the SDK that wait in steps for a link to open, or for a task to end, and the longest step for tests.
_WAITING = (
    "azure.servicebus.aio._servicebus_sender_async",
    "azure.servicebus.aio._servicebus_receiver_async",
    "azure.servicebus._pyamqp.aio._client_async",
    "azure.servicebus._servicebus_sender",
    "azure.servicebus._servicebus_receiver",
    "azure.servicebus._pyamqp.client",
)
_STEP = 0.005


def servicebus(**options: Any) -> "ServiceBusServer":
    """The stand-in, to be entered. Where Proton is missing, the test is reported as not run."""
    try:
        from tests.servicebus import ServiceBusServer
    except ImportError:
        pytest.skip("not run: the stand-in for Azure Service Bus needs python-qpid-proton; `make servers` says more")
    return ServiceBusServer(**options)


@contextmanager
def encrypted(folder: Path) -> Iterator["ServiceBusServer"]:
    """The stand-in under TLS, as localhost. The SDK has one port for that, and trusts what certifi lists."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    with servicebus(tls=context) as server, pytest.MonkeyPatch.context() as patch:
        for name in ("azure.servicebus._pyamqp._connection", "azure.servicebus._pyamqp.aio._connection_async"):
            patch.setattr(f"{name}.SECURE_PORT", server.port)
        patch.setattr("certifi.where", lambda: str(folder / "authority.pem"))
        yield server


def inject(server: "ServiceBusServer", path: str, body: bytes) -> None:
    """Put a body into an entity as anybody could send it."""
    from proton import Message

    server.call(server.store, path, Message(body=body, inferred=True).encode())


def send_with_sdk(server: "ServiceBusServer", path: str, body: bytes, properties: Any, **more: Any) -> None:
    """Send a message as a program without diator does."""
    from azure.servicebus import ServiceBusClient, ServiceBusMessage

    with ServiceBusClient.from_connection_string(server.connection_string) as client:
        message = ServiceBusMessage(body, application_properties=properties, **more)
        client.get_queue_sender(path, keep_alive=0).send_messages(message)


def sdk_client(broker_type: type, connection_string: str, **options: Any) -> Any:
    """A client of the SDK, as an application would make it, of the side that the broker is of."""
    side = "azure.servicebus.aio" if ".aio." in broker_type.__module__ else "azure.servicebus"
    return import_module(side).ServiceBusClient.from_connection_string(connection_string, **options)


@contextmanager
def broken_connections() -> Iterator[None]:
    """Let connections break: the SDK leaves their sockets to the garbage collector, which this calls in the end.

    The SDK does not log meanwhile: tracebacks in log records would keep the sockets.
    """
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.filterwarnings("ignore", "unclosed |loop is closed", ResourceWarning)
        patch.setattr(logging.getLogger("azure"), "disabled", True)
        patch.setattr(logging.getLogger("azure"), "propagate", False)
        yield
        gc.collect()


@contextmanager
def hurried_sdk() -> Iterator[None]:
    """Let the SDK look more often whether a link is open, which takes it 0.5 s otherwise. Nothing else changes."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _WAITING:
            module = import_module(name)
            if hasattr(module, "asyncio"):
                patch.setattr(module, "asyncio", _Hurried(asyncio))
            if hasattr(module, "time"):
                patch.setattr(module, "time", _Hurried(time))
        yield


class _Hurried:
    """A module whose ``sleep`` is short."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def sleep(self, seconds: float) -> Any:
        return self._module.sleep(min(seconds, _STEP))
