"""What the benchmarks measure still works; how fast it is, is their business."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GROUPS = [
    ("baseline_aio", "baseline_sync", "diator_aio", "diator_sync"),
    ("containers_aio", "containers_sync"),
]


def run(script: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "benchmarks" / script, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=given,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.mark.parametrize("contenders", GROUPS)
def test_every_case_can_be_measured(contenders: tuple[str, ...]) -> None:
    done = run("process.py", *contenders, given="\n")
    assert done.returncode == 0, done.stderr
    versions, measured = map(json.loads, done.stdout.splitlines())
    assert versions == {}
    assert {name.partition("/")[0] for name in measured} == set(contenders)
    assert all(seconds > 0 for seconds in measured.values())


@pytest.mark.parametrize("contender", ["mediatr", "nonsense"])
def test_what_cannot_be_imported_is_not_passed_over(contender: str) -> None:
    done = run("process.py", "baseline_aio", contender, given="\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert "ModuleNotFoundError: No module named" in done.stderr


def test_memory_is_measured_on_both_sides() -> None:
    done = run("memory.py", "1000")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["sends"], found["grows"]) == (1000, False)
    for side in ("aio", "sync"):
        assert found[side].keys() == {"mediator", "route", "send", "send_event", "left"}
        assert 0 < found[side]["send"] < found[side]["send_event"] < found[side]["mediator"]
        assert found[side]["route"] > 0
    assert found["aio"]["send"] > found["sync"]["send"]  # there is a coroutine
