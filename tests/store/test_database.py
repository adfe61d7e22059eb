"""What every back end promises of reads, writes, opening and closing."""

import asyncio
import signal
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError, StatementError

from store.errors import StoreError
from store.job_filter import JobFilter
from store.tables import API_KEYS, SECRETS

from .builders import NOW, Gate, new_job


def adding(name):
    return lambda connection: connection.execute(insert(SECRETS), {"name": name, "value": "kept"}) and name


def names(connection):
    return set(connection.execute(select(SECRETS.c.name)).scalars())


def add_and_raise(connection):
    adding("lost")(connection)
    raise LookupError("on purpose")


class NotEvenAnException(BaseException):
    pass


def raise_what_is_no_exception(_connection):
    raise NotEvenAnException


async def held(database, *works):
    """The gate that holds the writer, and the writes that wait behind it."""
    gate = Gate()
    first = await gate.hold(database.write)
    waiting = [asyncio.create_task(database.write(work)) for work in works]
    await asyncio.sleep(0)
    return gate, [first, *waiting]


async def test_write_returns_what_its_function_returns(database):
    assert await database.write(adding("a")) == "a"


async def test_write_is_seen_by_the_next_read(database):
    await database.write(adding("a"))
    assert await database.read(names) == {"a"}


async def test_writes_that_wait_share_one_transaction(database):
    gate, writes = await held(database, *[lambda connection: connection.get_transaction()] * 5)
    gate.open()
    _, *transactions = await asyncio.gather(*writes)
    assert len(set(transactions)) == 1


async def test_writes_that_wait_are_counted(database):
    gate, writes = await held(database, *(adding(name) for name in "abc"))
    assert database.waiting_writes == 3
    gate.open()
    await asyncio.gather(*writes)
    assert database.waiting_writes == 0


async def test_concurrent_writes_all_take_effect(database):
    expected = {f"secret {number}" for number in range(500)}
    assert set(await asyncio.gather(*(database.write(adding(name)) for name in expected))) == expected
    assert await database.read(names) == expected


async def test_writes_take_effect_in_the_order_in_which_they_were_asked_for(database):
    async def ask(number):
        return await database.write(lambda connection: (adding(str(number))(connection), len(names(connection)))[1])

    assert await asyncio.gather(*(ask(number) for number in range(1, 21))) == list(range(1, 21))


async def test_write_that_raises_fails_alone(database, database_url, open_database):
    gate, writes = await held(database, adding("a"), add_and_raise, adding("b"))
    gate.open()
    _, first, failed, last = await asyncio.gather(*writes, return_exceptions=True)
    assert (first, last) == ("a", "b")
    assert isinstance(failed, LookupError)
    database.close()
    assert await open_database(database_url).read(names) == {"a", "b"}


async def test_write_that_breaks_a_constraint_fails_alone(database):
    await database.write(adding("a"))
    gate, writes = await held(database, adding("b"), adding("a"), adding("c"))
    gate.open()
    _, _, failed, _ = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(failed, IntegrityError)
    assert await database.read(names) == {"a", "b", "c"}


async def test_writer_outlives_a_write_that_raises_no_ordinary_exception(database):
    gate, writes = await held(database, adding("a"), raise_what_is_no_exception, adding("b"))
    gate.open()
    async with asyncio.timeout(10):
        _, _, failed, _ = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(failed, NotEvenAnException)
    assert await database.read(names) == {"a", "b"}


async def test_read_that_raises_does_so_to_its_caller(database):
    with pytest.raises(LookupError, match="on purpose"):
        await database.read(add_and_raise)
    assert await database.read(names) == set()


async def test_read_goes_on_while_a_write_is_under_way(database):
    gate, writes = await held(database)
    assert await database.read(names) == set()
    gate.open()
    await asyncio.gather(*writes)


async def test_read_sees_one_state_of_the_database(database):
    has_read, has_written = threading.Event(), threading.Event()

    def read_twice(connection):
        before = names(connection)
        has_read.set()
        assert has_written.wait(timeout=10)
        return before, names(connection)

    reading = asyncio.create_task(database.read(read_twice))
    assert await asyncio.to_thread(has_read.wait, 10)
    await database.write(adding("a"))
    has_written.set()
    assert await reading == (set(), set())


async def test_writes_survive_a_reopening(database, database_url, open_database):
    await database.write(adding("a"))
    database.close()
    assert await open_database(database_url).read(names) == {"a"}


async def test_canceled_caller_does_not_lose_its_write(database):
    gate, (first, write) = await held(database, adding("a"))
    write.cancel()
    with pytest.raises(asyncio.CancelledError):
        await write
    gate.open()
    await first
    await database.write(adding("b"))
    assert await database.read(names) == {"a", "b"}


async def test_closing_finishes_the_writes_that_wait(database, database_url, open_database):
    gate, writes = await held(database, adding("a"), adding("b"))
    closing = asyncio.create_task(asyncio.to_thread(database.close))
    gate.open()
    await closing
    assert await asyncio.gather(*writes) == [None, "a", "b"]
    assert await open_database(database_url).read(names) == {"a", "b"}


async def test_write_after_closing_is_refused(database):
    database.close()
    with pytest.raises(StoreError, match="closed"):
        async with asyncio.timeout(10):
            await database.write(adding("a"))


def test_closing_twice_is_harmless(database):
    database.close()
    database.close()


def test_closing_ends_all_threads(database_url, open_database):
    before = set(threading.enumerate())
    opened = open_database(database_url)
    asyncio.run(opened.read(names))
    opened.close()
    assert set(threading.enumerate()) <= before


async def test_naive_time_is_refused(database):
    naive = NOW.replace(tzinfo=None)
    row = {"id": "key_1", "name": "a", "scope": "read", "digest": "d", "created_at": naive}
    with pytest.raises(StatementError, match="has no time zone"):
        await database.write(lambda connection: connection.execute(insert(API_KEYS), row))


async def test_naive_time_is_refused_in_a_question(jobs):
    with pytest.raises(StatementError, match="has no time zone"):
        await jobs.find(JobFilter(created_after=NOW.replace(tzinfo=None)), 10)


async def test_time_comes_back_as_the_same_moment_in_utc(jobs):
    local = datetime(2026, 11, 22, 11, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    await jobs.register(new_job(created_at=local))
    stored = (await jobs.get(new_job().id)).created_at
    assert stored == local
    assert stored.utcoffset() == timedelta(0)


ACKNOWLEDGE_EACH_WRITE = """
import asyncio, sys
from store.database import Database
from store.secrets import Secrets

async def write_for_ever(secrets, writer):
    number = 0
    while True:
        name = f"{writer}:{number}"
        await secrets.get_or_add(name, "kept")
        print(name, flush=True)
        number += 1

async def main():
    secrets = Secrets(Database.open(sys.argv[1]))
    await asyncio.gather(*(write_for_ever(secrets, writer) for writer in range(8)))

asyncio.run(main())
"""


def test_killed_process_loses_no_write_that_it_acknowledged(database_url, open_database):
    command = [sys.executable, "-c", ACKNOWLEDGE_EACH_WRITE, database_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:  # noqa: S603 - the script above
        acknowledged = [next(writer.stdout).strip() for _ in range(500)]
        writer.kill()
        acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
    assert writer.returncode == -signal.SIGKILL
    assert set(acknowledged) <= asyncio.run(open_database(database_url).read(names))
