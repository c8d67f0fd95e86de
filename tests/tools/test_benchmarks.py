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


@pytest.mark.parametrize("contenders", GROUPS)
def test_every_case_can_be_measured(contenders: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "process.py", *contenders],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input="\n",
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=300,
    )
    about, measured = map(json.loads, done.stdout.splitlines())
    assert about["missing"] == {}
    assert {name.partition("/")[0] for name in measured} == set(contenders)
    assert all(seconds > 0 for seconds in measured.values())
