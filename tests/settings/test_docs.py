"""The page about the settings is up to date, and its code runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import diator
from diator.settings import DiatorSettings

ROOT = Path(diator.__file__).parents[1]
PAGE = ROOT / "docs" / "settings.md"


def tool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "settings_table.py"), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)


def test_the_tables_are_up_to_date() -> None:
    done = tool("--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stale_table_is_found_and_mended(tmp_path: Path) -> None:
    copy = tmp_path / "docs" / "settings.md"
    copy.parent.mkdir()
    shutil.copy(PAGE, copy)
    text = PAGE.read_text(encoding="utf-8")
    stale = text.replace("| `DIATOR_WORKER__CONCURRENCY` |", "| `DIATOR_WORKER__THREADS` |")
    copy.write_text(stale, encoding="utf-8")
    done = tool("--check", "--root", tmp_path)
    assert done.returncode == 1
    assert "-| `DIATOR_WORKER__THREADS` |" in done.stdout
    assert "+| `DIATOR_WORKER__CONCURRENCY` |" in done.stdout
    assert copy.read_text(encoding="utf-8") == stale
    assert tool("--root", tmp_path).returncode == 0
    assert copy.read_text(encoding="utf-8") == text


def test_a_page_without_a_place_for_a_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "settings.md").write_text("# Settings\n")
    done = tool("--root", tmp_path)
    assert done.returncode == 1
    assert "<!-- variables: begin -->" in done.stderr


def test_every_variable_that_is_listed_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = re.findall(r"^\| `(DIATOR_\w+)` \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    sections = [field.annotation for field in DiatorSettings.model_fields.values()]
    assert len(listed) == sum(len(getattr(section, "model_fields", ())) for section in sections)
    values = {"secret": "memory://", "text": "x", "true or false": "false", "`DEBUG`": "ERROR"}
    for name, takes in listed:
        monkeypatch.setenv(name, values.get(takes.partition(",")[0], "2"))
    settings = DiatorSettings()
    for section in (settings.broker, settings.worker, settings.logging):
        assert section.model_fields_set == set(type(section).model_fields)


def test_the_code_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    checks = [
        "assert type(broker_from_settings(settings, 'aio')) is InMemoryMessageBroker",
        "own = Settings()",
        "assert (own.database.url.get_secret_value(), own.worker.concurrency) == ('postgresql://', 3)",
    ]
    script = tmp_path / "page.py"
    script.write_text("\n".join([*blocks, *checks]), encoding="utf-8")
    environment = {"MEETINGS_DATABASE__URL": "postgresql://", "MEETINGS_WORKER__CONCURRENCY": "3"}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
