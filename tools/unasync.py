"""Generate the blocking side from the async one: diator/aio -> diator/sync and tests/aio -> tests/sync.

    python tools/unasync.py            write the generated files
    python tools/unasync.py --check    change nothing; print what is stale, and exit 1

Exit 2 means that a source holds something this script refuses, for it never guesses; it says where, and what to do.
The edits are made on the source text, so comments and layout survive; ruff then formats and drops unused imports.

What it rewrites
    keywords        `async` and `await` go.
    names           RENAMES below: `__aenter__`, `AsyncIterator`, `aclose`, ... and the package `aio` itself.
    types           `Awaitable[T]` and `Coroutine[Any, Any, T]` become `T`, `AsyncGenerator[Y, S]` becomes
                    `Generator[Y, S, None]`; in quoted annotations too.
    strings         the module paths `diator.aio...` and `tests.aio...`, nothing else.
    prose           docstrings and comments: code samples lose `async` and `await`, names and module paths change.

How a source says that the sides differ
    if ASYNC:       only its `else` branch is generated, or nothing; so too with `x if ASYNC else y`. ASYNC comes from
                    diator._runtime.aio.concurrency; elsewhere it is a plain bool, False on the blocking side.
    @async_only     the whole definition is left out, with the comment directly above it.
    # unasync: keep at the end of a line: the comment, and the strings or the docstring that end on this line, speak of
                    both sides. They are copied as they stand and not checked.
    phrases         "`async def`" (a kind of handler), "asyncio and trio" and "asyncio or trio" hold on both sides.

What differs more than that belongs in the hand-written twins diator/_runtime/aio and diator/_runtime/sync, under one
name; anyio, asyncio and trio appear only there. In the tests, conftest.py is such a twin; test_async_only_*.py is not
generated, and test_sync_only_*.py is written by hand.
"""

import argparse
import ast
import difflib
import io
import json
import re
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar


@dataclass(frozen=True)
class Tree:
    """A directory of sources and the one generated from it; the other fields are patterns of file names."""

    source: str
    target: str
    twins: str = ""
    source_only: str = ""
    target_only: str = ""


TREES = (
    Tree("diator/aio", "diator/sync"),
    Tree("tests/aio", "tests/sync", "conftest.py", "test_async_only_*.py", "test_sync_only_*.py"),
)
HEADER = "# Generated from {source} by tools/unasync.py. Do not edit: edit the source and run it again.\n"
RENAMES = {
    "AbstractAsyncContextManager": "AbstractContextManager",
    "AsyncExitStack": "ExitStack",
    "AsyncGenerator": "Generator",
    "AsyncIterable": "Iterable",
    "AsyncIterator": "Iterator",
    "StopAsyncIteration": "StopIteration",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
    "aclosing": "closing",
    "aio": "sync",
    "aiter": "iter",
    "anext": "next",
    "asynccontextmanager": "contextmanager",
    "enter_async_context": "enter_context",
    "push_async_callback": "callback",
    "push_async_exit": "push",
}
UNWRAPPED = {"Awaitable": 1, "Coroutine": 3}  # the number of arguments; the last one stays
LIBRARIES = ("anyio", "asyncio", "sniffio", "trio")
REFUSED_NAMES = {
    **dict.fromkeys(UNWRAPPED, "has a twin only with its arguments in brackets"),
    **dict.fromkeys(LIBRARIES, "belongs in diator/_runtime: offer what you need there, under one name on both sides"),
    "async_only": "may only be a decorator, without arguments",
}
LEFTOVER_NAME = re.compile(r"_*(async|Async|aclos|aenter|aexit)|__await__$")

OWN_PACKAGE = r"(?:diator|tests)(?:\._runtime)?"  # whose `aio` has a `sync` beside it
OWN_AIO = re.compile(rf"(?<![\w.]){OWN_PACKAGE}\.$|^\s*from ({OWN_PACKAGE}|\.[\w.]*)( import [\w, ]*)?$")
ASYNC_PATH = re.compile(rf"(?<![\w.])({OWN_PACKAGE})\.aio\b")
SYNC_PATH = re.compile(rf"(?<![\w.]){OWN_PACKAGE}\.sync\b")
ASYNC_TYPE = re.compile(r"\b(Awaitable|Coroutine|Async\w+)\[")
STRING = re.compile(r"\w*(\"{3}|'{3}|\"|')(.*)\1", re.DOTALL)
PLAIN_STRING = re.compile(r"([\"'])([^\\\n]*)\1")

