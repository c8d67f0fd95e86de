"""The same application, put together by each container: it works the same with all of them, in both worlds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "containers"

ROUND = """\
  session opened
  welcome Ann, you will meet nobody yet
  session closed
Ann joins, free seats: 1
  session opened
  welcome Bob, you will meet Ann
  session closed
Bob joins, free seats: 0
  session opened
  session closed, Cleo dropped
Cleo cannot join: no seat left
  session opened
  session closed
in the meeting: Ann and Bob
"""


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("with_*.py")), ids=lambda script: script.stem)
def test_the_application_works_the_same_with_every_container(script: Path) -> None:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"--- on asyncio\n{ROUND}--- in blocking code\n{ROUND}"


def test_there_is_an_example_for_every_container() -> None:
    adapters = {path.stem for path in (ROOT / "diator" / "aio" / "container").glob("[!_]*.py")}
    assert {path.stem.removeprefix("with_") for path in EXAMPLES.glob("with_*.py")} == adapters - {"base"}
