"""Where values come from: the environment, env files and secret files, each without what would go unnoticed."""

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, cast

from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

__all__ = ("Strict", "missing_files", "secret_files")


class Strict(PydanticBaseSettingsSource):
    """A source that also tells which of its variables begin with the prefix, and set nothing: they are misspelt.

    It gives them to the model under their own names and without their values, and the model refuses what it does not
    know. The variables of other programs, which env files may hold, are left out.
    """

    def __init__(self, source: EnvSettingsSource) -> None:
        super().__init__(source.settings_cls)
        self._source = source

    def __call__(self) -> dict[str, Any]:
        found = EnvSettingsSource.__call__(self._source)  # that of env files would add the variables of others
        return {**found, **dict.fromkeys(self._misspelt(), "")}

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return self._source.get_field_value(field, field_name)

    def _misspelt(self) -> Iterator[str]:
        source = self._source
        prefix = source._apply_case_sensitive(source.env_prefix)
        if not prefix:
            return
        fields = self.settings_cls.model_fields.items()
        known = {variable for name, field in fields for _, variable, _ in source._extract_field_info(field, name)}
        sections = tuple(f"{variable}{source.env_nested_delimiter}" for variable in known)
        for variable in source.env_vars:
            # DIATOR__... is how an application names what it has in a field `diator` of settings of its own
            ours = variable.startswith(prefix) and not variable.startswith(f"{prefix}_")
            if ours and variable not in known and not variable.startswith(sections):
                yield variable if source.case_sensitive else variable.upper()


def secret_files(wrapped: PydanticBaseSettingsSource, environment: EnvSettingsSource) -> EnvSettingsSource:
    """Read secret files for the fields of sections, too, which pydantic-settings does not do by itself.

    Args:
        wrapped: The source that it would use.
        environment: The source whose variables the files are named like.
    """
    config: Mapping[str, Any] = wrapped.settings_cls.model_config
    own_names = config.get("secrets_nested_delimiter") or config.get("secrets_nested_subdir")
    source = NestedSecretsSettingsSource(
        cast("Any", wrapped),
        env_prefix=environment.env_prefix,
        secrets_nested_delimiter=None if own_names else environment.env_nested_delimiter,
    )
    if environment.env_ignore_empty:
        source.env_vars = {name: value for name, value in source.env_vars.items() if value}
    return source


def missing_files(settings: type[BaseSettings], options: Mapping[str, Any]) -> list[str]:
    """Name the env files that the caller asks for and that are not there, which pydantic-settings would not.

    Args:
        settings: The class that is called.
        options: What it is called with. A file that the class names may be missing.
    """
    config: SettingsConfigDict = settings.model_config
    named = options.get("_env_file") or ()
    if options.get("_env_file_depth") or config.get("env_file_depth"):  # they may be in a directory above
        return []
    files: list[Any] = [named] if isinstance(named, str | PathLike) else list(named)
    paths = [Path(file) for file in files]
    found = [path for path in paths if path.expanduser().is_file() or path.expanduser().is_fifo()]
    return [f"_env_file: there is no file {str(path)!r}" for path in paths if path not in found]
