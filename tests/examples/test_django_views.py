"""Django views on real servers: no row escapes a rollback, and a commit keeps exactly the rows.

What counts as a row is what another connection can read after the answer.
"""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from tests.examples.django_site import EXAMPLE, ROOT, SERVERS, Database, Site, manage, running_site
from tests.servers.postgres import running_postgres

#: What each plan of `django_urls` writes, in order.
PLANS = {
    "handler": ["handler"],
    "async handler": ["async handler"],
    "event handler": ["event handler"],
    "async event handler": ["async event handler"],
    "middleware": ["middleware"],
    "async middleware": ["async middleware"],
    "generator middleware": ["generator middleware"],
    "all async": ["async handler", "async middleware", "async event handler"],
    "async inside": ["async handler", "generator middleware", "middleware", "async event handler", "event handler"],
    "async outside": [
        "handler",
        "middleware",
        "generator middleware",
        "async middleware",
        "event handler",
        "async event handler",
    ],
}


def make_sqlite(directory: Path) -> Database:
    return Database(
        {"ENGINE": "django.db.backends.sqlite3", "NAME": str(directory / "db.sqlite3"), "OPTIONS": {"timeout": 2}}
    )


def make_postgres(address: dict[str, str]) -> Database:
    return Database(
        {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": address["host"],
            "USER": address["user"],
            "NAME": address["dbname"],
        }
    )


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == "sqlite":
        database = make_sqlite(tmp_path_factory.mktemp("sqlite"))
        database.migrate()
        yield database
    else:
        with running_postgres() as address:
            database = make_postgres(address)
            database.migrate()
            yield database


@pytest.fixture(scope="module", params=SERVERS)
def site(
    request: pytest.FixtureRequest, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    log = tmp_path_factory.mktemp("site") / "log"
    with running_site(request.param, database, log) as site:
        yield site
    assert "unclosed database" not in log.read_text()


@pytest.fixture(scope="module")
def stock_site(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of its own for the stock runner, whose database connection nobody closes."""
    with running_site("gunicorn", database, tmp_path_factory.mktemp("stock") / "log") as site:
        yield site


def ask(
    site: Site, view: str, plan: str, *, end: str = "commit", runner: str = "django", first: str = ""
) -> tuple[int, list[str]]:
    """Let a view of `django_urls` work; return the status, and who has left a row."""
    tag = uuid4().hex
    query = urlencode({"tag": tag, "plan": plan, "runner": runner, "end": end, "first": first})
    status, _ = site.get(f"/{view}/?{query}")
    titles: list[str] = site.database.rows("SELECT title FROM meetings_meeting ORDER BY id")
    return status, [title.removeprefix(f"{tag} ") for title in titles if title.startswith(tag)]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("view", ["def", "async"])
def test_a_rollback_leaves_no_row_and_a_commit_leaves_them_all(site: Site, view: str, plan: str) -> None:
    assert ask(site, view, plan, end="rollback", first="write") == (200, [])
    assert ask(site, view, plan, first="write") == (200, ["view", *PLANS[plan]])


def test_concurrent_requests_keep_to_their_own_transactions(site: Site) -> None:
    if "postgresql" not in site.database.settings["ENGINE"]:
        plans = [("def", "all async", "commit")]  # SQLite lets one transaction write at a time
    else:
        plans = [(view, plan, end) for view in ("def", "async") for plan in PLANS for end in ("commit", "rollback")]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda plan: ask(site, plan[0], plan[1], end=plan[2]), plans))
    assert answers == [(200, PLANS[plan] if end == "commit" else []) for _, plan, end in plans]


@pytest.mark.parametrize("plan", ["async handler", "async event handler", "async middleware"])
def test_rows_of_async_code_escape_the_rollback_on_the_stock_runner(stock_site: Site, plan: str) -> None:
    assert ask(stock_site, "def", plan, end="rollback", runner="stock") == (200, PLANS[plan])


def test_the_stock_runner_locks_itself_out_on_sqlite_once_the_view_has_written(stock_site: Site) -> None:
    status, rows = ask(stock_site, "def", "async handler", end="rollback", runner="stock", first="write")
    if "sqlite3" in stock_site.database.settings["ENGINE"]:
        assert (status, rows) == (503, [])  # database is locked
    else:
        assert (status, rows) == (200, ["async handler"])


def test_below_an_event_loop_the_stock_runner_waits_for_the_thread_that_waits_for_it(
    database: Database, tmp_path: Path
) -> None:
    query = urlencode({"tag": "x", "plan": "async handler", "runner": "stock", "end": "commit", "first": ""})
    with running_site("uvicorn", database, tmp_path / "log") as site:
        assert site.get("/meetings/0/")[0] == 404
        try:
            with pytest.raises(TimeoutError):
                site.get(f"/def/?{query}", timeout=2)
        finally:
            site.process.kill()


def test_an_async_view_that_would_block_its_loop_is_refused_before_anything_runs(site: Site) -> None:
    tag = uuid4().hex
    assert site.get(f"/blocking-the-loop/?tag={tag}") == (503, {"error": "RunningLoopError"})
    assert not site.database.rows(f"SELECT title FROM meetings_meeting WHERE title LIKE '{tag}%'")


@pytest.mark.parametrize("path", ["/meetings/", "/meetings/async/"])
def test_the_example_keeps_all_of_a_meeting_or_nothing(site: Site, path: str) -> None:
    title = uuid4().hex
    full = {"title": title, "seats": 3, "names": ["Ada", "Bob", "Cleo", "Dan"]}
    before = count_rows(site)
    assert site.post(path, full) == (409, {"error": f"{title} has no seat for Dan"})
    assert count_rows(site) == before

    status, answer = site.post(path, {**full, "names": ["Ada", "Bob", "Cleo"]})
    assert status == 201
    assert count_rows(site) == [before[0] + 1, before[1] + 3, before[2] + 4]
    assert site.get(f"/meetings/{answer['id']}/") == (
        200,
        {
            "title": title,
            "participants": ["Ada", "Bob", "Cleo"],
            "notices": ["Welcome, Ada!", "Welcome, Bob!", "Only one seat is left.", "Welcome, Cleo!"],
        },
    )


def count_rows(site: Site) -> list[int]:
    tables = ("meeting", "participant", "notice")
    return [site.database.rows(f"SELECT count(*) FROM meetings_{table}")[0] for table in tables]


def test_the_example_answers_404_for_an_unknown_meeting(site: Site) -> None:
    assert site.get("/meetings/1000000/") == (404, {"error": "no such meeting"})


def test_the_example_is_in_order_with_its_own_settings(tmp_path: Path) -> None:
    example = shutil.copytree(EXAMPLE, tmp_path / "django_views", ignore=shutil.ignore_patterns("*.sqlite3"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    assert "No changes detected" in manage(example, environment, "makemigrations", "--check", "--dry-run")
    assert "no issues" in manage(example, environment, "check")
    assert "OK" in manage(example, environment, "migrate")
    assert (example / "db.sqlite3").exists()
