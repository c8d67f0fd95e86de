"""What `make bench` makes of what it measures: figures, marks, limits, tables."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MODULES = (
    "figures",
    "gates",
    "report",
    "drawing",
    "containers",
    "environments",
    "run",
    "cases",
    "records",
    "processes",
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    """The modules of the benchmarks, which are scripts and import one another by their plain names."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield SimpleNamespace(**{name: import_module(name) for name in MODULES})
    finally:
        sys.path.remove(str(BENCHMARKS))
        for name in MODULES:
            sys.modules.pop(name)


def rounds(**times: float) -> dict[str, float]:
    return {name.replace("_in_", "/asyncio/"): seconds for name, seconds in times.items()}


# --- figures


def test_the_best_and_the_median_of_all_rounds_count(bench: Any) -> None:
    repeats = [
        [rounds(baseline_aio_in_new=1, diator_aio_in_new=3), rounds(baseline_aio_in_new=2, diator_aio_in_new=2)],
        [rounds(baseline_aio_in_new=4, diator_aio_in_new=5), rounds(baseline_aio_in_new=5, diator_aio_in_new=6)],
    ]
    by_hand, figure = bench.figures.figures(repeats)
    assert (by_hand.ratio, by_hand.by_hand, figure.by_hand) == (1, True, False)
    assert (figure.contender, figure.backend, figure.case) == ("diator_aio", "asyncio", "new")
    assert (figure.best, figure.median) == (2, 4)
    assert figure.ratio == 2 / 1
    assert figure.median_ratio == pytest.approx((1.2 + 1.25) / 2)
    assert figure.spread == pytest.approx((2 / 1) / (5 / 4) - 1)
    assert figure.time_spread == pytest.approx(5 / 2 - 1)


def test_without_code_by_hand_there_is_no_ratio(bench: Any) -> None:
    (figure,) = bench.figures.figures([[rounds(bubus_in_model=1)], [rounds(bubus_in_model=2)]])
    assert (figure.ratio, figure.median_ratio, figure.spread, figure.time_spread) == (None, None, None, 1)


@pytest.mark.parametrize(
    ("theirs", "ours", "marks"),
    [
        ([1, 1], [2, 2.1], ("", "")),
        ([1, 1], [2, 2.3], ("~", "~")),
        ([1, 1.5], [2, 3], ("~", "")),  # the machine was slower, which hits both
        ([1, 1.2], [2, 2], ("", "~")),
    ],
)
def test_what_differs_between_repeats_is_marked(
    bench: Any, theirs: list[float], ours: list[float], marks: tuple[str, str]
) -> None:
    repeats = [[rounds(baseline_aio_in_new=a, diator_aio_in_new=b)] for a, b in zip(theirs, ours, strict=True)]
    figure = list(bench.figures.figures(repeats))[1]
    time, (ratio, _) = bench.report.nanoseconds(figure), bench.report.ratios(figure)
    assert (time[-1] == "~", ratio[-1] == "~") == (marks[0] == "~", marks[1] == "~")
    _, rows = bench.report.comparison({("diator_aio", "asyncio", "new"): figure})
    assert rows[0][2] == time


# --- gates


@pytest.mark.parametrize(
    ("versus", "verdicts"),
    [
        (None, {1.0: "target", 1.6: "target", 1.61: "ok", 2.0: "ok", 2.01: "MISSED", None: "MISSED"}),
        ("lato", {60.0: "target", 50.0: "target", 49.9: "ok", 30.0: "ok", 29.9: "MISSED", None: "MISSED"}),
    ],
)
def test_a_limit_holds_or_not(bench: Any, versus: str | None, verdicts: dict[float | None, str]) -> None:
    target, limit = (1.6, 2.0) if versus is None else (50, 30)
    gate = bench.gates.Gate("asyncio", "new", versus, target, limit)
    assert {ratio: gate.verdict(ratio) for ratio in verdicts} == verdicts


def test_contenders_are_compared_by_their_ratios_to_code_by_hand(bench: Any) -> None:
    found = {
        ("diator_aio", "asyncio", "new"): figure(bench, "diator_aio", "new", 2),
        ("mediatr", "asyncio", "new"): figure(bench, "mediatr", "new", 9, best=1),  # a faster moment
    }
    gate = bench.gates.Gate("asyncio", "new", "mediatr", 6, 4)
    assert gate.measured(found) == 4.5
    del found["mediatr", "asyncio", "new"]
    assert gate.measured(found) is None
    assert bench.gates.Gate("asyncio", "new", None, 1.6, 2).measured(found) == 2
    assert bench.gates.Gate("trio", "new", None, 1.6, 2).measured(found) is None


