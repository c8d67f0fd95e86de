"""Write the tables in docs/settings.md from the models in diator.settings.

    python tools/settings_table.py            write the tables
    python tools/settings_table.py --check    change nothing; print what is stale, and exit 1

A table stands between ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``, where NAME is one of TABLES.
"""

import argparse
import difflib
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from diator.settings import DiatorSettings
from diator.settings.options import MemoryOptions
from diator.settings.problems import variable

ROOT = Path(__file__).resolve().parent.parent
PAGE = Path("docs", "settings.md")
KINDS = {"boolean": "true or false", "integer": "whole number", "number": "number", "string": "text"}
LIMITS = {"minimum": "at least {:g}", "exclusiveMinimum": "more than {:g}"}


def _kind(schema: dict[str, Any]) -> str:
    """What a field takes, in words."""
    schema = next((choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"), schema)
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if schema.get("format") == "password":
        return "secret"
    limits = [text.format(schema[limit]) for limit, text in LIMITS.items() if limit in schema]
    return ", ".join([KINDS[schema["type"]], *limits])


def _default(schema: dict[str, Any]) -> str:
    default = schema["default"]
    if default is None:
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _table(first: str, rows: Iterator[str]) -> str:
    return "\n".join([f"| {first} | takes | default | |", "|---|---|---|---|", *rows])


def _rows(model: Any, name: Callable[[str], str]) -> Iterator[str]:
    for field, schema in model.model_json_schema().get("properties", {}).items():
        cells = (f"`{name(field)}`", _kind(schema), _default(schema), schema["description"])
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _variables() -> Iterator[str]:
    for section, field in DiatorSettings.model_fields.items():
        yield from _rows(field.annotation, partial(_variable, section))


def _variable(section: str, field: str) -> str:
    return variable(DiatorSettings, (section, field))


TABLES: dict[str, Callable[[], str]] = {
    "variables": lambda: _table("variable", _variables()),
    "memory": lambda: _table("option", _rows(MemoryOptions, str)),
}


def render(page: str) -> str:
    """Put the tables into the text of the page.

    Raises:
        ValueError: The page has no place for one of them.
    """
    for name, table in TABLES.items():
        begin, end = (f"<!-- {name}: {edge} -->" for edge in ("begin", "end"))
        before, found_begin, rest = page.partition(begin)
        _, found_end, after = rest.partition(end)
        if not (found_begin and found_end):
            raise ValueError(f"the page needs the lines {begin} and {end}, in this order")
        page = f"{before}{begin}\n{table()}\n{end}{after}"
    return page


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the tables; return 0, or 1 if the page is stale."""
    parser = argparse.ArgumentParser(description="Write the tables in docs/settings.md.")
    parser.add_argument("--check", action="store_true", help="change nothing; print what is stale and exit 1")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project's directory")
    options = parser.parse_args(arguments)
    path = options.root / PAGE
    old = path.read_text(encoding="utf-8")
    new = render(old)
    if new == old:
        return 0
    if options.check:
        print("".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), PAGE.as_posix(), "generated")))
        print(f"{PAGE.as_posix()} is stale: run `python tools/settings_table.py`")
        return 1
    path.write_text(new, encoding="utf-8", newline="\n")
    print(f"{PAGE.as_posix()}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
