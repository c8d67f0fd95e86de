"""The URL chooses the broker, on both sides."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

import diator.aio.abc
import diator.aio.message_brokers.memory
import diator.sync.abc
import diator.sync.message_brokers.memory
from diator.errors import BrokerError, SettingsError
from diator.message_brokers import Message
from diator.settings import DiatorSettings, Side, broker_from_settings

MESSAGE = Message(message_type="notification_event", message_name="Happened", message_id=uuid4(), payload={})
SIDES: tuple[Side, ...] = ("aio", "sync")
BROKERS = {
    "aio": diator.aio.message_brokers.memory.InMemoryMessageBroker,
    "sync": diator.sync.message_brokers.memory.InMemoryMessageBroker,
}


def build(url: str | None, side: Any = "sync", **values: Any) -> Any:
    return broker_from_settings(DiatorSettings(broker={"url": url, **values}), side)


def problems(url: str | None, side: Any = "sync", **values: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        build(url, side, **values)
    return str(caught.value).splitlines()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("url", ["memory://", "MEMORY://", "memory://?", "memory://?max_size=2"])
def test_memory_is_built_for_the_side(url: str, side: Side) -> None:
    assert type(build(url, side)) is BROKERS[side]


def test_the_side_decides_the_type() -> None:
    settings = DiatorSettings(broker={"url": "memory://"})
    sending: diator.aio.abc.MessageBroker = broker_from_settings(settings, "aio")
    blocking: diator.sync.abc.MessageBroker = broker_from_settings(settings, "sync")
    assert isinstance(sending, diator.aio.abc.ReceivingMessageBroker)
    assert isinstance(blocking, diator.sync.abc.ReceivingMessageBroker)


def test_each_call_builds_another_broker() -> None:
    assert build("memory://") is not build("memory://")


def test_options_reach_the_broker() -> None:
    broker = build("memory://?max_size=1")
    broker.send_message(MESSAGE)
    with pytest.raises(BrokerError, match="at most 1"):
        broker.send_message(MESSAGE)


def test_wrong_options_are_listed_by_name() -> None:
    assert problems("memory://?max_size=0&size=1&%0a=2&size=1") == [
        "DIATOR_BROKER__URL, option 'size': is given twice",
        "DIATOR_BROKER__URL, option 'max_size': must be at least 1",
        "DIATOR_BROKER__URL, option 'size': does not exist; there is option 'max_size'",
        r"DIATOR_BROKER__URL, option '\n': does not exist; there is option 'max_size'",
    ]
    assert problems("memory://?max_size=1&max_size=1") == ["DIATOR_BROKER__URL, option 'max_size': is given twice"]
    assert problems("memory://?max_size") == ["DIATOR_BROKER__URL, option 'max_size': must be a whole number"]


@pytest.mark.parametrize("url", ["memory://host", "memory:///path", "memory://host?max_size=1"])
def test_memory_is_nowhere(url: str) -> None:
    assert problems(url) == ["DIATOR_BROKER__URL: memory:// takes no host and no path, only options after a ?"]


def test_without_a_url_there_is_no_broker() -> None:
    assert problems(None) == [
        "DIATOR_BROKER__URL: must be set, for example to memory:// for messages inside this process"
    ]


def test_another_side_is_an_error() -> None:
    assert problems("memory://", "async") == ['side must be "aio" or "sync"']


OWN = "azure-servicebus://, memory://, redis://, redis+streams://, redis+unix://, redis+unix+streams://, rediss://, rediss+streams://"


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("url", "connection"),
    [
        ("redis://u:p@host:1234/5", "Connection"),
        ("rediss://host?ssl_cert_reqs=none", "SSLConnection"),
        ("redis+unix:///run/redis.sock?db=1", "UnixDomainSocketConnection"),
        ("REDIS+streams://host", "Connection"),
        ("rediss+streams://host", "SSLConnection"),
        ("redis+unix+streams:///run/redis.sock", "UnixDomainSocketConnection"),
    ],
)
def test_redis_is_built_for_the_side(url: str, connection: str, side: Side) -> None:
    kind = "RedisStreamsMessageBroker" if "streams" in url else "RedisMessageBroker"
    settings = {"url": url, "stream": "s", "group": "g", "timeout": 7, "channel_prefix": "p"}
    broker: Any = broker_from_settings(DiatorSettings(broker=settings), side)
    assert type(broker).__name__ == kind
    assert type(broker).__module__.startswith(f"diator.{side}.")
    pool = broker._client.transport._connections._pool
    assert pool.connection_class.__name__ == connection
    assert pool.connection_kwargs["socket_timeout"] == 7
    if kind == "RedisMessageBroker":
        assert broker._pattern == "p:*:*"


@pytest.mark.parametrize("side", SIDES)
def test_all_settings_reach_the_redis_streams_broker(side: Side) -> None:
    values: dict[str, Any] = {"stream": "s", "group": "g", "consumer": "c", "partitions": 3, "require_aof": True}
    broker: Any = build("redis+streams://host", side, **values)
    place = broker._place
    assert (place.stream, place.group, place.partitions) == ("s", "g", 3)
    assert (broker._consumer, broker._require_aof) == ("c", True)

    broker = build("redis+streams://host", side, stream="s", group="g")
    assert (broker._consumer, broker._place.partitions, broker._require_aof) == (None, 1, False)
    assert broker._client.transport._connections._pool.connection_kwargs["socket_timeout"] == 5  # the broker decides


@pytest.mark.parametrize(("stream", "group"), [("s", None), (None, "g"), (None, ""), ("", None)])
@pytest.mark.parametrize("scheme", ["redis+streams", "rediss+streams"])
def test_redis_streams_need_a_stream_and_a_group(scheme: str, stream: str | None, group: str | None) -> None:
    unset = [name for name, value in (("STREAM", stream), ("GROUP", group)) if not value]
    assert problems(f"{scheme}://u:canary@host", stream=stream, group=group) == [
        f"DIATOR_BROKER__{name}: must be set for {scheme}://" for name in unset
    ]


@pytest.mark.parametrize(
    ("url", "example"),
    [
        ("redis://u:canary@[::1", "redis://user:password@host:6379/0"),
        ("rediss://u:x/canary@host", "rediss://user:password@host:6379/0"),
        ("redis+streams://:canary@host:port", "redis+streams://user:password@host:6379/0"),
        ("redis+unix://[canary", "redis+unix:///path/to/socket?db=0"),
        ("redis+unix+streams://[canary", "redis+unix+streams:///path/to/socket?db=0"),
    ],
)
def test_a_malformed_redis_url_is_answered_with_one_of_its_scheme(url: str, example: str) -> None:
    assert problems(url, stream="s", group="g") == [
        f"DIATOR_BROKER__URL: must look like {example}; percent-encode special characters in user and password"
    ]


def test_an_option_that_redis_does_not_know_is_refused() -> None:
    (line,) = problems("redis://host?nonsense=canary")
    assert line.startswith("DIATOR_BROKER__URL: the Redis URL has an option that redis-py does not know")


AZURE_KEY = "azure-servicebus://Endpoint=sb://localhost:5672;SharedAccessKeyName=n;SharedAccessKey=canary="


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("entity", "shown"),
    [
        ({"queue": "q", "sessions": True}, "queue 'q'"),
        ({"topic": "t"}, "topic 't'"),
        ({"topic": "t", "subscription": "s"}, "topic 't' with subscription 's'"),
    ],
)
def test_azure_is_built_for_the_side(entity: dict[str, Any], shown: str, side: Side) -> None:
    settings = DiatorSettings(broker={"url": AZURE_KEY, "timeout": 7, **entity})
    broker: Any = broker_from_settings(settings, side)
    assert type(broker).__module__ == f"diator.{side}.message_brokers.azure"
    assert repr(broker) == f"<AzureMessageBroker for {shown}>"
    assert (broker._entity.sessions, broker._entity.timeout) == (entity.get("sessions", False), 7)


@pytest.mark.parametrize("side", SIDES)
def test_azure_takes_the_identity_of_the_machine_for_a_namespace(side: Side) -> None:
    url = "azure-servicebus://name.servicebus.windows.net"
    broker: Any = broker_from_settings(DiatorSettings(broker={"url": url, "queue": "q"}), side)
    make_credential = broker._entity._credential
    assert make_credential.__name__ == "DefaultAzureCredential"
    assert make_credential.__module__.startswith("azure.identity.aio." if side == "aio" else "azure.identity._")


def test_azure_needs_a_queue_or_a_topic() -> None:
    assert problems(AZURE_KEY) == [
        "DIATOR_BROKER__URL: azure-servicebus:// needs either DIATOR_BROKER__TOPIC or DIATOR_BROKER__QUEUE, too"
    ]
    (line,) = problems("azure-servicebus://")
    assert "a connection string" in line


def test_an_unknown_scheme_names_the_known_ones() -> None:
    (line,) = problems("amqp://host")
    assert line.startswith(f"DIATOR_BROKER__URL: the scheme amqp:// is unknown; there is a broker for {OWN}; packages")


def test_errors_name_the_variable_of_the_subclass() -> None:
    class Own(DiatorSettings, env_prefix="OWN_"):
        pass

    for settings in (Own(), DiatorSettings(_env_prefix="OWN_")):
        with pytest.raises(SettingsError, match=r"^OWN_BROKER__URL: must be set"):
            broker_from_settings(settings, "sync")


# --- other packages


def install(directory: Path, package: str, module: str, schemes: dict[str, str]) -> None:
    """Lay a distribution out as pip installs it."""
    (directory / f"{package}.py").write_text(module)
    info = directory / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = "".join(f"{scheme} = {package}:{function}\n" for scheme, function in schemes.items())
    (info / "entry_points.txt").write_text(f"[diator.message_brokers]\n{lines}")


CARRIER = """
class Broker:
    def __init__(self, settings, side):
        self.settings, self.side = settings, side

    def send_message(self, message): ...