def figure(
    bench: Any, contender: str, case: str, ratio: float | None, backend: str = "asyncio", best: float = 2e-7
) -> Any:
    return bench.figures.Figure(contender, backend, case, best, best, ratio, ratio, ratio and 0.0, 0.0)


def results(bench: Any, **changes: Any) -> dict[str, Any]:
    """Results with which all limits hold."""
    found: list[Any] = []
    for gate in bench.gates.GATES:
        found.append(figure(bench, gate.contender, gate.case, 1.2, gate.backend))
        if gate.versus is not None:
            found.append(figure(bench, gate.versus, gate.case, 1.2 * gate.target, gate.backend))
    sides = {side: dict.fromkeys(("mediator", "route", "send", "send_event", "left"), 7) for side in ("aio", "sync")}
    return {
        "python": "3.11.0",
        "date": "today",
        "machine": {"processor": "p", "cores": 1, "system": "s", "load": 0.0},
        "method": {"repeats": 2, "rounds": 3},
        "versions": {},
        "missing": [],
        "figures": [vars(each) for each in found],
        "memory": {**sides, "sends": 1000, "grows": False},
        "seconds": 1,
    } | changes


def without(found: dict[str, Any], contender: str) -> dict[str, Any]:
    return found | {"figures": [each for each in found["figures"] if each["contender"] != contender]}


def test_all_limits_hold(bench: Any) -> None:
    found = results(bench)
    assert bench.report.show_gates(found)
    assert {row[-1] for row in bench.report.gates(found)[1]} == {"target"}
    bench.report.show(found)


@pytest.mark.parametrize("contender", ["diator_aio", "diator_sync", "diator_0_1_2", "pymediator", "lato"])
def test_what_was_not_measured_has_not_held(bench: Any, contender: str) -> None:
    found = without(results(bench), contender)
    assert not bench.report.show_gates(found)
    assert {row[-2] for row in bench.report.gates(found)[1] if row[-1] == "MISSED"} == {"not measured"}


def test_a_contender_that_cannot_be_installed_is_left_out_and_that_is_said(bench: Any, tmp_path: Path) -> None:
    found = without(results(bench, missing=["pymediator", "bubus"]), "pymediator")
    assert bench.report.show_gates(found)
    assert [row[-2:] for row in bench.report.gates(found)[1] if "pymediator" in row[0]] == [
        ["cannot be installed", "left out"]
    ]
    assert not bench.report.show_gates(without(found, "mediatr"))


def test_a_limit_that_is_missed_fails(bench: Any) -> None:
    found = results(bench)
    found["figures"].append(vars(figure(bench, "diator_aio", "singleton", 2.5)))  # the last counts
    assert not bench.report.show_gates(found)
    assert not bench.report.show_gates(results(bench) | {"memory": results(bench)["memory"] | {"grows": True}})


def test_every_limit_is_about_a_case_that_is_named(bench: Any) -> None:
    for gate in bench.gates.GATES:
        assert gate.case in bench.cases.TITLES
        assert gate.versus is None or gate.versus in bench.report.NAMES
        assert gate.verdict(gate.target) == "target"
        assert gate.verdict(gate.limit) in ("ok", "target")


