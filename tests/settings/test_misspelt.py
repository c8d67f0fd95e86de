"""What sets nothing is refused, because it is misspelt."""

from pathlib import Path

import pytest
from pydantic import AliasChoices, BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from diator.errors import SettingsError
from diator.settings import DiatorSettings


def problems(settings: type[DiatorSettings] = DiatorSettings, **values: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(**values)
    return str(caught.value).splitlines()


def test_a_misspelt_variable_of_a_section_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIATOR_WORKER__CONCURENCY", "3")
    (line,) = problems()
    assert line.startswith("DIATOR_WORKER__CONCURENCY: does not exist; there is DIATOR_WORKER__CONCURRENCY, DIATOR_")


MISSPELT = {
    "DIATOR_WORKER_CONCURRENCY": "DIATOR_WORKER_CONCURRENCY: does not exist; did you mean DIATOR_WORKER__CONCURRENCY?",
    "diator_brokr__url": "DIATOR_BROKR__URL: does not exist; did you mean DIATOR_BROKER__URL?",
    "DIATOR_NONSENSE": "DIATOR_NONSENSE: does not exist",
    "DIATOR_A\tB": r"'DIATOR_A\tB': does not exist",
}


@pytest.mark.parametrize("source", ["environment", "env file", "secret file"])
@pytest.mark.parametrize("name", MISSPELT)
def test_a_variable_with_the_prefix_must_set_something(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Path, source: str, name: str
) -> None:
    (elsewhere / "secrets").mkdir()
    if source == "environment":
        monkeypatch.setenv(name, "canary")
        assert problems() == [MISSPELT[name]]
    elif source == "secret file":
        (elsewhere / "secrets" / name).write_text("canary")
        assert problems(_secrets_dir="secrets") == [MISSPELT[name]]
    elif name.isprintable():
        (elsewhere / ".env").write_text(f"{name}=canary\n")
        assert problems(_env_file=".env") == [MISSPELT[name]]


def test_each_is_reported_once_and_beside_what_else_is_wrong(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    (elsewhere / ".env").write_text("DIATOR_X=1\nDIATOR_Y=1\n")
    monkeypatch.setenv("DIATOR_X", "1")
    monkeypatch.setenv("DIATOR_WORKER__CONCURRENCY", "0")
    assert sorted(problems(_env_file=".env", z=1)) == [
        "DIATOR_WORKER__CONCURRENCY: must be at least 1",
        "DIATOR_X: does not exist",
        "DIATOR_Y: does not exist",
        "z: does not exist",
    ]


def test_an_unknown_argument_is_refused() -> None:
    assert problems(nonsense="canary") == ["nonsense: does not exist"]
    assert problems(brokr={"url": "canary"}) == ["brokr: does not exist; did you mean broker?"]
    assert problems(_env_fil=".env") == ["_env_fil: does not exist"]
    assert problems(DIATOR_BROKER__URL="memory://") == ["DIATOR_BROKER__URL: is a variable, and no argument"]


def test_an_env_file_that_is_named_must_be_there(elsewhere: Path) -> None:
    (elsewhere / "there").write_text("DIATOR_WORKER__CONCURRENCY=3\n")
    assert problems(_env_file=".env") == ["_env_file: there is no file '.env'"]
    assert problems(_env_file=("there", elsewhere / ".env", "c"), worker={"concurrency": 0}) == [
        f"_env_file: there is no file '{elsewhere / '.env'}'",
        "_env_file: there is no file 'c'",
        "DIATOR_WORKER__CONCURRENCY: must be at least 1",
    ]
    assert DiatorSettings(_env_file=("there",)).worker.concurrency == 3
    assert DiatorSettings(_env_file=None).worker.concurrency == 10


def test_an_env_file_of_the_class_may_be_missing() -> None:
    class Own(DiatorSettings):
        model_config = SettingsConfigDict(env_file=".env")

    assert Own().worker.concurrency == 10


def test_the_fields_of_a_subclass_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool(BaseModel):
        size: int = 1

    class Own(DiatorSettings):
        pool: Pool = Pool()
        limits: dict[str, int] = Field({})
        home: str = Field(default="", validation_alias=AliasChoices("DIATOR_HOME", "HOME_PAGE"))

    for name, value in {"POOL__SIZE": "4", "LIMITS__MAIL": "5", "HOME": "x"}.items():
        monkeypatch.setenv(f"DIATOR_{name}", value)
    own = Own()
    assert (own.pool.size, own.limits, own.home) == (4, {"mail": 5}, "x")
    monkeypatch.setenv("DIATOR_POOL_SIZE", "4")
    assert problems(Own) == ["DIATOR_POOL_SIZE: does not exist; did you mean DIATOR_POOL__SIZE?"]
    assert problems() == [
        f"DIATOR_{name}: does not exist" for name in ("POOL__SIZE", "LIMITS__MAIL", "HOME", "POOL_SIZE")
    ]


def test_a_subclass_may_let_it_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lenient(DiatorSettings, extra="ignore"):
        pass

    class Unprefixed(DiatorSettings, env_prefix=""):
        pass

    monkeypatch.setenv("DIATOR_NONSENSE", "1")
    assert Lenient(nonsense=1).worker.concurrency == 10
    assert Unprefixed().worker.concurrency == 10


def test_the_variables_of_an_application_with_a_field_called_diator_are_not_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Application(BaseSettings, env_nested_delimiter="__"):
        diator: DiatorSettings

    monkeypatch.setenv("DIATOR__WORKER__CONCURRENCY", "3")
    assert Application().diator.worker.concurrency == 3  # type: ignore[call-arg]