KEEP = re.compile(r"#\s*unasync: keep\b")
CODE_ASYNC = re.compile(r"\b(?:([Aa])n )?async (?=with\b|for\b|def \w+\s*[\[(])")
CODE_AWAIT = re.compile(r"\bawait (?=\(?[\w.]+[\[(])")
CODE_NAME = re.compile(rf"\b({'|'.join(sorted(set(RENAMES) - {'aio'}))})\b")
PHRASE = re.compile(r"(``?)async def\1|\b(asyncio|trio)\s+(and|or)\s+(asyncio|trio)\b")
LEFTOVER_WORD = re.compile(
    rf"\b(async|asynchronous(ly)?|await(s|ed|ing|ables?)?|aio|{'|'.join(LIBRARIES)})\b|__await__", re.IGNORECASE
)

Edit = tuple[int, int, str]
Node = TypeVar("Node", bound=ast.AST)


class Refused(Exception):
    """What cannot be generated: lines of ``path:line: message``."""


class Source:
    """A source text whose places are character offsets; collects what is refused in it."""

    def __init__(self, path: str, text: str, first_line: int = 1) -> None:
        self.path, self.text, self.first_line = path, text, first_line
        self.refusals: set[tuple[int, str]] = set()
        self.lines = text.split("\n")
        self.starts = [0, *accumulate(len(line) + 1 for line in self.lines)]
        self.nodes = list(_walk(ast.parse(text)))
        tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.string.strip()]
        self.tokens = [(self._offset(token.start), self._offset(token.end), token) for token in tokens]
        self.kept_lines = {t.start[0] for t in tokens if t.type == tokenize.COMMENT and KEEP.search(t.string)}
        self.drops: list[Edit] = []

    def _offset(self, place: tuple[int, int]) -> int:
        return self.starts[place[0] - 1] + place[1]

    def refuse(self, line: int, message: str) -> None:
        self.refusals.add((self.first_line + line - 1, message))

    def span(self, node: Any) -> tuple[int, int]:
        """Where a node is; ast counts columns in bytes."""
        places = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
        start, end = (self._offset((ln, len(self.lines[ln - 1].encode()[:col].decode()))) for ln, col in places)
        return start, end

    def spans(self, *kinds: type[ast.AST]) -> list[tuple[int, int]]:
        return [self.span(node) for node in self.nodes if isinstance(node, kinds)]

    def is_live(self, start: int) -> bool:
        return not _within(start, [(a, b) for a, b, _ in self.drops])

    def live(self, kind: type[Node]) -> Iterator[Node]:
        """Walk the nodes of a kind that the blocking side has."""
        return (n for n in self.nodes if isinstance(n, kind) and (kind is ast.Module or self.is_live(self.span(n)[0])))


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Walk the tree, but not into f-strings: before Python 3.12 the places inside them are wrong."""
    yield node
    if not isinstance(node, ast.JoinedStr):
        for child in ast.iter_child_nodes(node):
            yield from _walk(child)


def _within(offset: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= offset < end for start, end in spans)


def _last_name(node: ast.AST) -> str:
    return getattr(node, "id", "") or getattr(node, "attr", "")


# --- what the blocking side does not have


def _is_switch(node: ast.AST) -> bool:
    return isinstance(node, ast.If | ast.IfExp) and isinstance(node.test, ast.Name) and node.test.id == "ASYNC"


def _vanishes(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return _is_switch(node) and not node.orelse
    return any(isinstance(d, ast.Name) and d.id == "async_only" for d in getattr(node, "decorator_list", ()))


def _drops(source: Source) -> Iterator[Edit]:
    """Remove async-only definitions and branches; a body that loses every statement gets a ``pass``."""
    for node in source.nodes:
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            body = body if isinstance(body, list) else []
            gone = list(filter(_vanishes, body))
            for statement in gone:
                is_all = statement is gone[-1] and len(gone) == len(body) and not isinstance(node, ast.Module)
                yield *_whole(source, statement), f"{' ' * statement.col_offset}pass\n" if is_all else ""
        if isinstance(node, ast.If) and _is_switch(node):
            yield from _switch(source, node)
        elif isinstance(node, ast.IfExp) and _is_switch(node):
            yield from _keep_only(source, node, node.orelse)


def _keep_only(source: Source, node: ast.expr, part: ast.expr) -> Iterator[Edit]:
    """Reduce an expression to a part of it."""
    (start, end), (part_start, part_end) = source.span(node), source.span(part)
    several_lines = "\n" in source.text[part_start:part_end]
    yield start, part_start, "(" if several_lines else ""
    yield part_end, end, ")" if several_lines else ""


def _whole(source: Source, node: Any) -> tuple[int, int]:
    """Where a statement is with its decorators and the comment directly above it."""
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    while first > 1 and source.lines[first - 2].startswith(" " * node.col_offset + "#"):
        first -= 1
    return source.starts[first - 1], source.starts[node.end_lineno]


def _switch(source: Source, node: ast.If) -> Iterator[Edit]:
    """Turn ``if ASYNC: ... else: body`` into ``body``."""
    if any(re.match(r"elif\b", source.text[source.span(n)[0] :]) for n in [node, *node.orelse]):
        source.refuse(node.lineno, "`if ASYNC` cannot have or be an `elif`: nest an `if` in a branch")
    elif any(isinstance(n, ast.If) and _is_switch(n) for statement in node.orelse for n in ast.walk(statement)):
        source.refuse(node.lineno, "`if ASYNC` cannot be inside the `else` of another one, where it is never true")
    elif node.orelse:
        after, before = source.span(node.body[-1])[1], source.span(node.orelse[0])[0]
        line = next(t.start[0] for a, _, t in source.tokens if t.string == "else" and after <= a < before)
        if line == node.orelse[0].lineno:
            yield source.span(node)[0], before, ""
        else:
            yield source.starts[node.lineno - 1], source.starts[line], ""
            yield from _dedent(source, line + 1, node.orelse[-1], node.orelse[0].col_offset - node.col_offset)


def _dedent(source: Source, first: int, last: ast.stmt, shift: int) -> Iterator[Edit]:
    """Move lines to the left; those inside a string stay, for the edit of the string covers them."""
    for line in range(first, (last.end_lineno or first) + 1):
        start, text = source.starts[line - 1], source.lines[line - 1]
        yield start, start + min(shift, len(text) - len(text.lstrip(" "))), ""


# --- types


def _types(source: Source) -> Iterator[Edit]:
    for node in source.live(ast.Subscript):
        name = _last_name(node.value)
        arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if len(arguments) == UNWRAPPED.get(name):
            yield from _keep_only(source, node, arguments[-1])
        elif name == "AsyncGenerator" and len(arguments) == 2:
            end = source.span(arguments[-1])[1]
            yield end, end, ", None"


def _quoted_types(source: Source) -> set[int]:
    """Return where the strings in annotations and casts begin."""
    types = [getattr(node, field, None) for node in source.nodes for field in ("annotation", "returns")]
    types += [n.args[0] for n in source.nodes if isinstance(n, ast.Call) and n.args and _last_name(n.func) == "cast"]
    return {source.span(string)[0] for node in types if node for string in _type_strings(node)}


def _type_strings(node: ast.AST) -> Iterator[ast.Constant]:
    if isinstance(node, ast.Constant):
        yield node
    if not isinstance(node, ast.Subscript) or _last_name(node.value) != "Literal":
        for child in ast.iter_child_nodes(node):
            yield from _type_strings(child)


# --- keywords, names, strings and prose


def _tokens(source: Source) -> Iterator[Edit]:
    statements = [node.value for node in source.nodes if isinstance(node, ast.Expr)]
    docstrings = [source.span(node) for node in statements if isinstance(node, ast.Constant)]
    f_strings, imports = source.spans(ast.JoinedStr), source.spans(ast.Import, ast.ImportFrom)
    quoted = _quoted_types(source)
    for start, end, token in source.tokens:
        line, text, is_import = token.start[0], token.string, _within(start, imports)
        if is_import and text in LIBRARIES:  # in async-only code too
            source.refuse(line, f"{text} {REFUSED_NAMES[text]}")
        elif _within(start, f_strings) or not source.is_live(start):
            continue
        elif token.type == tokenize.NAME:
            yield _name(source, start, end, is_import=is_import)
        elif token.end[0] in source.kept_lines:
            yield start, end, text
        elif token.type == tokenize.COMMENT or _within(start, docstrings):
            yield start, end, _prose(source, line, text)
        elif token.type == tokenize.STRING:
            yield start, end, _quoted_type(source, line, text) if start in quoted else _string(source, line, text)


def _name(source: Source, start: int, end: int, *, is_import: bool) -> Edit:
    """Return the edit that gives a name its twin; refuse a name that has none."""
    name = source.text[start:end]
    line = source.text.count("\n", 0, start) + 1
    if name in ("async", "await"):
        return start, re.compile(" *").match(source.text, end).end(), ""  # type: ignore[union-attr]
    before, after = source.text[source.starts[line - 1] : start], source.text[end:]
    if name == "aio" and not OWN_AIO.search(before) and (before.endswith(".") or not after.startswith(".")):
        source.refuse(line, "this aio is not the project's package: use another name, or diator._runtime")
    unused_later = is_import and not after.startswith(" as ")  # ruff drops an import that lost its last use
    if name in REFUSED_NAMES and not unused_later:
        source.refuse(line, f"{name} {REFUSED_NAMES[name]}")
    elif LEFTOVER_NAME.match(name) and name not in (*RENAMES, *REFUSED_NAMES):
        source.refuse(line, f"{name} has no blocking twin: rename it, or add a standard name to RENAMES")
    return start, end, RENAMES.get(name, name)


def _prose(source: Source, line: int, text: str) -> str:
    """Rewrite a docstring or a comment; refuse it if it would still speak of the async side."""
    text = CODE_ASYNC.sub(lambda found: f"{found[1]} " if found[1] else "", _module_paths(source, line, text))
    text = CODE_NAME.sub(lambda found: RENAMES[found[1]], CODE_AWAIT.sub("", text))
    rest = PHRASE.sub(lambda phrase: re.sub(r"\w", "-", phrase[0]), text)
    for found in LEFTOVER_WORD.finditer(rest):
        advice = "reword it, or if it holds on both sides end the last line with `# unasync: keep`"
        source.refuse(line + rest.count("\n", 0, found.start()), f"the text would still say {found[0]!r}: {advice}")
    return text


def _string(source: Source, line: int, text: str) -> str:
    content = STRING.fullmatch(text)
    if content and (content[2] in RENAMES or ASYNC_TYPE.search(content[2])):
        advice = "avoid the string, or if it holds on both sides end the line with `# unasync: keep`"
        source.refuse(line, f"{text} would keep its async name: {advice}")
    return _module_paths(source, line, text)


def _quoted_type(source: Source, line: int, text: str) -> str:
    plain = PLAIN_STRING.fullmatch(text)
    try:
        inner = Source(source.path, plain[2] if plain else "", source.first_line + line - 1)
    except SyntaxError:
        plain = None
    if plain is None:
        return _string(source, line, text)
    result = _rewrite(inner)
    source.refusals |= inner.refusals
    return f"{plain[1]}{result}{plain[1]}"


def _module_paths(source: Source, line: int, text: str) -> str:
    if ASYNC_PATH.search(text) and SYNC_PATH.search(text):
        source.refuse(line, "the text names both sides: end its last line with `# unasync: keep`")
    return ASYNC_PATH.sub(r"\1.sync", text)


def _f_strings(source: Source) -> Iterator[Edit]:
    """Change module paths, as in other strings; refuse whatever else would need an edit."""
    for node in source.live(ast.JoinedStr):
        names = {getattr(inner, field, None) for inner in ast.walk(node) for field in ("id", "attr", "arg")}
        names |= {"await" for inner in ast.walk(node) if isinstance(inner, ast.Await)}
        names |= {"async for" for inner in ast.walk(node) if isinstance(inner, ast.comprehension) and inner.is_async}
        for name in filter(None, names):
            if name in (*RENAMES, *REFUSED_NAMES, "await") or LEFTOVER_NAME.match(name):
                source.refuse(node.lineno, f"{name} in an f-string: give the value a name on a line before")
        start, end = source.span(node)
        text = source.text[start:end]
        yield start, end, text if node.end_lineno in source.kept_lines else _module_paths(source, node.lineno, text)


# --- constructs that would come out wrong


def _refuse_constructs(source: Source) -> None:
    idle = "without `await` this does nothing: await a call, or put it under `if ASYNC:`"
    for node in source.live(ast.stmt):
        match node:
            case ast.AsyncFor(orelse=[_, *_]):
                source.refuse(node.lineno, "`else` on `async for` is not handled: write it another way")
            case ast.Expr(value=ast.Await(value=awaited)) if not isinstance(awaited, ast.Call):
                source.refuse(node.lineno, idle)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Await(value=ast.Name(id=awaited))) if (
                name == awaited
            ):
                source.refuse(node.lineno, idle)
            case ast.ClassDef(body=body):
                _refuse_collisions(source, body)
    for module in source.live(ast.Module):
        _refuse_collisions(source, module.body)


def _refuse_collisions(source: Source, body: list[ast.stmt]) -> None:
    names: dict[str, str] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not _vanishes(node):
            other = names.setdefault(RENAMES.get(node.name, node.name), node.name)
            if other != node.name:
                message = f"{node.name} and {other} would get one name: delete one, or put @async_only on it"
                source.refuse(node.lineno, message)


# --- one text


def _apply(text: str, edits: list[Edit]) -> str:
    """Make the edits; one that lies inside another goes with it."""
    result, position = [], 0
    for start, end, new in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if start >= position:
            result += [text[position:start], new]
            position = end
    return "".join([*result, text[position:]])


def _rewrite(source: Source) -> str:
    source.drops = list(_drops(source))
    _refuse_constructs(source)
    f_strings = list(_f_strings(source))
    source.drops += list(_types(source))
    return _apply(source.text, [*source.drops, *f_strings, *_tokens(source)])


def convert(path: str, text: str) -> str:
    """Return the blocking twin of a source, not yet formatted.

    Raises:
        Refused: The source holds something that has no blocking twin.
    """
    try:
        source = Source(path, text)
    except SyntaxError as error:
        raise Refused(f"{path}:{error.lineno}: {error.msg}") from error
    result = HEADER.format(source=path) + _rewrite(source)
    try:
        compile(result, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        source.refuse(1, f"what comes out does not compile: {error.msg}: {(error.text or '').strip()}")
    if source.refusals:
        raise Refused("\n".join(f"{path}:{line}: {message}" for line, message in sorted(source.refusals)))
    return result


# --- all files


def _sources(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the paths of every target and its source, relative to the root."""
    for tree in TREES:
        for path in sorted((root / tree.source).rglob("*.py")):
            target = f"{tree.target}/{path.relative_to(root / tree.source).as_posix()}"
            source = path.relative_to(root).as_posix()
            if fnmatch(path.name, tree.target_only):
                raise Refused(f"{source}:1: files of this name are written by hand in {tree.target}: rename it")
            if not fnmatch(path.name, tree.twins) and not fnmatch(path.name, tree.source_only):
                yield target, source


