"""The tables: on the terminal with rich, and as Markdown in the README of this folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cases import TITLES
from environments import HERE
from figures import Figure
from gates import GATES, MISSED
from rich.console import Console
from rich.table import Table

BACKENDS = ("asyncio", "trio", "blocking")
NAMES = {
    "diator_aio": "diator",
    "diator_0_1_2": "diator 0.1.2 (rodi)",
    "mediary": "mediary",
    "mediatr": "mediatr",
    "py_mediatr": "py-mediatR",
    "pymediator": "pymediator",
    "python_cqrs": "python-cqrs",
    "lato": "lato",
    "bubus": "bubus",
}
COMPARED = ("singleton", "new", "rodi", "new_di", "event", "events", "middlewares", "dataclass", "model")

Rows = list[list[str]]
Figures = dict[tuple[str, str, str], Figure]


def by_name(results: dict[str, Any]) -> Figures:
    found = [Figure(**each) for each in results["figures"]]
    return {(each.contender, each.backend, each.case): each for each in found}


def dispatch(figures: Figures) -> tuple[list[str], Rows]:
    """What diator takes, and how many times longer than by hand."""
    head = ["", *(f"{backend}{part}" for backend in BACKENDS for part in (" ns", " best", " median"))]
    rows: Rows = []
    for case, title in TITLES.items():
        cells: list[str] = []
        for backend in BACKENDS:
            contender = "diator_sync" if backend == "blocking" else "diator_aio"
            figure = figures.get((contender, backend, case))
            cells += [""] * 3 if figure is None else [nanoseconds(figure), *ratios(figure)]
        if any(cells):
            rows.append([title, *cells])
    return head, rows


def comparison(figures: Figures) -> tuple[list[str], Rows]:
    """What each contender takes on asyncio, in ns."""
    rows: Rows = []
    for contender, name in NAMES.items():
        found = [figures.get((contender, "asyncio", case)) for case in COMPARED]
        if any(found):
            rows.append([name, *("" if figure is None else nanoseconds(figure) for figure in found)])
    return ["ns", *(TITLES[case] for case in COMPARED)], rows


def gates(results: dict[str, Any]) -> tuple[list[str], Rows]:
    """The limits, and whether they hold; a contender that cannot be installed is left out, and that is said."""
    figures = by_name(results)
    rows: Rows = []
    for gate in GATES:
        title = f"{gate.backend}: {TITLES[gate.case]}, "
        title += "vs by hand" if gate.versus is None else f"faster than {NAMES[gate.versus]}"
        ratio = gate.measured(figures)
        cells = ["not measured" if ratio is None else f"{ratio:.2f}", gate.verdict(ratio)]
        if gate.versus in results["missing"]:
            cells = ["cannot be installed", "left out"]
        rows.append([title, f"{gate.target:g}", f"{gate.limit:g}", *cells])
    return ["", "target", "limit", "measured", ""], rows


def memory(results: dict[str, Any]) -> tuple[list[str], Rows]:
    found = results["memory"]
    titles = {
        "mediator": "a mediator",
        "route": "a request with its binding and route",
        "send": "a send, at most, free again after it",
        "send_event": "the same with one event",
        "left": f"memory blocks left by {found['sends']:,} sends with an event",
    }
    sides = ("aio", "sync")
    return ["bytes", *sides], [[title, *(f"{found[side][key]:,}" for side in sides)] for key, title in titles.items()]


def text_of(machine: dict[str, Any]) -> str:
    return f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, load {machine['load']:.1f}"


def about(results: dict[str, Any]) -> str:
    """When, where and how often it was measured."""
    method = results["method"]
    return f"{results['date']}; {text_of(results['machine'])}; {method['repeats']} x {method['rounds']} rounds."


def nanoseconds(figure: Figure) -> str:
    return f"{figure.best * 1e9:,.0f}" + ("" if figure.steady_time else "~")


def ratios(figure: Figure) -> list[str]:
    if figure.ratio is None or figure.median_ratio is None:
        return ["", ""]
    return [f"{figure.ratio:.2f}" + ("" if figure.steady else "~"), f"{figure.median_ratio:.2f}"]


PARTS: dict[str, Callable[[Figures], tuple[list[str], Rows]]] = {
    "diator, and how many times longer it takes than code by hand": dispatch,
    "other mediators on asyncio": comparison,
}


def show(results: dict[str, Any]) -> None:
    """Print what came out for one interpreter."""
    console = Console(width=120)
    figures = by_name(results)
    tables = {title: make(figures) for title, make in PARTS.items()} | {"memory": memory(results)}
    for title, (head, rows) in tables.items():
        table = Table(title=f"Python {results['python']}: {title}", title_justify="left")
        for index, column in enumerate(head):
            table.add_column(column, justify="right" if index else "left")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for contender in results["missing"]:
        console.print(f"{NAMES[contender]} was not measured, as it cannot be installed")
    console.print(f"measured in {results['seconds']} s; ~ marks what differs by more than 10 % between repeats\n")


def show_gates(results: dict[str, Any]) -> bool:
    """Print which limits hold, and return whether all do."""
    head, rows = gates(results)
    table = Table(*head, title=f"Python {results['python']}: limits", title_justify="left")
    for row in rows:
        table.add_row(*row, style="red" if row[-1] == MISSED else None)
    console = Console(width=120)
    console.print(table)
    if results["memory"]["grows"]:
        console.print("memory grows", style="red")
    return not results["memory"]["grows"] and all(row[-1] != MISSED for row in rows)


def markdown(head: list[str], rows: Rows) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def write(all_results: list[dict[str, Any]]) -> None:
    """Put the tables into the README."""
    parts: list[str] = []
    for results in all_results:
        figures = by_name(results)
        versions = ", ".join(
            f"{name} {results['versions'][name]}"
            for name in ("anyio", "trio", "msgspec", "pydantic", "rodi")
            if name in results["versions"]
        )
        others = ", ".join(
            f"{NAMES.get(name, name)} {version}"
            for name, version in sorted(results["versions"].items())
            if version and name in NAMES
        )
        missing = "".join(f" {NAMES[name]} cannot be installed." for name in results["missing"])
        parts += [
            f"### Python {results['python']}",
            f"{about(results)} {versions}; {others}.{missing}",
            markdown(*dispatch(figures)),
            markdown(*comparison(figures)),
            markdown(*gates(results)),
            markdown(*memory(results)),
        ]
    replace("results", "\n\n".join(parts))


def replace(name: str, text: str, path: Path = HERE / "README.md") -> None:
    """Put a text between the marks of this name in the README.

    Raises:
        ValueError: It has no such marks.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, found_begin, rest = path.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"{path.name} needs the lines {begin.strip()} and {end.strip()}, in this order")
    path.write_text(f"{before}{begin}\n{text}\n\n{end}{after}", encoding="utf-8")
