"""The settings, section by section."""

import logging
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from ..errors import MissingExtraError, SettingsError

try:
    import pydantic_settings
except ImportError as exc:
    raise MissingExtraError(
        'pydantic-settings is not installed: pip install "diator[settings]"', name="pydantic_settings"
    ) from exc

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from .hiding import Hiding
from .problems import explain, variable
from .sources import Strict, missing_files, secret_files

__all__ = ("BrokerSettings", "DiatorSettings", "LoggingSettings", "OutboxSettings", "Section", "WorkerSettings")

NAMING = ("_env_prefix", "_env_nested_delimiter")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def _hide(value: object) -> object:
    """Hide the text first, so that no later check can quote it."""
    return SecretStr(value) if isinstance(value, str) else value


def _expect_url(value: SecretStr) -> SecretStr:
    if not _URL.match(value.get_secret_value()):
        raise PydanticCustomError("url", "must be a URL, such as memory:// or rediss://host:6379/0")
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


SecretURL = Annotated[SecretStr, AfterValidator(_expect_url), BeforeValidator(_hide)]
Level = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)]


class Section(Hiding):
    """A part of the settings, which refuses what it does not know and never quotes a value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class BrokerSettings(Section):
    """The message broker. A broker takes from these what concerns it."""

    url: SecretURL | None = Field(default=None, description="Which broker, and where; may hold a password.")
    timeout: float | None = Field(
        default=None, gt=0, description="Seconds a call may take; the broker decides if not set."
    )
    channel_prefix: str = Field(
        default="python_diator_channel", description="Redis Pub/Sub: how names of channels begin."
    )
    stream: str | None = Field(default=None, description="Redis Streams: the stream.")
    group: str | None = Field(default=None, description="Redis Streams: the consumer group.")
    consumer: str | None = Field(
        default=None, description="Redis Streams: the name in the group; a new one each time if not set."
    )
    partitions: int = Field(default=1, ge=1, description="Redis Streams: over how many streams the keys are spread.")
    require_aof: bool = Field(
        default=False, description="Redis Streams: whether a server that keeps nothing on disk is refused."
    )
    topic: str | None = Field(default=None, description="Azure Service Bus: the topic.")
    subscription: str | None = Field(default=None, description="Azure Service Bus: the subscription to the topic.")
    queue: str | None = Field(default=None, description="Azure Service Bus: the queue.")
    sessions: bool = Field(default=False, description="Azure Service Bus: whether sessions are required there.")


class WorkerSettings(Section):
    """The worker, under the names of its arguments: ``**settings.worker.model_dump()`` passes them."""

    concurrency: int = Field(default=10, ge=1, description="How many messages are handled at the same time.")
    max_deliveries: int = Field(default=5, ge=1, description="With this many failed deliveries a message is put aside.")
    visibility_timeout: float = Field(
        default=30.0, gt=0, description="Seconds until an unsettled message is delivered again."
    )
    drain_timeout: float = Field(
        default=25.0, ge=0, description="Seconds that running handlers get to finish when it stops."
    )
    dead_letters: bool = Field(default=True, description="Whether messages that are put aside are kept.")


class OutboxSettings(Section):
    """Nothing can be set yet: the settings of the outbox are added with the outbox."""


class LoggingSettings(Section):
    """Logging. Nothing takes effect before `apply`."""

    level: Level | None = Field(default=None, description="Level of the logger `diator`; left alone if not set.")

    def apply(self) -> None:
        """Set the level of the logger ``diator``, if there is one here; its handlers are the application's."""
        if self.level is not None:
            logging.getLogger("diator").setLevel(self.level)


class DiatorSettings(Hiding, BaseSettings):
    """All settings, read when this is called.

    Values come from the arguments (``worker={"concurrency": 5}``), then from the environment, then from the files that
    you name: ``_env_file=".env"`` (one or several), and ``_secrets_dir="/run/secrets"``, a directory with one file per
    variable, named like it. What is empty counts as not set. Subclass it for sections of your own, or for another
    prefix.

    Whatever begins with the prefix and sets nothing is an error, because it is misspelt; a subclass with
    ``extra="ignore"`` lets it pass.

    Raises:
        SettingsError: Something is wrong: one line for each variable, none of which quotes a value.
    """

    model_config = SettingsConfigDict(
        env_prefix="DIATOR_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    # Without NoDecode a section could also be set as a whole, by a piece of JSON.
    broker: Annotated[BrokerSettings, NoDecode] = BrokerSettings()
    worker: Annotated[WorkerSettings, NoDecode] = WorkerSettings()
    outbox: Annotated[OutboxSettings, NoDecode] = OutboxSettings()
    logging: Annotated[LoggingSettings, NoDecode] = LoggingSettings()

    #: Of the arguments, those that say how variables are named.
    _naming: dict[str, str] = PrivateAttr(default_factory=dict)

    def __init__(self, **values: Any) -> None:
        naming = {option: values[option] for option in NAMING if values.get(option) is not None}
        problems = missing_files(type(self), values)
        try:
            super().__init__(**values)
        except ValidationError as error:
            problems += explain(error, type(self), lambda place: variable(type(self), place, naming))
        except pydantic_settings.SettingsError as error:  # about a file, a directory, or a value that is no JSON
            problems.append(_about_source(str(error), lambda field: variable(type(self), (field,), naming)))
        except UnicodeDecodeError:
            problems.append("an env file or a secret file is not UTF-8 text: save it as such")
        if not problems:
            self._naming = naming
            return
        # Out here, because the errors above hold the values, and would become the context of this one.
        raise SettingsError("\n".join(problems))

    def variable(self, section: str, field: str) -> str:
        """The variable that sets a field, for errors about its value."""
        return variable(type(self), (section, field), self._naming)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add the secret files of sections, and report misspelt variables unless ``extra`` allows them."""
        assert isinstance(env_settings, EnvSettingsSource)
        assert isinstance(dotenv_settings, EnvSettingsSource)
        sources = (env_settings, dotenv_settings, secret_files(file_secret_settings, env_settings))
        if settings_cls.model_config.get("extra") == "forbid":
            return init_settings, *map(Strict, sources)
        return init_settings, *sources


def _about_source(text: str, name: Callable[[str], str]) -> str:
    """Name the variable, where pydantic-settings names the field."""
    found = re.match(r'error parsing value for field "(\w+)"', text)
    return f"{name(found[1])}: must be written as JSON" if found else text
