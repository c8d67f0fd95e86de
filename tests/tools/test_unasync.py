"""The generator rewrites what it knows, refuses everything else, and notices every stale file."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "unasync.py"


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("unasync", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


unasync = _load()


def convert(source: str) -> str:
    """The blocking twin of a source, without the header."""
    header, _, body = unasync.convert("diator/aio/x.py", dedent(source)).partition("\n")
    assert header.startswith("# Generated from diator/aio/x.py by tools/unasync.py. Do not edit")
    return str(body)


def refusals(source: str) -> list[str]:
    with pytest.raises(unasync.Refused) as refused:
        convert(source)
    return str(refused.value).split("\n")


# --- what is rewritten


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def f(): return await g()", "def f(): return g()"),
        ("async def f(): x = [await g(), -await g(), (await g()).x]", "def f(): x = [g(), -g(), (g()).x]"),
        ("async def f():\n  async with a() as x, b(): pass", "def f():\n  with a() as x, b(): pass"),
        ("async def f():\n  async for x in y: pass", "def f():\n  for x in y: pass"),
        ("async def f(): return [x async for x in y if await g(x)]", "def f(): return [x for x in y if g(x)]"),
        ("async def f(): return (x async for x in y)", "def f(): return (x for x in y)"),
        ("async def f():\n  raise StopAsyncIteration", "def f():\n  raise StopIteration"),
        ("async def f(x): return await anext(aiter(x), None)", "def f(x): return next(iter(x), None)"),
        (
            "class A:\n  async def __aenter__(self): pass\n  async def __aexit__(self, *e): pass",
            "class A:\n  def __enter__(self): pass\n  def __exit__(self, *e): pass",
        ),
        (
            "class A:\n  def __aiter__(self): pass\n  async def __anext__(self): pass",
            "class A:\n  def __iter__(self): pass\n  def __next__(self): pass",
        ),
        (
            "@asynccontextmanager\nasync def f() -> AsyncIterator[int]: yield 1",
            "@contextmanager\ndef f() -> Iterator[int]: yield 1",
        ),
        ("x: AbstractAsyncContextManager[AsyncIterable[int]]", "x: AbstractContextManager[Iterable[int]]"),
        ("async def f(s): await s.enter_async_context(x)", "def f(s): s.enter_context(x)"),
        ("s = AsyncExitStack()\ns.push_async_exit(x)", "s = ExitStack()\ns.push(x)"),
        ("s.push_async_callback(x.aclose)", "s.callback(x.close)"),
        ("async def f():\n  async with aclosing(x): pass", "def f():\n  with closing(x): pass"),
        ("async def f():  # the reason\n\n  await  g( 1,2 )", "def f():  # the reason\n\n  g( 1,2 )"),
        ("async def f():\n  é = 'ü'; await g('ß', await h(é))  # ö", "def f():\n  é = 'ü'; g('ß', h(é))  # ö"),
        (
            "async def f():\n  x = f'ü{é}ß{{'; await g(f'{x!r:>{é}}', await h())",
            "def f():\n  x = f'ü{é}ß{{'; g(f'{x!r:>{é}}', h())",
        ),
    ],
)
def test_keywords_and_standard_names_get_their_blocking_twins(source: str, expected: str) -> None:
    assert convert(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from diator.aio.mediator import Mediator", "from diator.sync.mediator import Mediator"),
        ("from diator import aio\naio.Mediator()", "from diator import sync\nsync.Mediator()"),
        ("import diator.aio\ndiator.aio.Mediator()", "import diator.sync\ndiator.sync.Mediator()"),
        ("from diator._runtime.aio.concurrency import gather", "from diator._runtime.sync.concurrency import gather"),
        ("from .._runtime.aio.concurrency import gather", "from .._runtime.sync.concurrency import gather"),
        ("from tests.aio.conftest import run", "from tests.sync.conftest import run"),
        ("patch('diator.aio.mediator.Mediator')", "patch('diator.sync.mediator.Mediator')"),
        (
            "raise Error(f'import it from diator.aio, not {name}')",
            "raise Error(f'import it from diator.sync, not {name}')",
        ),
    ],
)
def test_module_paths_name_the_other_side(source: str, expected: str) -> None:
    assert convert(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        'Mediator(requests, sync="thread")',
        "aiohttp = audio = my_aio = aio_x = is_async = run_async = 1",
        "x = 'await the async generator of asyncio, in my.diator.aio and diator.aiox'",
        "x = rb'await', 'asyncio', f'{x} await async for aclose'",
        "backend: Literal['asyncio', 'trio']",
        "Form.ASYNC",
        "foreign = spec.is_async is not ASYNC",
        "x = f'{y if ASYNC else z}'",
        "if x:\n    y = f'''ü\n{y if ASYNC else z:>{a if ASYNC else b}}'''",
        "def test_aclose_waits_for_anyio_backend(anyio_backend): pass",
        "def anyone(): '''A sync function: an awaitress, a trial.'''",
    ],
)
def test_what_only_looks_async_stays(source: str) -> None:
    assert convert(source) == source


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f() -> Awaitable[int]: pass", "def f() -> int: pass"),
        ("def f() -> Coroutine[Any, Any, R]: pass", "def f() -> R: pass"),
        ("def f() -> typing.Awaitable[R]: pass", "def f() -> R: pass"),
        ("Next = Callable[[Req], Awaitable[Awaitable[Res] | None]]", "Next = Callable[[Req], Res | None]"),
        ("x: Callable[[], Coroutine[Any, Any, AsyncIterator[int]]]", "x: Callable[[], Iterator[int]]"),
        ("x: AsyncGenerator[Awaitable[int], str]", "x: Generator[int, str, None]"),
        ("x: AsyncGenerator[int]", "x: Generator[int]"),
        ("x: Awaitable[\n  int\n]", "x: int"),
        ("x: Awaitable[Callable[\n  [], int]]", "x: (Callable[\n  [], int])"),
        ("def f(x: 'Awaitable[int]') -> \"AsyncIterator[Res]\": pass", "def f(x: 'int') -> \"Iterator[Res]\": pass"),
        ("x: list['Coroutine[Any, Any, A | B]']", "x: list['A | B']"),
        ("x = cast('Awaitable[int]', y)", "x = cast('int', y)"),
        ("x: Annotated[int, 'not a type']", "x: Annotated[int, 'not a type']"),
    ],
)
def test_awaitable_types_become_what_they_give(source: str, expected: str) -> None:
    assert convert(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("if ASYNC:\n  x = 1\nelse:\n  x = 2\n", "x = 2\n"),
        ("if ASYNC: x = 1\nelse: x = 2\n", "x = 2\n"),
        ("if ASYNC:\n  x = 1\ny = 1\n", "y = 1\n"),
        ("x = a if ASYNC else b", "x = b"),
        ("x = (await_it if ASYNC else (\n  b +\n  c))", "x = ((b +\n  c))"),
        ("def f():\n  if ASYNC:\n    x = 1\n", "def f():\n  pass\n"),
        ("if x:\n  y = 1\nelse:\n  # why\n  if ASYNC:\n    x = 1\n", "if x:\n  y = 1\nelse:\n  pass\n"),
        ("if ASYNC:\n  x = 1\nelse:  # a\n  # why\n  if y:\n    x = 2\n", "# why\nif y:\n  x = 2\n"),
        ("if ASYNC:\n  pass\nelse:\n  @a\n  def f(): pass\n", "@a\ndef f(): pass\n"),
        ("if ASYNC:\n  if ASYNC:\n    x = 1\n  else:\n    x = 2\nelse:\n  x = 3\n", "x = 3\n"),
        ("if ASYNC:\n  pass\nelse:\n  x = '''\n  as it is'''\n", "x = '''\n  as it is'''\n"),
        ("if ASYNC:\n  pass\nelse:\n  x = '''\n  y'''  # unasync: keep", "x = '''\n  y'''  # unasync: keep"),
        ("if ASYNC:\n  pass\nelse:\n  x = f'''\n  {y}'''  # unasync: keep", "x = f'''\n  {y}'''  # unasync: keep"),
        ("class A:\n  # why\n  @async_only\n  async def f(self): pass\n  x = 1\n", "class A:\n  x = 1\n"),
        ("class A:\n  @async_only\n  async def f(self): pass\n", "class A:\n  pass\n"),
        ("@other\n@async_only\nclass A:\n  def __await__(self): pass\nx = 1\n", "x = 1\n"),
        (
            "class A:\n  @async_only\n  def close(self): pass\n  def aclose(self): pass\n",
            "class A:\n  def close(self): pass\n",
        ),
    ],
)
def test_the_blocking_side_has_only_its_own_branches_and_definitions(source: str, expected: str) -> None:
    assert convert(source) == expected


def test_docstrings_and_comments_speak_of_the_blocking_side() -> None:
    source = '''
    """Use it with an async with block: ``async with Mediator() as m: await m.send(x)``.

    It lives in diator.aio.mediator; ``aclose`` closes it, ``__aenter__`` opens it.
        async for x in y: ...
        async def handle(self): return [await self.call(x)]
    An ``async def`` handler runs on asyncio or trio.
    """
    x = 1  # await f(x) first, then aclose
    """The attribute that async with gives."""
    '''
    assert convert(source) == dedent('''
    """Use it with a with block: ``with Mediator() as m: m.send(x)``.

    It lives in diator.sync.mediator; ``close`` closes it, ``__enter__`` opens it.
        for x in y: ...
        def handle(self): return [self.call(x)]
    An ``async def`` handler runs on asyncio or trio.
    """
    x = 1  # f(x) first, then close
    """The attribute that with gives."""
    ''')


@pytest.mark.parametrize(
    "source",
    [
        '"""Both diator.aio and\ndiator.sync await."""  # unasync: keep\n',
        "x = 1  # asyncio is faster  # unasync: keep\n",
        "x = getattr(y, 'aclose')  # unasync: keep\n",
        "x = f'diator.aio and diator.sync {y}'  # unasync: keep\n",
    ],
)
def test_a_marked_text_is_copied_as_it_stands(source: str) -> None:
    assert convert(source) == source


def test_the_marker_keeps_no_code() -> None:
    assert convert("async def f(): await g()  # unasync: keep") == "def f(): g()  # unasync: keep"
    assert refusals("import anyio  # unasync: keep")


# --- what is refused


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("async def f():\n  return f'{await g()}'", ":2: await in an f-string"),
        ("x = [\n  f'{y.aclose}']", ":2: aclose in an f-string"),
        ("async def f(): return f'{[x async for x in y]}'", ":1: async for in an f-string"),
        ("f'{asyncio}'", ":1: asyncio in an f-string"),
        ("x = 1\n\ny: Awaitable", ":3: Awaitable has a twin only with its arguments"),
        ("isinstance(x, Coroutine)", ":1: Coroutine has a twin only"),
        ("x: Coroutine[int]", ":1: Coroutine has a twin only"),
        ("from collections.abc import Awaitable as A", ":1: Awaitable has a twin only"),
        ("x: 'Awaitable'", ":1: Awaitable has a twin only"),
        ("x = list['Awaitable[int]']", "would keep its async name"),
        ("hasattr(x, '__aenter__')", "'__aenter__' would keep its async name"),
        ("import anyio.abc", ":1: anyio belongs in diator/_runtime"),
        ("def f():\n  from redis.asyncio import Redis", ":2: asyncio belongs in diator/_runtime"),
        ("if ASYNC:\n  import trio", ":2: trio belongs in diator/_runtime"),
        ("sniffio.current_async_library()", ":1: sniffio belongs in diator/_runtime"),
        ("from x import async_things", ":1: async_things has no blocking twin"),
        ("class AsyncThing: pass", ":1: AsyncThing has no blocking twin"),
        ("def f(_async_x): pass", ":1: _async_x has no blocking twin"),
        ("x.aclose_all()", ":1: aclose_all has no blocking twin"),
        ("x.aenter()", ":1: aenter has no blocking twin"),
        ("def __await__(self): pass", ":1: __await__ has no blocking twin"),
        ("f(async_only=1)", ":1: async_only may only be a decorator"),
        ("@async_only()\ndef f(): pass", ":1: async_only may only be a decorator"),
        ("from azure.servicebus.aio import ServiceBusClient", ":1: this aio is not the project's package"),
        ("from azure.servicebus import aio", ":1: this aio is not"),
        ("self.aio.x()", ":1: this aio is not"),
        ("f(aio=1)", ":1: this aio is not"),
        ("async def f():\n  async for x in y: pass\n  else: pass", ":2: `else` on `async for`"),
        ("if ASYNC: pass\nelif x: pass", ":1: `if ASYNC` cannot have or be an `elif`"),
        ("if ASYNC: pass\nelse:\n  if ASYNC: pass\n  else: pass", ":1: `if ASYNC` cannot be inside the `else`"),
        ("if x: pass\nelif ASYNC: pass", ":2: `if ASYNC` cannot have or be an `elif`"),
        ("async def f(x):\n  await x", ":2: without `await` this does nothing"),
        ("async def f(x):\n  x = await x", ":2: without `await` this does nothing"),
        ("class A:\n  def close(self): pass\n  def aclose(self): pass", ":3: aclose and close would get one name"),
        ("def closing(): pass\ndef aclosing(): pass", ":2: aclosing and closing would get one name"),
        ("x = 'diator.aio or diator.sync'", ":1: the text names both sides"),
        ("x = f'{y} diator.aio or diator.sync'", ":1: the text names both sides"),
        ("def f(:", ":1: invalid syntax"),
        ("x = 1 if ASYNC else (y := 2)", ":1: what comes out does not compile: invalid syntax: x = y := 2"),
    ],
)
def test_what_has_no_obvious_twin_is_refused(source: str, reason: str) -> None:
    found = refusals(source)
    assert any(reason in line for line in found), found
    assert all(line.startswith("diator/aio/x.py:") for line in found)


@pytest.mark.parametrize(
    "text", ["await it", "an async thing", "awaits", "Asynchronously", "anyio", "asyncio", "Trio", "aio"]
)
@pytest.mark.parametrize("source", ['x = 1\n"""One.\n\n{}\n"""', "x = 1\n\n\n# {}", "x = 1\n\ndef f():\n  '''{}.'''"])
def test_prose_that_would_still_speak_of_the_async_side_is_refused(source: str, text: str) -> None:
    (line,) = refusals(source.format(text))
    assert line.startswith("diator/aio/x.py:4: the text would still say")
    assert "# unasync: keep" in line


def test_all_refusals_of_all_files_are_reported_at_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "diator/aio/one.py").write_text("import anyio\nx: Awaitable\n")
    (project / "diator/aio/two.py").write_text("import trio\n")
    assert run(project) == 2
    places = [line.split(": ")[0] for line in capsys.readouterr().err.splitlines()]
    assert places == ["diator/aio/one.py:1", "diator/aio/one.py:2", "diator/aio/two.py:1"]
    assert not (project / "diator/sync").exists()


SWITCHES = "from diator._runtime.aio.concurrency import ASYNC, async_only\n\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            '__all__ = ("f",)\n\n\n@async_only\ndef f(): pass\n',
            ":3: on the blocking side: Undefined name `f` in `__all__`",
        ),
        ("if ASYNC:\n    import math\n\nx = math.pi\n", ":4: on the blocking side: Undefined name `math`"),
    ],
)
def test_a_use_of_what_the_blocking_side_lost_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], source: str, reason: str
) -> None:
    (project / "diator/aio/one.py").write_text(SWITCHES + source)
    assert run(project) == 2
    assert f"diator/aio/one.py{reason}" in capsys.readouterr().err


def test_an_unused_import_that_ruff_leaves_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "diator/aio/__init__.py").write_text(
        '"""Doc."""\n\nfrom collections.abc import Awaitable\n\nx: Awaitable[int]\n'
    )
    assert run(project) == 2
    assert (
        "diator/aio/__init__.py:3: on the blocking side: `collections.abc.Awaitable` imported"
        in capsys.readouterr().err
    )


# --- whole files

SOURCE = '''\
"""A queue: ``await queue.get()``, on asyncio and trio."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from diator._runtime.aio.concurrency import ASYNC, async_only

