"""Settings can be extended and renamed, and errors name the variables as they then are."""

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, PositiveInt
from pydantic_settings import SettingsConfigDict

from diator.errors import SettingsError
from diator.settings import DiatorSettings


def problems(settings: type[DiatorSettings] = DiatorSettings, **values: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(**values)
    return str(caught.value).splitlines()


def test_a_subclass_has_sections_and_a_prefix_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool(BaseModel):
        size: int = Field(ge=1)

    class Own(DiatorSettings):
        model_config = SettingsConfigDict(env_prefix="OWN_")

        pool: Pool
        home: str = Field(validation_alias="HOME_PAGE")
        seats: int | None = Field(default=None, lt=5)

    monkeypatch.setenv("OWN_WORKER__CONCURRENCY", "3")
    monkeypatch.setenv("OWN_POOL__SIZE", "4")
    monkeypatch.setenv("HOME_PAGE", "x")
    own = Own()
    assert (own.worker.concurrency, own.pool.size, own.home) == (3, 4, "x")

    monkeypatch.setenv("OWN_POOL__SIZE", "0")
    monkeypatch.setenv("OWN_SEATS", "9")
    monkeypatch.delenv("HOME_PAGE")
    with pytest.raises(SettingsError) as caught:
        Own()
    assert str(caught.value).splitlines() == [
        "OWN_POOL__SIZE: must be at least 1",
        "HOME_PAGE: must be set",
        "OWN_SEATS: must be less than 5",
    ]


def test_errors_name_the_variable_as_the_call_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OWN_WORKER__CONCURRENCY", "OWN_WORKER__X", "OWN_WORKER", "OWN_WORKER_CONCURRENCY", "DIATOR_X"):
        monkeypatch.setenv(name, "0")
    assert problems(_env_prefix="OWN_") == [
        "OWN_WORKER: cannot be set as a whole; there is "
        + ", ".join(
            f"OWN_WORKER__{field}".upper() for field in type(DiatorSettings(_env_prefix="X_").worker).model_fields
        ),
        "OWN_WORKER_CONCURRENCY: does not exist; did you mean OWN_WORKER__CONCURRENCY?",
    ]
    monkeypatch.delenv("OWN_WORKER")
    monkeypatch.delenv("OWN_WORKER_CONCURRENCY")
    first, second = problems(_env_prefix="OWN_")
    assert first == "OWN_WORKER__CONCURRENCY: must be at least 1"
    assert second.startswith("OWN_WORKER__X: does not exist; there is OWN_WORKER__CONCURRENCY, OWN_")


def test_errors_name_the_delimiter_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIATOR_WORKER.CONCURRENCY", "0")
    assert problems(_env_nested_delimiter=".") == ["DIATOR_WORKER.CONCURRENCY: must be at least 1"]


def test_secret_files_are_named_as_the_call_has_it(elsewhere: Path) -> None:
    (elsewhere / "secrets").mkdir()
    (elsewhere / "secrets" / "OWN_WORKER.CONCURRENCY").write_text("3")
    options: dict[str, Any] = {"_env_prefix": "OWN_", "_env_nested_delimiter": ".", "_secrets_dir": "secrets"}
    assert DiatorSettings(**options).worker.concurrency == 3


class Fields(DiatorSettings):
    hosts: list[str] = Field([])
    sizes: list[PositiveInt] = Field([])
    limits: dict[str, PositiveInt] = Field({})
    choice: PositiveInt | Literal["all"] = "all"
    maybe: PositiveInt | None = None


def test_a_list_is_written_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIATOR_HOSTS", '["a", "b"]')
    monkeypatch.setenv("DIATOR_LIMITS", '{"mail": 3}')
    monkeypatch.setenv("DIATOR_LIMITS__SMS", "4")
    fields = Fields()
    assert (fields.hosts, fields.limits) == (["a", "b"], {"mail": 3, "sms": 4})
    monkeypatch.setenv("DIATOR_HOSTS", "canary")
    assert problems(Fields) == ["DIATOR_HOSTS: must be written as JSON"]
    assert problems(Fields, _env_prefix="DIATOR_") == ["DIATOR_HOSTS: must be written as JSON"]


def test_errors_name_variables_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DIATOR_SIZES": '[1, "x", "y", 0]',
        "DIATOR_LIMITS__MAIL": "0",
        "DIATOR_CHOICE": "some",
        "DIATOR_MAYBE": "0",
    }.items():
        monkeypatch.setenv(name, value)
    assert problems(Fields) == [
        "DIATOR_SIZES: must be a whole number; must be more than 0",
        "DIATOR_LIMITS__MAIL: must be more than 0",
        "DIATOR_CHOICE: must be a whole number; must be 'all'",
        "DIATOR_MAYBE: must be more than 0",
    ]


class Small(BaseModel):
    size: PositiveInt


class Large(BaseModel):
    size: PositiveInt
    height: PositiveInt = 1


class Choosing(DiatorSettings):
    box: Small | Large = Small(size=1)
    case: Small | None = None


def test_errors_name_the_fields_of_a_choice_of_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIATOR_BOX__SIZE", "0")
    monkeypatch.setenv("DIATOR_BOX__HEIGHT", "x")
    monkeypatch.setenv("DIATOR_CASE__SIZE", "0")
    assert problems(Choosing) == [
        "DIATOR_BOX__SIZE: must be more than 0",
        "DIATOR_BOX__HEIGHT: must be a whole number",
        "DIATOR_CASE__SIZE: must be more than 0",
    ]