def build(settings, side):
    if settings.broker.stream == "broken":
        raise OSError("no route")
    return Broker(settings, side)

def nothing(settings, side): ...
"""


@pytest.fixture
def carrier(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path_factory.mktemp("site")
    schemes = {"carrier+tls": "build", "Pigeon": "build", "nothing": "nothing", "lost": "no_such_function"}
    install(directory, "carrier", CARRIER, schemes | {"memory": "build", "redis": "build"})
    monkeypatch.syspath_prepend(directory)
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, "carrier", raising=False)
    return directory


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("url", ["carrier+tls://u:p@h", "pigeon://", "PIGEON://"])
@pytest.mark.usefixtures("carrier")
def test_a_package_adds_a_scheme(url: str, side: Side) -> None:
    settings = DiatorSettings(broker={"url": url})
    broker: Any = broker_from_settings(settings, side)
    carrier: ModuleType = sys.modules["carrier"]
    assert type(broker) is carrier.Broker
    assert broker.settings is settings
    assert broker.side == side


@pytest.mark.usefixtures("carrier")
def test_a_package_is_imported_only_for_its_scheme() -> None:
    build("memory://")
    problems("amqp://")
    assert "carrier" not in sys.modules


@pytest.mark.usefixtures("carrier")
def test_added_schemes_are_named() -> None:
    added = "Pigeon://, azure-servicebus://, carrier+tls://, lost://, memory://, nothing://, redis://, "
    assert f"there is a broker for {added}" in problems("amqp://")[0]


@pytest.mark.usefixtures("carrier")
def test_the_schemes_of_diator_cannot_be_replaced() -> None:
    assert type(build("memory://")) is BROKERS["sync"]
    assert type(build("redis://")).__name__ == "RedisMessageBroker"


@pytest.mark.usefixtures("carrier")
def test_what_cannot_be_imported_names_the_package() -> None:
    (line,) = problems("lost://")
    assert line.startswith("DIATOR_BROKER__URL: the broker for lost:// of carrier cannot be imported: ")
    assert "no_such_function" in line


@pytest.mark.usefixtures("carrier")
def test_what_is_no_broker_is_refused() -> None:
    assert problems("nothing://") == [
        "DIATOR_BROKER__URL: what was built for nothing:// is no broker, it has no send_message"
    ]


@pytest.mark.usefixtures("carrier")
def test_what_a_package_raises_is_passed_on() -> None:
    settings = DiatorSettings(broker={"url": "pigeon://", "stream": "broken"})
    with pytest.raises(OSError, match="no route"):
        broker_from_settings(settings, "sync")


def test_two_packages_for_one_scheme_are_an_error(carrier: Path) -> None:
    install(carrier, "dovecote", CARRIER, {"pigeon": "build"})
    assert problems("pigeon://") == [
        "DIATOR_BROKER__URL: several packages have a broker for pigeon://: keep one of carrier, dovecote"
    ]
