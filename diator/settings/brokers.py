"""From the URL of a broker to the broker."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Literal, overload

from ..errors import MissingExtraError, SettingsError
from .models import DiatorSettings
from .options import MemoryOptions, read_options

if TYPE_CHECKING:
    from ..aio.abc import MessageBroker as AsyncMessageBroker
    from ..sync.abc import MessageBroker as BlockingMessageBroker

__all__ = ("ENTRY_POINT_GROUP", "Side", "broker_from_settings")

#: An entry point of this group is named like the scheme, and leads to a function of the settings and a `Side` that
#: returns a broker. The errors it raises are passed on as they are, so they must not quote the URL.
ENTRY_POINT_GROUP = "diator.message_brokers"

Side = Literal["aio", "sync"]
Factory = Callable[[DiatorSettings, Side], Any]


@overload
def broker_from_settings(settings: DiatorSettings, side: Literal["aio"]) -> "AsyncMessageBroker": ...
@overload
def broker_from_settings(settings: DiatorSettings, side: Literal["sync"]) -> "BlockingMessageBroker": ...
def broker_from_settings(settings: DiatorSettings, side: Side) -> "AsyncMessageBroker | BlockingMessageBroker":
    """Build the broker whose URL is set.

    The settings are the same on both sides, so the side is an argument, and has no default: a broker of the wrong side
    would be noticed only when the first message goes out. Type checkers read it, too.

    Args:
        settings: What has been read.
        side: ``"aio"`` for a broker of ``diator.aio``, ``"sync"`` for one of ``diator.sync``.

    Raises:
        SettingsError: The URL is not set, its options are wrong, or there is no broker for it.
    """
    if side not in ("aio", "sync"):
        raise SettingsError('side must be "aio" or "sync"')
    url = settings.broker.url
    if url is None:
        raise SettingsError(
            f"{_name(settings)}: must be set, for example to memory:// for messages inside this process"
        )
    scheme = url.get_secret_value().partition("://")[0].lower()
    broker = _factory(scheme, _name(settings))(settings, side)
    if not callable(getattr(broker, "send_message", None)):
        raise SettingsError(f"{_name(settings)}: what was built for {scheme}:// is no broker, it has no send_message")
    return broker  # type: ignore[no-any-return]


def _name(settings: DiatorSettings) -> str:
    return settings.variable("broker", "url")


def _memory(settings: DiatorSettings, side: Side) -> Any:
    url = settings.broker.url.get_secret_value() if settings.broker.url else ""
    address, _, query = url.partition("://")[2].partition("?")
    if address:
        raise SettingsError(f"{_name(settings)}: memory:// takes no host and no path, only options after a ?")
    options = read_options(MemoryOptions, query, _name(settings))
    return import_module(f"diator.{side}.message_brokers.memory").InMemoryMessageBroker(**options)


def _redis(settings: DiatorSettings, side: Side) -> Any:
    """Build the broker on Pub/Sub, or on Streams for ``redis+streams://`` and ``rediss+streams://``."""
    broker = settings.broker
    scheme, _, rest = (broker.url.get_secret_value() if broker.url else "").partition("://")
    kind, *more = scheme.lower().split("+")
    url = f"{'unix' if 'unix' in more else kind}://{rest}"
    module = import_module(f"diator.{side}.message_brokers.redis")
    options: dict[str, Any] = {} if broker.timeout is None else {"timeout": broker.timeout}
    if "streams" in more:
        make = module.RedisStreamsMessageBroker
        if unset := [settings.variable("broker", name) for name in ("stream", "group") if not getattr(broker, name)]:
            raise SettingsError("\n".join(f"{name}: must be set for {scheme}://" for name in unset))
        options |= broker.model_dump(include={"stream", "group", "consumer", "partitions", "require_aof"})
    else:
        make = module.RedisMessageBroker
        options["channel_prefix"] = broker.channel_prefix
    try:
        return make(url, **options)
    except ValueError as error:  # whose text quotes no URL
        problem = str(error)
    if "cannot be understood" in problem:  # it names the schemes of redis-py
        place = "/path/to/socket?db=0" if "unix" in more else "user:password@host:6379/0"
        problem = f"must look like {scheme}://{place}; percent-encode special characters in user and password"
    raise SettingsError(f"{_name(settings)}: {problem}")


def _azure(settings: DiatorSettings, side: Side) -> Any:
    """Build the broker on Azure Service Bus, from a connection string or for a namespace."""
    broker, name = settings.broker, _name(settings)
    source = (broker.url.get_secret_value() if broker.url else "").partition("://")[2]
    try:
        if not source:
            raise ValueError("azure-servicebus:// is followed by a connection string, or by the name of a namespace")
        if (broker.topic is None) is (broker.queue is None):
            names = " or ".join(settings.variable("broker", field) for field in ("topic", "queue"))
            raise ValueError(f"azure-servicebus:// needs either {names}, too")
        return import_module(f"diator.{side}.message_brokers.azure").AzureMessageBroker(
            source,
            broker.topic,
            queue_name=broker.queue,
            subscription_name=broker.subscription,
            sessions=broker.sessions,
            timeout=broker.timeout,
            credential=None if "endpoint=" in source.lower() else _azure_credential(side),
        )
    except ValueError as error:  # whose text quotes no URL
        problem = str(error)
    raise SettingsError(f"{name}: {problem}")


def _azure_credential(side: Side) -> Any:
    """Makes what azure-identity finds: an identity of the machine, of the environment, of a developer."""
    try:
        identity = import_module("azure.identity.aio" if side == "aio" else "azure.identity")
    except ImportError as exc:
        raise MissingExtraError(
            'a namespace without a key needs azure-identity: pip install "diator[azure-identity]"', name="azure"
        ) from exc
    return identity.DefaultAzureCredential


#: diator's own schemes, which nobody can replace.
_OWN: dict[str, Factory] = {
    "memory": _memory,
    "redis": _redis,
    "rediss": _redis,
    "redis+unix": _redis,
    "redis+streams": _redis,
    "rediss+streams": _redis,
    "redis+unix+streams": _redis,
    "azure-servicebus": _azure,
}


def _factory(scheme: str, name: str) -> Factory:
    if own := _OWN.get(scheme):
        return own
    registered = [e for e in entry_points(group=ENTRY_POINT_GROUP) if e.name.lower() not in _OWN]
    usable = _listed([*_OWN, *(e.name for e in registered)])
    found = [e for e in registered if e.name.lower() == scheme]
    if not found:
        raise SettingsError(
            f"{name}: the scheme {scheme}:// is unknown; there is a broker for {usable}; packages add schemes with "
            f"entry points in the group {ENTRY_POINT_GROUP}"
        )
    if len(found) > 1:
        packages = ", ".join(sorted(_package(e) for e in found))
        raise SettingsError(f"{name}: several packages have a broker for {scheme}://: keep one of {packages}")
    return _load(found[0], name)


def _listed(schemes: list[str]) -> str:
    return ", ".join(f"{scheme}://" for scheme in sorted(set(schemes)))


def _load(entry_point: EntryPoint, name: str) -> Factory:
    try:
        factory: Factory = entry_point.load()
    except (ImportError, AttributeError) as exc:
        raise SettingsError(
            f"{name}: the broker for {entry_point.name}:// of {_package(entry_point)} cannot be imported: {exc}"
        ) from exc
    return factory


def _package(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist else "an unknown package"