def _strays(root: Path, targets: set[str]) -> Iterator[str]:
    """Yield what is wrong beside the generated files: orphans, and twins without the other."""
    for tree in TREES:
        for path in sorted((root / tree.target).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if (
                not any(fnmatch(path.name, by_hand) for by_hand in (tree.twins, tree.target_only))
                and name not in targets
            ):
                yield f"{name}: orphan, without a source in {tree.source}: delete it"
        for here, there in ((tree.source, tree.target), (tree.target, tree.source)):
            for path in sorted((root / here).rglob("*.py")):
                twin = f"{there}/{path.relative_to(root / here).as_posix()}"
                if fnmatch(path.name, tree.twins) and not (root / twin).exists():
                    yield f"{twin}: missing: write it by hand, as the twin of the one in {here}"


def generate(root: Path) -> dict[str, str]:
    """Return the text of every generated file by its path, relative to the root.

    Raises:
        Refused: Some sources hold what cannot be generated; all of it is named.
    """
    sources = dict(_sources(root))
    if not sources:
        raise Refused(f"no sources in {root}: this is not the directory of the project")
    files, refusals = {}, []
    for target, path in sources.items():
        try:
            files[target] = convert(path, (root / path).read_text(encoding="utf-8"))
        except Refused as refused:
            refusals.append(str(refused))
    if not refusals:
        with tempfile.TemporaryDirectory() as scratch:
            files = _formatted(root, Path(scratch).resolve(), files)
            refusals = list(_errors(root, Path(scratch).resolve(), sources))
    if refusals:
        raise Refused("\n".join(refusals))
    return files


def _formatted(root: Path, scratch: Path, files: dict[str, str]) -> dict[str, str]:
    for name, text in files.items():
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        (scratch / name).write_text(text, encoding="utf-8")
    # I and F401 are about imports; the others tidy up after the rewriting: `T | T`, an empty `if TYPE_CHECKING:`
    _ruff(root, scratch, "check", "--fix-only", "--select", "I,F401,PYI016,TC005")
    _ruff(root, scratch, "format")
    return {name: (scratch / name).read_text(encoding="utf-8") for name in files}


def _errors(root: Path, scratch: Path, sources: dict[str, str]) -> Iterator[str]:
    """Yield names that lost their definition and unused imports that ruff leaves, at their first use in the source."""
    report = _ruff(root, scratch, "check", "--exit-zero", "--select", "F401,F821,F822", "--output-format", "json")
    for error in json.loads(report):
        source = sources[Path(error["filename"]).relative_to(scratch).as_posix()]
        name = re.search(r"(\w+)`", error["message"])
        before = re.split(rf"\b{name[1] if name else ''}\b", (root / source).read_text(encoding="utf-8"), maxsplit=1)[0]
        yield f"{source}:{before.count(chr(10)) + 1}: on the blocking side: {error['message']}"


def _ruff(root: Path, scratch: Path, *arguments: str) -> str:
    """Run ruff on the scratch tree with the project's configuration, and the project's packages as first party."""
    config = ["--no-cache", "--quiet", "--config", str(root / "pyproject.toml"), "--config", f"src = [{str(root)!r}]"]
    command = [sys.executable, "-m", "ruff", *arguments, *config, "."]
    done = subprocess.run(command, cwd=scratch, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise Refused(f"ruff failed; install the lint dependencies if it is missing\n{done.stderr or done.stdout}")
    return done.stdout


def _stale(root: Path, files: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the paths of the files that are not what they should be, with the difference."""
    for name, expected in files.items():
        found = (root / name).read_text(encoding="utf-8", errors="replace") if (root / name).exists() else None
        if found is None:
            yield name, f"{name}: missing\n"
        elif found != expected:
            lines = found.splitlines(keepends=True), expected.splitlines(keepends=True)
            yield name, "".join(difflib.unified_diff(*lines, f"{name} (found)", f"{name} (generated)"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the generated files; return 0, 1 if something is stale or stray, 2 if something is refused."""
    parser = argparse.ArgumentParser(description="Generate the blocking side from the async one.")
    parser.add_argument("--check", action="store_true", help="change nothing; print what is stale and exit 1")
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent, help="the project's directory")
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    try:
        files = generate(root)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    stale, strays = list(_stale(root, files)), list(_strays(root, set(files)))
    for name, difference in stale:
        if options.check:
            print(difference, end="")
        else:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(files[name], encoding="utf-8", newline="\n")
            print(f"{name}: written")
    for stray in strays:
        print(stray)
    if options.check and stale:
        print(f"{len(stale)} stale files: edit only the sources, then run `python tools/unasync.py`")
    return int(bool(strays) or (options.check and bool(stale)))


if __name__ == "__main__":
    sys.exit(main())
