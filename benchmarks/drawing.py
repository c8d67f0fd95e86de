"""The comparison as an SVG: how long each contender takes for one send, on a logarithmic axis."""

from math import log10
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from report import NAMES, by_name

WIDTH, LEFT, RIGHT, BAR, TOP = 760, 170, 80, 26, 76
NOTES = (
    "time per send on a logarithmic axis; a new handler each time, where the library can",
    "(rodi): this container builds the handler; diator 0.1.2 does not work without a container",
)
#: The case that is drawn: what all of them can do, in the way that comes first here.
CASES = ("new", "singleton", "model")
COLOURS = {"baseline_aio": "#8c959f", "diator_aio": "#1a7f37"}


def draw(all_results: list[dict[str, Any]], path: Path) -> None:
    """Draw the newest interpreter."""
    results = all_results[-1]
    path.write_text(svg(bars(results), f"One send on asyncio, Python {results['python']}"), encoding="utf-8")


def bars(results: dict[str, Any]) -> list[tuple[str, float, str]]:
    """Name, nanoseconds and colour of each contender; of diator also with the container that 0.1.2 has."""
    figures = by_name(results)
    drawn = [(contender, name, CASES) for contender, name in {"baseline_aio": "by hand", **NAMES}.items()]
    drawn.append(("diator_aio", "diator (rodi)", ("rodi",)))
    found: list[tuple[str, float, str]] = []
    for contender, name, cases in drawn:
        figure = next((f for case in cases if (f := figures.get((contender, "asyncio", case)))), None)
        if figure is not None:
            found.append((name, figure.best * 1e9, COLOURS.get(contender, "#57606a")))
    return sorted(found, key=lambda bar: bar[1])


def svg(bars: list[tuple[str, float, str]], title: str) -> str:
    """The text of the drawing.

    Args:
        bars: Name, nanoseconds and colour of each.
        title: What it shows.
    """
    least, most = 100.0, 10 ** (int(log10(bars[-1][1])) + 1)
    height = TOP + BAR * len(bars) + 30

    def x(nanoseconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * log10(max(nanoseconds, least) / least) / log10(most / least)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>text {{ font: 13px sans-serif; fill: #57606a }}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="26" style="font-size: 16px">{escape(title)}</text>',
        *(f'<text x="16" y="{44 + 18 * line}">{note}</text>' for line, note in enumerate(NOTES)),
    ]
    tick = least
    while tick <= most:
        lines += [
            f'<line x1="{x(tick):.0f}" x2="{x(tick):.0f}" y1="{TOP}" y2="{height - 26}" stroke="#d0d7de"/>',
            f'<text x="{x(tick):.0f}" y="{height - 10}" text-anchor="middle">{text(tick)}</text>',
        ]
        tick *= 10
    for index, (name, nanoseconds, colour) in enumerate(bars):
        y = TOP + BAR * index
        end = max(x(nanoseconds), LEFT + 2)
        lines += [
            f'<text x="{LEFT - 8}" y="{y + 17}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y + 4}" width="{end - LEFT:.0f}" height="{BAR - 8}" rx="2" fill="{colour}"/>',
            f'<text x="{end + 6:.0f}" y="{y + 17}">{text(nanoseconds)}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def text(nanoseconds: float) -> str:
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"
