"""What only a database in a file can do: be locked, missing, in memory, or no database at all."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import event

from store.database import Database
from store.deliveries import Deliveries
from store.errors import DatabaseAwayError, DatabaseUnavailableError
from store.jobs import Jobs
from store.replays import Replays
from store.subscriptions import Subscriptions
from tracker.rules import replay
from tracker.rules.fanout import deliveries_of

from .builders import (
    ALL,
    NOW,
    RULES,
    attempt_due,
    lanes_of,
    longest_due,
    new_job,
    new_subscription,
    next_due_at,
    poll_due,
    subscription_id,
)
from .replaying import LATER, begun, step

OPEN = "import sys; from store.database import Database; Database.open(sys.argv[1]).close()"


@pytest.fixture
def unwritable_folder(tmp_path):
    """A folder that nobody can write to: root may write to all others."""
    if os.geteuid() == 0:
        return Path("/sys")
    tmp_path.chmod(0o500)
    return tmp_path


def pragma(name):
    return lambda connection: connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def open_in_another_process(url):
    return subprocess.run([sys.executable, "-c", OPEN, url], capture_output=True, text=True, check=False)  # noqa: S603 - the line above


async def test_file_that_another_program_keeps_locked_is_taken_for_away(sqlite_url, open_database, tmp_path):
    database = open_database(sqlite_url)
    await database.write(pragma("busy_timeout = 0"))
    with closing(sqlite3.connect(tmp_path / "tracker.db", isolation_level=None)) as program:
        program.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseAwayError):
            await database.write(pragma("user_version"))
        program.execute("ROLLBACK")
    assert await database.write(pragma("user_version")) == 0


@pytest.mark.parametrize(("name", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
async def test_writer_is_set_up_to_survive_a_power_cut_and_to_hold_references(sqlite_url, open_database, name, value):
    assert await open_database(sqlite_url).write(pragma(name)) == value


def test_second_opening_is_refused(sqlite_url, open_database):
    open_database(sqlite_url)
    with pytest.raises(DatabaseUnavailableError, match=r"tracker\.db is in use .* Stop that one first"):
        Database.open(sqlite_url)


def test_second_opening_by_another_name_is_refused(sqlite_url, open_database, tmp_path):
    open_database(sqlite_url)
    (tmp_path / "alias.db").symlink_to(tmp_path / "tracker.db")
    with pytest.raises(DatabaseUnavailableError, match="is in use"):
        Database.open(f"sqlite:///{tmp_path / 'alias.db'}")


def test_second_opening_by_another_process_is_refused(sqlite_url, open_database):
    open_database(sqlite_url)
    second = open_in_another_process(sqlite_url)
    assert second.returncode == 1
    assert "is in use by another Tracker process" in second.stderr


async def test_database_that_is_closed_by_another_thread_can_be_opened_again(sqlite_url, open_database):
    await asyncio.to_thread(open_database(sqlite_url).close)
    open_database(sqlite_url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("tracker.db", "'tracker.db' is not a database URL; use one like sqlite:///"),
        ("", "'' is not a database URL; use one like sqlite:///"),
        ("sqlite://", "'sqlite:///' is a database in memory, .* name a file"),
        ("sqlite:///:memory:", "'sqlite:///:memory:' is a database in memory, .* name a file"),
        ("sqlite:///file::memory:?uri=true", "must name a file and nothing else"),
        ("sqlite:///tracker.db?mode=ro", "must name a file and nothing else"),
        ("sqlite://tracker.db", "must name a file and nothing else"),
        ("sqlite://folder/tracker.db", "must name a file and nothing else"),
        ("mysql://host/tracker", "'mysql' databases are not supported; use one like"),
        ("sqlite+nonsense:///tracker.db", r"'sqlite\+nonsense' databases are not supported; use one like"),
    ],
)
def test_wrong_url_is_named_with_the_way_out(url, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatabaseUnavailableError, match=said):
        Database.open(url)
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(DatabaseUnavailableError, match=f"{tmp_path}/missing .* create it first"):
        Database.open(f"sqlite:///{tmp_path}/missing/tracker.db")


def test_folder_that_cannot_be_written_to_is_named(unwritable_folder):
    with pytest.raises(DatabaseUnavailableError, match=r"cannot be locked: .* Check that its folder is writable"):
        Database.open(f"sqlite:///{unwritable_folder}/tracker.db")


def test_folder_in_place_of_the_file_is_named(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(DatabaseUnavailableError, match=f"{tmp_path}/folder cannot be opened .* name another file"):
        Database.open(f"sqlite:///{tmp_path}/folder")


def test_file_that_is_no_database_is_named_and_left_as_it_is(sqlite_url, tmp_path):
    (tmp_path / "tracker.db").write_text("Dear diary, " * 100)
    with pytest.raises(DatabaseUnavailableError, match=r"tracker\.db cannot be opened .* name another file"):
        Database.open(sqlite_url)
    assert (tmp_path / "tracker.db").read_text() == "Dear diary, " * 100


def test_failed_opening_holds_no_lock(sqlite_url, open_database, tmp_path):
    (tmp_path / "tracker.db").write_text("Dear diary, " * 100)
    with pytest.raises(DatabaseUnavailableError):
        Database.open(sqlite_url)
    (tmp_path / "tracker.db").unlink()
    open_database(sqlite_url)


def test_empty_file_becomes_a_database(sqlite_url, open_database, tmp_path):
    (tmp_path / "tracker.db").touch()
    open_database(sqlite_url)


@pytest.mark.parametrize("name", ["with space", "per%cent", "ümlaut", "question?mark", "#hash"])
def test_file_may_have_any_name_that_a_url_can_say(name, tmp_path, open_database):
    open_database(f"sqlite:///{tmp_path}/{quote(name)}.db")
    assert (tmp_path / f"{name}.db").exists()


def test_relative_path_is_of_the_folder_at_opening(tmp_path, monkeypatch, open_database):
    monkeypatch.chdir(tmp_path)
    opened = open_database("sqlite:///tracker.db")
    monkeypatch.chdir("/")
    assert asyncio.run(opened.revision())
    assert (tmp_path / "tracker.db").exists()


NOUNS = ("jobs", "deliveries", "events", "replays")


@pytest.fixture
async def plans(sqlite_url, open_database):
    """Claims, records and recovers on a database of its own; how SQLite goes about each statement of it."""
    database = open_database(sqlite_url)
    asked = []
    for engine in (database._reader, database._writer):
        event.listen(engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3], call[5])))
    await poll_and_deliver(database)
    statements = {text: parameters[0] if many else parameters for text, parameters, many in asked}
    return await database.read(
        lambda connection: [
            row[3]
            for text, parameters in statements.items()
            if not text.startswith(("BEGIN", "INSERT"))
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)
        ]
    )


async def poll_and_deliver(database):
    jobs, deliveries = Jobs(database, deliveries_of, longest_due), Deliveries(database, RULES)
    await Subscriptions(database).add(new_subscription())
    await jobs.register(new_job())
    await poll_due(jobs, "running")
    await lanes_of(deliveries)
    await attempt_due(deliveries, subscription_id(1), 500)
    for noun in (jobs, deliveries):
        await noun.recover_leases(NOW)
    await next_due_at(jobs)
    await replay_everything(database)


async def replay_everything(database):
    replays = Replays(database, replay.is_near, replay.is_replayed, replay.queue, replay.LARGEST_BACKLOG)
    await begun(replays, counted_to=0)
    (due,) = await replays.due(LATER, ALL)
    await replays.record_count(due, replay.count(due, await replays.look(due, due.position, ALL)))
    await step(replays, due)
    await replays.next_at(LATER)


async def test_work_of_the_loops_is_of_what_is_due_and_never_of_all_that_is_stored(plans):
    # That index holds the replays that run alone.
    steps = [step for step in plans if step != "SCAN replays USING INDEX replays_due"]
    assert [step for step in steps if step.startswith("SCAN") and any(noun in step for noun in NOUNS)] == []
    indexes = {"jobs_due", "jobs_leased", "deliveries_due", "deliveries_leased", "events_by_time", "replays_due"}
    assert indexes <= set(" ".join(plans).split())
