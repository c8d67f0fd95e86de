"""Measure what each adapter to a dependency injection container adds to the container: `make bench-containers`."""

import json
import sys
from dataclasses import asdict
from typing import Any

import environments
import report
from environments import HERE, Interpreter
from figures import Figure, Round, figures
from processes import processes
from rich.console import Console
from rich.table import Table
from run import machine

REPEATS, ROUNDS = 3, 15
TARGET = 1.3
LIBRARIES = ("dependency-injector", "di", "dishka", "injector", "rodi", "wireup")


def measure(python: str) -> list[Figure]:
    repeats: list[list[Round]] = []
    for _ in range(REPEATS):
        with processes({"containers": (python, ("containers_aio", "containers_sync"))}) as running:
            repeats.append([running["containers"].round() for _ in range(ROUNDS)])
    found = figures(repeats, lambda contender, backend, case: f"{contender}/{backend}/{case}_own")
    return [figure for figure in found if figure.ratio is not None]


def rows(found: list[Figure]) -> report.Rows:
    """For each container: a send, the container itself, and the ratio, on both sides."""
    by_key = {(figure.backend, figure.case): figure for figure in found}
    lines: report.Rows = []
    for name in sorted({figure.case for figure in found}):
        cells: list[str] = []
        for backend in ("asyncio", "blocking"):
            figure = by_key.get((backend, name))
            if figure is None or figure.ratio is None:
                cells += [""] * 4
                continue
            own = figure.best / figure.ratio
            cells += [f"{figure.best * 1e9:,.0f}", f"{own * 1e9:,.0f}", *report.ratios(figure)]
        lines.append([name, *cells])
    return lines


HEAD = [
    "",
    *(f"{backend}{part}" for backend in ("asyncio", "blocking") for part in (" ns", " own", " best", " median")),
]


def bench(interpreter: Interpreter) -> str:
    """Measure with one interpreter, print it, and return it as Markdown."""
    python = environments.make(interpreter)["diator"]
    before = machine()
    found = measure(python)
    installed = environments.versions(python)
    used: dict[str, Any] = {name: installed[name] for name in LIBRARIES}
    results = {
        "python": interpreter.version,
        "machine": before,
        "versions": used,
        "figures": [asdict(figure) for figure in found],
    }
    path = HERE / "results" / f"containers-{interpreter.label}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    lines = rows(found)
    table = Table(*HEAD, title=f"Python {interpreter.version}: containers (target {TARGET})", title_justify="left")
    for line in lines:
        table.add_row(*line)
    Console(width=120).print(table)
    about = ", ".join(f"{name} {number}" for name, number in used.items())
    return f"### Python {interpreter.version}\n\n{report.text_of(before)}. {about}.\n\n{report.markdown(HEAD, lines)}"


def main() -> int:
    pythons = environments.find(sys.argv[1:] or ["python3.11", "python3.13"])
    if not pythons:
        return 1
    report.replace("containers", "\n\n".join([bench(each) for each in pythons]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
