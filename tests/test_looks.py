"""Looks at the database: rare, one at a time, and never waited for for long. Each is at a real file."""

import asyncio
import sqlite3
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from store.database import Database
from store.probe import write_and_take_back
from tracker.looks import LOOK_EVERY, Look

LONG = 10.0
SHORT = 0.01


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tracker.db"


@pytest.fixture
def database(path):
    with closing(Database.open(f"sqlite:///{path}")) as database:
        yield database


class Writes:
    """Looks that write to the file, and how many there were."""

    def __init__(self, database, surroundings):
        self.count = 0
        self._database = database
        self._surroundings = surroundings

    def look(self, patience=LONG):
        return Look("written", self._write, self._surroundings, patience)

    async def _write(self):
        self.count += 1
        await write_and_take_back(self._database)
        return []


@pytest.fixture
def writes(database, surroundings):
    return Writes(database, surroundings)


async def test_database_that_takes_writes_is_well_and_nothing_stays_in_it(writes, database):
    assert await writes.look().reasons() == []
    assert await database.read(lambda connection: connection.exec_driver_sql("SELECT * FROM secrets").all()) == []


async def test_what_is_written_reaches_the_file_though_it_is_taken_back(writes, path):
    journal = path.with_name("tracker.db-wal")
    before = journal.stat().st_size
    await writes.look().reasons()
    assert journal.stat().st_size > before


async def test_looks_are_rare_however_often_one_asks(writes, clock):
    probe = writes.look()
    for _ in range(10):
        assert await probe.reasons() == []
        clock.advance(LOOK_EVERY.total_seconds() / 10)
    assert writes.count == 1
    await probe.reasons()
    assert writes.count == 2


async def test_those_who_ask_at_the_same_time_share_a_look(writes):
    probe = writes.look()
    assert await asyncio.gather(*(probe.reasons() for _ in range(50))) == [[]] * 50
    assert writes.count == 1


async def test_database_that_another_program_locks_cannot_be_written_in_time(writes, path, clock):
    probe = writes.look(SHORT)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            assert await probe.reasons() == ["The database cannot be written in time."]
            clock.advance(60)
        assert writes.count == 1, "looks do not pile up behind the lock"
        other.execute("ROLLBACK")
    async with asyncio.timeout(LONG):
        while await probe.reasons():
            pass
    await probe.close()


async def test_database_that_refuses_writes_is_told_of_and_the_log_says_why(writes, database, clock):
    def switch(word):
        with closing(database._writer.raw_connection()) as connection:
            connection.execute(f"PRAGMA query_only = {word}")

    probe = writes.look()
    switch("on")
    with capture_logs() as lines:
        assert await probe.reasons() == ["The database cannot be written; the log says why."]
    assert [(line["event"], line["done"]) for line in lines] == [("database.failed", "written")]
    switch("off")
    assert await probe.reasons() != [], "the last look counts until there is another"
    clock.advance(LOOK_EVERY.total_seconds())
    assert await probe.reasons() == []


async def test_look_that_nobody_waits_for_any_more_is_let_go(writes, path):
    probe = writes.look(SHORT)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await probe.reasons()
        await probe.close()
        other.execute("ROLLBACK")
    assert [task for task in asyncio.all_tasks() if task.get_name() == "look written"] == []
