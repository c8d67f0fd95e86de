"""Settings come from where they are said to come from, and from nowhere else."""

import inspect
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import diator
from diator.aio import Worker
from diator.errors import SettingsError
from diator.settings import DiatorSettings

ROOT = Path(diator.__file__).parents[1]


def url_of(settings: DiatorSettings) -> str | None:
    return settings.broker.url.get_secret_value() if settings.broker.url else None


def problems(**values: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        DiatorSettings(**values)
    assert isinstance(caught.value, ValueError)
    return str(caught.value).splitlines()


# --- sources


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DIATOR_BROKER__URL": "redis://:pw@host",
        "DIATOR_BROKER__TIMEOUT": "2.5",
        "DIATOR_WORKER__CONCURRENCY": "3",
        "DIATOR_WORKER__DEAD_LETTERS": "no",
        "diator_worker__drain_timeout": "0",
        "DIATOR_LOGGING__LEVEL": "debug",
    }.items():
        monkeypatch.setenv(name, value)
    settings = DiatorSettings()
    assert url_of(settings) == "redis://:pw@host"
    assert settings.broker.timeout == 2.5
    assert settings.worker.concurrency == 3
    assert settings.worker.dead_letters is False
    assert settings.worker.drain_timeout == 0
    assert settings.worker.max_deliveries == 5
    assert settings.logging.level == "DEBUG"


def test_the_defaults_are_those_of_the_parts() -> None:
    settings = DiatorSettings()
    assert settings.broker.url is None
    worker = inspect.signature(Worker).parameters
    assert {name: worker[name].default for name in type(settings.worker).model_fields} == settings.worker.model_dump()


def test_an_env_file_is_read_only_if_it_is_named(elsewhere: Path) -> None:
    (elsewhere / ".env").write_text("DIATOR_WORKER__CONCURRENCY=7\nOTHER=1\nBROKER=3\nWORKER__CONCURRENCY=x\n")
    assert DiatorSettings().worker.concurrency == 10
    assert DiatorSettings(_env_file=".env").worker.concurrency == 7


def test_the_last_of_several_env_files_wins(elsewhere: Path) -> None:
    (elsewhere / "a").write_text("DIATOR_WORKER__CONCURRENCY=1\nDIATOR_WORKER__MAX_DELIVERIES=2\n")
    (elsewhere / "b").write_text("DIATOR_WORKER__CONCURRENCY=3\n")
    worker = DiatorSettings(_env_file=("a", "b")).worker
    assert (worker.concurrency, worker.max_deliveries) == (3, 2)


@pytest.mark.parametrize("name", ["DIATOR_BROKER__URL", "diator_broker__url"])
def test_a_secret_file_is_named_like_its_variable(elsewhere: Path, name: str) -> None:
    (elsewhere / "secrets").mkdir()
    (elsewhere / "secrets" / name).write_text("redis://:pw@host\n")
    (elsewhere / "secrets" / "another_program").write_text("x")
    assert url_of(DiatorSettings()) is None
    assert url_of(DiatorSettings(_secrets_dir=elsewhere / "secrets")) == "redis://:pw@host"


def test_the_sources_are_merged_variable_by_variable(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    """Each source also sets all that stands above it, so that the order shows."""
    (elsewhere / "secrets").mkdir()
    fields = ["concurrency", "max_deliveries", "visibility_timeout", "drain_timeout"]
    names = [f"DIATOR_WORKER__{field.upper()}" for field in fields]
    for name in names:
        (elsewhere / "secrets" / name).write_text("4")
    (elsewhere / ".env").write_text("".join(f"{name}=3\n" for name in names[:3]))
    for name in names[:2]:
        monkeypatch.setenv(name, "2")
    worker = DiatorSettings(worker={fields[0]: 1}, _env_file=".env", _secrets_dir="secrets").worker
    assert [getattr(worker, field) for field in fields] == [1, 2, 3, 4]


@pytest.mark.parametrize("empty", ["", "\n"])
def test_what_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch, elsewhere: Path, empty: str) -> None:
    (elsewhere / "secrets").mkdir()
    for name in ("DIATOR_BROKER__URL", "DIATOR_WORKER__CONCURRENCY", "DIATOR_NONSENSE"):
        (elsewhere / "secrets" / name).write_text(empty)
        monkeypatch.setenv(name, "")
    (elsewhere / ".env").write_text("DIATOR_BROKER__URL=\nDIATOR_WORKER__CONCURRENCY=\n")
    settings = DiatorSettings(_env_file=".env", _secrets_dir="secrets")
    assert settings.broker.url is None
    assert settings.worker.concurrency == 10


