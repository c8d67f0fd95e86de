"""The README's own code runs, and the commands that it names exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_python_blocks_run_one_after_another(tmp_path: Path) -> None:
    script = tmp_path / "readme.py"
    script.write_text("\n".join(_blocks("python")), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=ROOT,
        # without those of this test suite, such as DIATOR_LONG, which are no settings
        env={name: value for name, value in os.environ.items() if not name.startswith("DIATOR_")},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "welcome, user 7",
        "welcome, user 8",
        "user 9 joins meeting 1",
        "welcome, user 9",
        "user 7 joins meeting 1",
        "begin",
        "user 3 joins meeting 1",
        "commit",
        "welcome, user 3",
        "meeting 1 has changed",
    ]


def test_the_quick_start_runs_on_trio_too(tmp_path: Path) -> None:
    first, second = _blocks("python")[:2]
    script = tmp_path / "quick_start.py"
    script.write_text(
        first + second.replace("import asyncio", "import trio").replace("asyncio.run(main())", "trio.run(main)")
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "welcome, user 7\n"), done.stderr


@pytest.mark.parametrize("command", sorted(set(re.findall(r"\bmake ([a-z-]+)", "\n".join(_blocks("console"))))))
def test_the_make_commands_exist(command: str) -> None:
    assert re.search(rf"^{command}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