def test_the_exit_status_tells(bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = results(bench)
    monkeypatch.setattr(sys, "argv", ["run.py", sys.executable])
    monkeypatch.setattr(bench.run, "bench", lambda *arguments: found)
    monkeypatch.setattr(bench.drawing, "draw", lambda *arguments: None)
    monkeypatch.setattr(bench.report, "write", lambda *arguments: None)
    assert bench.run.main() == 0
    found = without(found, "diator_aio")
    assert bench.run.main() == 1
    monkeypatch.setattr(sys, "argv", ["run.py", str(tmp_path / "no_python")])
    assert bench.run.main() == 1


# --- containers


def containers(bench: Any, ratio: float = 1.0) -> list[Any]:
    return [
        figure(bench, "containers", library, ratio, backend)
        for library in bench.containers.LIBRARIES
        for backend in ("asyncio", "blocking")
    ]


@pytest.mark.parametrize(("ratio", "verdict"), [(1.3, "target"), (1.31, "ok"), (1.6, "ok"), (1.61, "MISSED")])
def test_the_worse_side_of_a_container_counts(bench: Any, ratio: float, verdict: str) -> None:
    found = [*containers(bench), figure(bench, "containers", "dishka, plain", ratio)]
    assert {row[0]: row[-1] for row in bench.containers.rows(found)} == {
        **dict.fromkeys(bench.containers.LIBRARIES, "target"),
        "dishka, plain": verdict,
    }
    worse = figure(bench, "containers", "rodi", ratio, "blocking")
    found = [each for each in containers(bench) if (each.case, each.backend) != ("rodi", "blocking")]
    assert {row[0]: row[-1] for row in bench.containers.rows([*found, worse])}["rodi"] == verdict
    assert [row for row in bench.containers.rows(found) if row[-1] == "MISSED"] == [
        ["rodi, blocking: not measured", *[""] * 8, "MISSED"]
    ]


@pytest.mark.parametrize(("ratio", "status"), [(1.5, 0), (1.7, 1)])
def test_the_exit_status_tells_about_containers(
    bench: Any, monkeypatch: pytest.MonkeyPatch, ratio: float, status: int
) -> None:
    saved: dict[str, Any] = {}
    monkeypatch.setattr(sys, "argv", ["containers.py", "--repeats=2", "--rounds=3", *[sys.executable] * 2])
    found = iter([containers(bench, ratio), containers(bench)])
    made = bench.environments.Made({"diator": sys.executable}, [])
    monkeypatch.setattr(bench.environments, "make", lambda interpreter: made)
    monkeypatch.setattr(bench.containers, "measure", lambda *arguments: next(found))
    monkeypatch.setattr(bench.records, "save", lambda name, found: saved.update(found))
    monkeypatch.setattr(bench.report, "replace", lambda name, text: saved.update({name: text}))
    assert bench.containers.main() == status
    assert saved["method"] == {"repeats": 2, "rounds": 3}
    assert f"{saved['date']}; " in saved["containers"]
    assert "2 x 3 rounds." in saved["containers"]
    assert ("MISSED" in saved["containers"]) == bool(status)


# --- environments


def test_an_environment_is_complete_only_if_everything_was_installed(
    bench: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    interpreter = bench.environments.Interpreter(sys.executable, "3")
    installs = {"good": ["pip"], "bad": [str(tmp_path / "nothing_here")]}
    for _ in range(2):  # it is tried again
        assert bench.environments.install(interpreter, tmp_path / "e", installs) == ["bad"]
        assert "bad cannot be installed: " in capsys.readouterr().out
    assert bench.environments.install(interpreter, tmp_path / "e", {"good": ["pip"]}) == []
    capsys.readouterr()
    assert bench.environments.install(interpreter, tmp_path / "e", {"good": ["pip"]}) == []
    assert capsys.readouterr().out == ""


def test_each_contender_has_a_set_up_file(bench: Any) -> None:
    lines = (BENCHMARKS / "contenders.txt").read_text().splitlines()
    names = [bench.environments.contender(line) for line in lines if not line.startswith("#")]
    assert sorted(names) == sorted(each for each in bench.run.GROUPS["others"] if each != "baseline_aio")
    assert [name for name in names if not (BENCHMARKS / "contenders" / f"{name}.py").exists()] == []
    assert [name for name in names if name not in bench.report.NAMES] == []


# --- where it is written


def test_the_readme_is_left_alone_without_its_marks(bench: Any, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    for broken in ("text\n", "<!-- results -->\ntext\n", "<!-- end of results -->\n<!-- results -->\n"):
        readme.write_text(broken)
        with pytest.raises(ValueError, match="<!-- end of results -->"):
            bench.report.replace("results", "new", readme)
        assert readme.read_text() == broken
    readme.write_text("a\n<!-- results -->\nold\n<!-- end of results -->\nb\n")
    bench.report.replace("results", "new", readme)
    assert readme.read_text() == "a\n<!-- results -->\n\nnew\n\n<!-- end of results -->\nb\n"


def test_the_drawing_shows_diator_with_the_container_of_the_first_version(bench: Any, tmp_path: Path) -> None:
    found = results(bench)
    names = [name for name, _, _ in bench.drawing.bars(found)]
    assert {"diator", "diator (rodi)", "diator 0.1.2 (rodi)"} <= set(names)
    bench.drawing.draw([found], tmp_path / "drawing.svg")
    assert "does not work without a container" in (tmp_path / "drawing.svg").read_text()