def test_settings_do_not_change() -> None:
    settings = DiatorSettings()
    with pytest.raises(ValueError, match="frozen"):
        settings.worker.concurrency = 3
    with pytest.raises(ValueError, match="frozen"):
        settings.worker = settings.worker


def test_importing_reads_nothing_and_sets_no_level(elsewhere: Path) -> None:
    poison = {
        "DIATOR_BROKER": "{",
        "DIATOR_BROKER__URL": "nonsense",
        "DIATOR_WORKER__CONCURRENCY": "nonsense",
        "DIATOR_LOGGING__LEVEL": "DEBUG",
    }
    (elsewhere / ".env").write_text("DIATOR_WORKER__CONCURRENCY=nonsense\n")
    code = """
        import json, logging, os, sys, threading
        opened = []
        sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
        import diator.settings
        print(json.dumps({
            "opened": [path for path in opened if os.path.dirname(os.path.abspath(path)) == os.getcwd()],
            "sides": sorted({"trio", "diator.aio", "diator.sync"} & set(sys.modules)),
            "levels": [name for name in logging.root.manager.loggerDict if name.startswith("diator")],
            "threads": threading.active_count(),
        }))
    """
    done = subprocess.run(
        [sys.executable, "-c", inspect.cleandoc(code)],
        env={**os.environ, **poison, "PYTHONPATH": str(ROOT)},
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"opened": [], "sides": [], "levels": [], "threads": 1}


def test_a_missing_extra_names_the_command_that_installs_it(elsewhere: Path) -> None:
    for blocked in ("pydantic_settings", "pydantic"):
        code = f"import sys; sys.modules[{blocked!r}] = None; import diator.settings"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=elsewhere,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert 'MissingExtraError: pydantic-settings is not installed: pip install "diator[settings]"' in done.stderr


# --- what is wrong


def test_there_is_one_line_for_each_wrong_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DIATOR_BROKER__URL": "nonsense",
        "DIATOR_BROKER__TIMEOUT": "0",
        "DIATOR_WORKER__CONCURRENCY": "0",
        "DIATOR_WORKER__MAX_DELIVERIES": "many",
        "DIATOR_WORKER__VISIBILITY_TIMEOUT": "nan",
        "DIATOR_WORKER__DRAIN_TIMEOUT": "-1",
        "DIATOR_WORKER__DEAD_LETTERS": "perhaps",
        "DIATOR_LOGGING__LEVEL": "loud",
        "DIATOR_OUTBOX__SLOTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    assert problems() == [
        "DIATOR_BROKER__URL: must be a URL, such as memory:// or rediss://host:6379/0",
        "DIATOR_BROKER__TIMEOUT: must be more than 0",
        "DIATOR_WORKER__CONCURRENCY: must be at least 1",
        "DIATOR_WORKER__MAX_DELIVERIES: must be a whole number",
        "DIATOR_WORKER__VISIBILITY_TIMEOUT: must be a finite number",
        "DIATOR_WORKER__DRAIN_TIMEOUT: must be at least 0",
        "DIATOR_WORKER__DEAD_LETTERS: must be true or false",
        "DIATOR_OUTBOX__SLOTS: does not exist; nothing can be set here yet",
        "DIATOR_LOGGING__LEVEL: must be 'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL'",
    ]


@pytest.mark.parametrize("value", ['{"concurrency": 3}', "{", "3"])
def test_a_section_is_not_set_as_a_whole(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DIATOR_WORKER", value)
    (line,) = problems()
    assert line.startswith("DIATOR_WORKER: cannot be set as a whole; there is DIATOR_WORKER__CONCURRENCY, DIATOR_")


def test_what_is_wrong_with_files_is_an_error_of_the_settings(elsewhere: Path) -> None:
    (elsewhere / "file").write_bytes(b"\xff")
    assert problems(_secrets_dir="file") == ["secrets_dir must reference a directory, not a file"]
    assert problems(_env_file="file", _env_file_encoding="utf-8") == [
        "an env file or a secret file is not UTF-8 text: save it as such"
    ]


# --- logging


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("diator")
    level = logger.level
    yield logger
    logger.setLevel(level)


def test_a_level_is_set_only_when_it_is_applied(logger: logging.Logger) -> None:
    logger.setLevel(logging.ERROR)
    settings = DiatorSettings(logging={"level": "debug"})
    assert logger.level == logging.ERROR
    settings.logging.apply()
    assert logger.level == logging.DEBUG
    DiatorSettings().logging.apply()
    assert logger.level == logging.DEBUG
