"""Measure what each adapter to a dependency injection container adds to the container: `make bench-containers`.

Exits with 1 if it is more than the limit, or if an adapter was not measured.
"""

import itertools
import sys
from dataclasses import asdict
from typing import Any

import environments
import records
import report
from environments import Interpreter
from figures import Figure, figures
from gates import MISSED, Gate
from processes import take_turns
from rich.console import Console
from rich.table import Table

CONTENDERS = ("containers_aio", "containers_sync")
BACKENDS = ("asyncio", "blocking")
LIBRARIES = ("dependency-injector", "di", "dishka", "injector", "rodi", "wireup")
TARGET, LIMIT = 1.3, 1.6
HEAD = ["", *(f"{backend}{part}" for backend in BACKENDS for part in (" ns", " own", " best", " median")), ""]


def measure(python: str, repeats: int, rounds: int) -> list[Figure]:
    """Measure a send, and beside it what the container itself takes.

    Args:
        python: That of the environment.
        repeats: How often the process is started anew.
        rounds: How many rounds each of them makes.
    """
    measured, _ = take_turns({"containers": (python, CONTENDERS)}, repeats, rounds)
    found = figures(measured["containers"], lambda contender, backend, case: f"{contender}/{backend}/{case}_own")
    return [figure for figure in found if figure.ratio is not None]


def rows(found: list[Figure]) -> report.Rows:
    """For each container a send, the container itself, the ratio on both sides, and what that is."""
    by_key = {(figure.case, figure.backend): figure for figure in found}
    lines: report.Rows = []
    for name in sorted({figure.case for figure in found}):
        cells, worst = [], 0.0
        for backend in BACKENDS:
            figure = by_key.get((name, backend))
            if figure is None or figure.ratio is None:
                cells += [""] * 4
                continue
            own = figure.best / figure.ratio
            cells += [report.nanoseconds(figure), f"{own * 1e9:,.0f}", *report.ratios(figure)]
            worst = max(worst, figure.ratio)
        lines.append([name, *cells, Gate(BACKENDS[0], name, None, TARGET, LIMIT).verdict(worst)])
    measured = {(figure.case.partition(",")[0], figure.backend) for figure in found}
    for library, backend in itertools.product(LIBRARIES, BACKENDS):
        if (library, backend) not in measured:
            lines.append([f"{library}, {backend}: not measured", *[""] * (len(HEAD) - 2), MISSED])
    return lines


def bench(interpreter: Interpreter, repeats: int, rounds: int) -> tuple[str, bool]:
    """Measure with one interpreter, print it, and write it to ``results``.

    Args:
        interpreter: What measures.
        repeats: How often the process is started anew.
        rounds: How many rounds each of them makes.

    Returns:
        The table as Markdown, and whether the limit holds.
    """
    python = environments.make(interpreter).pythons["diator"]
    results = records.heading(interpreter, repeats, rounds)
    found = measure(python, repeats, rounds)
    installed = environments.versions(python)
    used: dict[str, Any] = {name: installed[name] for name in LIBRARIES}
    results |= {"versions": used, "figures": [asdict(figure) for figure in found]}
    records.save(f"containers-{interpreter.label}", results)
    lines = rows(found)
    title = f"Python {interpreter.version}: containers (target {TARGET}, limit {LIMIT})"
    table = Table(*HEAD, title=title, title_justify="left")
    for line in lines:
        table.add_row(*line, style="red" if line[-1] == MISSED else None)
    Console(width=140).print(table)
    versions = ", ".join(f"{name} {number}" for name, number in used.items())
    text = f"### Python {interpreter.version}\n\n{report.about(results)} {versions}.\n\n{report.markdown(HEAD, lines)}"
    return text, all(line[-1] != MISSED for line in lines)


def main() -> int:
    options = records.options(__doc__)
    pythons = environments.find(options.pythons)
    if not pythons:
        return 1
    texts, held = zip(*[bench(each, options.repeats, options.rounds) for each in pythons], strict=True)
    report.replace("containers", "\n\n".join(texts))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
