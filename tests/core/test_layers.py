"""A module imports only what stands lower, as the contracts in pyproject.toml say."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import diator

ROOT = Path(diator.__file__).parent.parent


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--config", "pyproject.toml"],
        cwd=root,
        env={"PYTHONPATH": str(root), "COLUMNS": "200", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_contracts_are_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "diator", root / "diator", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


BREAKS = {
    "_core/events.py": "from diator.aio import abc",
    "_core/messages.py": "import asyncio",
    "_core/inspection.py": "from diator._core import registry",
    "aio/events.py": "from diator.aio import dispatcher",
    "aio/abc.py": "from diator.requests import RequestMap",
    "aio/scopes.py": "import anyio",
    "aio/middlewares/logging.py": "from diator.aio.message_brokers import memory",
    "aio/dispatcher.py": "from diator.aio.middlewares import logging",
    "sync/mediator.py": "from diator.aio import events",
    "sync/scopes.py": "from diator.sync import dispatcher",
}


def test_breaking_any_rung_is_found(copy: Path) -> None:
    """All at once, for the linter takes a second: every broken contract must name its import."""
    for name, line in BREAKS.items():
        path = copy / "diator" / name
        path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    done = lint(copy)
    assert done.returncode == 1
    assert "0 kept, 7 broken" in done.stdout, done.stdout
    for name in BREAKS.keys() - {"_core/inspection.py"}:  # a cycle is told by its siblings
        assert "diator." + name.removesuffix(".py").replace("/", ".") in done.stdout, done.stdout
    assert ".inspection -> .registry" in done.stdout
