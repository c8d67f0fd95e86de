"""What type checkers say about applications: in `examples`, exactly the lines marked as errors are errors.

A marker names the checkers that report its line: ``# error: mypy, pyright``.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(Path(__file__).with_name("examples").glob("*.py"))
MARKER = re.compile(r"# error: (mypy|pyright|mypy, pyright)$")

Place = tuple[Path, int]


def run(checker: str, *options: str) -> str:
    """Run a checker over all examples at once, with the settings of pyproject.toml, and return what it prints."""
    assert find_spec(checker), f"{checker} is not installed: install the dependency group `types`"
    command = [sys.executable, "-m", checker, *options, *map(str, EXAMPLES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), f"{checker} could not run:\n{done.stdout}{done.stderr}"
    return done.stdout


def mypy() -> dict[Place, str]:
    output = run("mypy", "--output=json", f"--cache-dir={os.devnull}")
    errors: list[Any] = [json.loads(line) for line in output.splitlines()]
    return {(ROOT / error["file"], error["line"]): error["message"] for error in errors}


def pyright() -> dict[Place, str]:
    output: Any = json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable))
    errors: list[Any] = output["generalDiagnostics"]
    return {(Path(error["file"]), error["range"]["start"]["line"] + 1): error["message"] for error in errors}


def marked(checker: str) -> set[Place]:
    places: set[Place] = set()
    for path in EXAMPLES:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if "# error" in line:
                marker = MARKER.search(line)
                assert marker, f"{_text((path, number))} is marked wrongly: write `# error: mypy, pyright`"
                if checker in marker[1].split(", "):
                    places.add((path, number))
    return places


def _text(place: Place) -> str:
    return f"{place[0].relative_to(ROOT)}:{place[1]}"


@pytest.mark.parametrize("check", [mypy, pyright])
def test_a_type_checker_reports_the_marked_lines_and_no_others(check: Callable[[], dict[Place, str]]) -> None:
    expected = marked(check.__name__)
    reported = check()
    assert expected, "no line of the examples is marked"
    surprises = [f"{_text(place)}: {reported[place]}" for place in sorted(reported.keys() - expected)]
    assert not surprises, "reported, but not marked:\n" + "\n".join(surprises)
    accepted = [_text(place) for place in sorted(expected - reported.keys())]
    assert not accepted, "marked, but accepted:\n" + "\n".join(accepted)