if TYPE_CHECKING:
    from collections.abc import Coroutine

Step = Callable[[int], int | Awaitable[int]]


class Numbers:
    def __init__(self, step: Step) -> None:
        self._step = step

    @asynccontextmanager
    async def open(self, *, name: str = f"é{1!r:>{4}}é") -> AsyncIterator["AsyncIterator[int]"]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self)
            yield (await self.next(number, label="ünïcode") async for number in self.all())  # await each() at last

    @async_only
    async def cancel(self) -> None:
        """Cancel what asyncio runs."""

    async def next(self, number: int, *, label: str) -> int:
        if ASYNC:
            return await self._step(number)
        else:
            # why
            text = f"""{label}:
              {number}"""
            return self._step(len(text) - len(text) + number)

    def later(self) -> "Coroutine[object, object, int]":
        return self._step(1)
'''
TARGET = '''\
# Generated from diator/aio/numbers.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""A queue: ``queue.get()``, on asyncio and trio."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

Step = Callable[[int], int]


class Numbers:
    def __init__(self, step: Step) -> None:
        self._step = step

    @contextmanager
    def open(self, *, name: str = f"é{1!r:>{4}}é") -> Iterator["Iterator[int]"]:
        with ExitStack() as stack:
            stack.enter_context(self)
            yield (self.next(number, label="ünïcode") for number in self.all())  # each() at last

    def next(self, number: int, *, label: str) -> int:
        # why
        text = f"""{label}:
              {number}"""
        return self._step(len(text) - len(text) + number)

    def later(self) -> "int":
        return self._step(1)
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the real configuration and one source."""
    (tmp_path / "diator/aio").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "diator/aio/numbers.py").write_text(SOURCE, encoding="utf-8")
    return tmp_path


def run(project: Path, *arguments: str) -> int:
    status: int = unasync.main(["--root", str(project), *arguments])
    return status


def test_a_file_comes_out_formatted_and_without_unused_imports(project: Path) -> None:
    assert run(project) == 0
    assert (project / "diator/sync/numbers.py").read_text(encoding="utf-8") == TARGET


def test_the_generated_code_runs(project: Path) -> None:
    run(project)
    names: dict[str, Any] = {}
    exec((project / "diator/sync/numbers.py").read_text(encoding="utf-8"), names)
    base: Any = names["Numbers"]

    class Some(base):  # type: ignore[misc]
        def __enter__(self) -> None: ...
        def __exit__(self, *error: object) -> None: ...
        def all(self) -> list[int]:
            return [1, 2, 3]

    with Some(lambda number: number * 2).open() as numbers:
        assert list(numbers) == [2, 4, 6]


def _pythons() -> list[str]:
    """This interpreter, and the other supported ones that run here."""
    found = [shutil.which(f"python3.{minor}") for minor in (11, 12, 13)]
    runs = [
        path
        for path in found
        if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
    ]
    return [sys.executable, *runs]


# what the tokenizers of the Python versions see differently: f-strings, and characters of several bytes
TRICKY = '''\
async def f(é: "Awaitable[ü]") -> str:
    x = f"é{é!r:>{4}}é{{await}}", await g("ß"), "aio" f"{é} # diator.aio"  # ö await g()
    if ASYNC:
        return f"""{x}
        """
    else:
        y = f"""{x}
        """, await g(f"{f'{x}'}")
        return await y()
'''
TRICKY_TARGET = '''\
# Generated from diator/aio/x.py by tools/unasync.py. Do not edit: edit the source and run it again.
def f(é: "ü") -> str:
    x = f"é{é!r:>{4}}é{{await}}", g("ß"), "aio" f"{é} # diator.sync"  # ö g()
    y = f"""{x}
        """, g(f"{f'{x}'}")
    return y()
'''


@pytest.mark.parametrize("python", _pythons())
def test_the_rewriting_is_the_same_on_every_python(python: str) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import unasync; "
        "sys.stdout.buffer.write(unasync.convert('diator/aio/x.py', sys.stdin.buffer.read().decode()).encode())"
    )
    command = [python, "-B", "-c", program, str(SCRIPT.parent)]
    done = subprocess.run(command, input=TRICKY.encode(), capture_output=True, check=True)
    assert done.stdout.decode() == TRICKY_TARGET


def test_generating_twice_changes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(project)
    assert capsys.readouterr().out == "diator/sync/numbers.py: written\n"
    assert run(project) == 0
    assert run(project, "--check") == 0
    assert capsys.readouterr().out == ""


def test_check_shows_a_hand_edit_and_leaves_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(project)
    path = project / "diator/sync/numbers.py"
    edited = TARGET.replace("# why", "# why not")
    path.write_text(edited, encoding="utf-8")
    capsys.readouterr()
    assert run(project, "--check") == 1
    out = capsys.readouterr().out
    assert "--- diator/sync/numbers.py (found)\n+++ diator/sync/numbers.py (generated)\n" in out
    assert "-        # why not\n+        # why\n" in out
    assert path.read_text(encoding="utf-8") == edited


@pytest.mark.parametrize("addition", ["\n", "# more\n"])
def test_check_compares_files_to_their_end(project: Path, addition: str) -> None:
    run(project)
    with (project / "diator/sync/numbers.py").open("a", encoding="utf-8") as file:
        file.write(addition)
    assert run(project, "--check") == 1


def test_check_reports_a_missing_file_and_does_not_write_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(project, "--check") == 1
    assert "diator/sync/numbers.py: missing\n" in capsys.readouterr().out
    assert not (project / "diator/sync").exists()


@pytest.mark.parametrize("arguments", [("--check",), ()])
def test_an_orphan_is_reported(project: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    run(project)
    (project / "diator/sync/deep").mkdir()
    (project / "diator/sync/deep/old.py").touch()
    assert run(project, *arguments) == 1
    assert "diator/sync/deep/old.py: orphan, without a source in diator/aio" in capsys.readouterr().out


def test_tests_are_generated_except_twins_and_one_sided_ones(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for side, name in [("aio", "async"), ("sync", "sync")]:
        (project / f"tests/{side}").mkdir(parents=True)
        (project / f"tests/{side}/conftest.py").write_text(f"SIDE = '{side}'\nimport asyncio\n")
        (project / f"tests/{side}/test_{name}_only_cancel.py").write_text("import anyio\n")
    (project / "tests/aio/test_send.py").write_text(
        '"""Sending."""\n\nfrom tests.aio.conftest import SIDE\n\n\n'
        "async def test_it() -> None:\n    assert await send() == SIDE\n"
        "\n\nasync def send() -> str:\n    return SIDE\n"
    )
    assert run(project) == 0
    assert run(project, "--check") == 0
    assert sorted(path.name for path in (project / "tests/sync").iterdir()) == [
        "conftest.py",
        "test_send.py",
        "test_sync_only_cancel.py",
    ]
    generated = (project / "tests/sync/test_send.py").read_text()
    assert "from tests.sync.conftest import SIDE\n\n\ndef test_it() -> None:\n    assert send() == SIDE\n" in generated
    (project / "tests/sync/conftest.py").unlink()
    assert run(project, "--check") == 1
    assert "tests/sync/conftest.py: missing: write it by hand" in capsys.readouterr().out


def test_a_source_never_overwrites_a_test_written_by_hand(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "tests/aio").mkdir(parents=True)
    (project / "tests/aio/test_sync_only_x.py").touch()
    assert run(project) == 2
    assert "tests/aio/test_sync_only_x.py:1: files of this name are written by hand" in capsys.readouterr().err


def test_a_wrong_directory_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "--check") == 2
    assert "no sources in" in capsys.readouterr().err
