"""What only a database that many processes share can do: several at once, a server that goes away and comes back."""

import asyncio
import os
import queue
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from select import select as select_readable

import psycopg
import pytest
from sqlalchemy import create_engine, event, insert, select, text

from store.database import Database
from store.dialects import feed_end, upsert
from store.errors import DatabaseAwayError, DatabaseUnavailableError
from store.events import insert_events
from store.job_filter import JobFilter
from store.jobs import Jobs
from store.keys import Keys
from store.migrations import upgrade
from store.profiles import Profiles, replace_profiles
from store.records import ApiKey, Scope, StoredProfile
from store.registration import Registration
from store.secrets import Secrets
from store.tables import JOBS, SECRETS
from tracker.rules.events import subscription_test_event
from tracker.rules.fanout import deliveries_of

from .builders import ALL, NOW, claim_due, claim_jobs, job_id, longest_due, new_job, polled

GUARD = 10


@pytest.fixture
def database_url(postgres_url):
    return postgres_url


@pytest.fixture
def other(database_url, open_database):
    """Another replica's connection to the same database."""
    return open_database(database_url)


@pytest.fixture
def others_jobs(other):
    return Jobs(other, deliveries_of, longest_due)


class Paused:
    """A write that stays open until it is let go on."""

    def __init__(self, database, work):
        self._may_end = threading.Event()
        self._has_worked = threading.Event()
        self._work = work
        self.write = asyncio.create_task(database.write(self._hold))

    def _hold(self, connection):
        result = self._work(connection)
        self._has_worked.set()
        assert self._may_end.wait(GUARD)
        return result

    async def reached(self):
        assert await asyncio.to_thread(self._has_worked.wait, GUARD)
        return self

    async def end(self):
        self._may_end.set()
        return await self.write


def an_event(name):
    return subscription_test_event("sub_1", name, NOW)


def adding_event(name):
    return lambda connection: insert_events(connection, [an_event(name)])


def shown(connection, end):
    return [row.id for row in connection.execute(text(f"SELECT id FROM events WHERE position <= {end}"))]  # noqa: S608 - a number


async def test_end_of_the_feed_stays_below_what_is_not_committed_yet(database, other):
    await database.write(adding_event("first"))
    slow = await Paused(database, adding_event("slow")).reached()
    await other.write(adding_event("quick"))
    # The quick one has a later position and is there already; whoever went on behind it would miss the slow one.
    assert len(await other.read(lambda connection: shown(connection, 99))) == 2
    end = await other.read(feed_end)
    assert await other.read(lambda connection: shown(connection, end)) == [an_event("first").id]
    await slow.end()
    end = await other.read(feed_end)
    assert len(await other.read(lambda connection: shown(connection, end))) == 3


async def test_end_of_the_feed_is_not_held_by_a_write_that_failed(database, other):
    def add_and_raise(connection):
        adding_event("lost")(connection)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(add_and_raise)
    await other.write(adding_event("kept"))
    end = await database.read(feed_end)
    assert await database.read(lambda connection: shown(connection, end)) == [an_event("kept").id]


async def test_who_follows_the_feed_while_many_write_misses_nothing(database, other, postgres_url, open_database):
    third = open_database(postgres_url)
    seen, position = [], 0

    async def write(into, name):
        for number in range(40):
            await into.write(adding_event(f"{name} {number}"))

    async def follow(until):
        nonlocal position
        while not until() or position < await third.read(feed_end):
            end = await third.read(feed_end)
            query = text(f"SELECT id FROM events WHERE position > {position} AND position <= {end}")  # noqa: S608 - numbers
            seen.extend(await third.read(lambda connection, query=query: connection.execute(query).scalars().all()))
            position = max(position, end)

    writers = [asyncio.create_task(write(into, name)) for into, name in ((database, "a"), (other, "b"))]
    await follow(lambda: all(writer.done() for writer in writers))
    await asyncio.gather(*writers)
    assert len(seen) == len(set(seen)) == 80


async def test_two_that_claim_at_once_never_take_the_same_job(jobs, others_jobs):
    for number in range(20):
        await jobs.register(new_job(number))
    claims = await asyncio.gather(*(claim_due(each, NOW, 6) for each in (jobs, others_jobs) * 4))
    # What one had its hand on while it chose is left over by the other.
    claims.append(await claim_due(jobs, NOW, 20))
    taken = [job.id for claim in claims for job in claim.jobs]
    assert len(taken) == len(set(taken)) == 20


async def test_claim_does_not_wait_for_one_that_is_under_way(database, jobs, others_jobs):
    await jobs.register(new_job(1))
    await jobs.register(new_job(2))
    first = select(JOBS.c.id).where(JOBS.c.id == job_id(1)).with_for_update()
    holder = await Paused(database, lambda connection: connection.execute(first).all() and None).reached()
    assert [job.id for job in await claim_jobs(others_jobs)] == [job_id(2)]
    await holder.end()


async def test_the_same_job_that_is_registered_with_two_replicas_is_one(jobs, others_jobs):
    both = await asyncio.gather(
        *(each.register(new_job(number, remote_id="same")) for number, each in enumerate((jobs, others_jobs) * 5))
    )
    assert sum(is_new for _, is_new in both) == 1
    assert len((await jobs.find(JobFilter(), ALL)).rows) == 1


async def test_jobs_that_another_registers_between_the_look_and_the_writing_are_found(database, jobs, others_jobs):
    loop, quicker = asyncio.get_running_loop(), [new_job(1), new_job(2)]

    @event.listens_for(database._writer, "before_cursor_execute")
    def be_quicker(_connection, _cursor, statement, *_):
        # Each time that it has looked and is about to write, even when it is tried again.
        if statement.startswith("INSERT INTO jobs ") and quicker:
            asyncio.run_coroutine_threadsafe(others_jobs.register(quicker.pop(0)), loop).result(GUARD)

    wanted = [Registration(new_job(number, id=f"job_later_{number}")) for number in (1, 2)]
    found = await jobs.register_many(wanted)
    assert [(job.id, is_new) for job, is_new in found] == [(job_id(1), False), (job_id(2), False)]
    assert quicker == []


async def test_what_is_made_once_is_made_by_one_of_those_that_start_together(database, other):
    made = await asyncio.gather(*(Secrets(each).get_or_add("name", str(each)) for each in (database, other)))
    assert len(set(made)) == 1
    keys = [ApiKey(f"key_{number}", "first", Scope.ADMIN, f"digest {number}", NOW) for number in range(2)]
    added = await asyncio.gather(
        *(Keys(each).add_first(key) for each, key in zip((database, other), keys, strict=True))
    )
    assert sorted(added) == [False, True]


async def test_replicas_that_learn_of_the_same_kind_do_not_fail_each_other(database, other):
    profiles = [StoredProfile("decart", "job", model, b"state", NOW) for model in ("", "a", "b")]
    await asyncio.gather(
        *(
            each.write(lambda connection, order=order: replace_profiles(connection, profiles[::order]))
            for _ in range(10)
            for each, order in ((database, 1), (other, -1))
        )
    )
    assert set(await Profiles(database).all()) == set(profiles)


async def test_two_that_wait_for_each_other_both_get_through(database, other):
    await database.write(lambda connection: upsert(connection, SECRETS, [row("a", "0"), row("b", "0")]))
    meet = threading.Barrier(2, timeout=GUARD)

    def writing(first, second, value):
        meetings = iter((meet.wait,))

        def work(connection):
            upsert(connection, SECRETS, [row(first, value)])
            # Both hold a row now; the one that is undone begins anew, and meets nobody.
            next(meetings, lambda: None)()
            upsert(connection, SECRETS, [row(second, value)])

        return work

    async with asyncio.timeout(GUARD * 3):
        await asyncio.gather(database.write(writing("a", "b", "1")), other.write(writing("b", "a", "2")))
    values = await database.read(lambda connection: connection.execute(select(SECRETS.c.value)).scalars().all())
    assert len(set(values)) == 1


def row(name, value):
    return {"name": name, "value": value}


async def test_text_with_a_nul_is_kept_as_far_as_it_goes(jobs):
    await jobs.register(new_job(metadata={"note": "a\0b"}))
    (job,) = await claim_jobs(jobs)
    await jobs.record([replace_status(polled(job, "running"), "run\0ning")])
    kept = await jobs.get(job.id)
    assert (kept.provider_status, kept.metadata) == ("run\N{REPLACEMENT CHARACTER}ning", {"note": "a\0b"})


def replace_status(outcome, word):
    return replace(outcome, job=replace(outcome.job, provider_status=word))


async def test_server_that_restarts_is_found_again(postgres, database):
    await database.write(lambda connection: connection.execute(insert(SECRETS), row("before", "1")) and None)
    await asyncio.to_thread(postgres.stop)
    await asyncio.to_thread(postgres.start)
    names = await database.read(lambda connection: connection.execute(select(SECRETS.c.name)).scalars().all())
    assert names == ["before"]
    await database.write(lambda connection: connection.execute(insert(SECRETS), row("after", "1")) and None)


async def test_while_the_server_is_away_everything_says_so_at_once(postgres, database):
    await asyncio.to_thread(postgres.stop)
    try:
        asked = [database.revision(), database.tell("hint"), *(database.write(current) for _ in range(20))]
        async with asyncio.timeout(GUARD):
            said = await asyncio.gather(*asked, return_exceptions=True)
    finally:
        await asyncio.to_thread(postgres.start)
    assert {type(each) for each in said} == {DatabaseAwayError}
    assert await database.write(current) == 1


def current(connection):
    return connection.execute(text("SELECT 1")).scalar()


async def test_server_that_takes_no_writes_is_taken_for_away(postgres, postgres_url, open_database):
    database = open_database(postgres_url)
    name = postgres_url.rpartition("/")[2]
    postgres._execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    database._back_end.writer.dispose()
    with pytest.raises(DatabaseAwayError):
        await database.write(lambda connection: connection.execute(insert(SECRETS), row("early", "1")) and None)
    postgres._execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    database._back_end.writer.dispose()
    await database.write(lambda connection: connection.execute(insert(SECRETS), row("late", "1")) and None)


@pytest.mark.parametrize("options", ["", "?options=-csearch_path%3Dpublic"])
async def test_session_is_set_without_the_start_packet_that_a_pooler_would_refuse(postgres_url, open_database, options):
    database = open_database(postgres_url + options)
    for engine in (database._reader, database._writer, database._back_end._side):
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == "10s"
            sent = connection.connection.driver_connection.info.get_parameters().get("options", "")
            assert "idle_in_transaction" not in sent


async def test_server_that_is_gone_without_a_word_is_found_out(database):
    with database._reader.connect() as connection:
        dialled = socket.socket(fileno=os.dup(connection.connection.driver_connection.fileno()))
        with dialled:
            assert dialled.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert dialled.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 10
            assert dialled.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 30_000


async def test_write_whose_transaction_was_held_for_too_long_is_run_again(database):
    tries = []

    def work(connection):
        tries.append(connection)
        if len(tries) == 1:
            # As for one that is paused in the middle of it.
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout = '1ms'")
            select_readable([connection.connection.driver_connection], [], [], GUARD)
        connection.execute(insert(SECRETS), row("kept", "1"))
        return "done"

    assert await database.write(work) == "done"
    assert len(tries) == 2


async def test_write_whose_connection_is_lost_on_the_way_is_run_again(database, other):
    tries = []

    def work(connection):
        tries.append(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar())
        if len(tries) == 1:
            with psycopg.connect(str(other._writer.url.render_as_string(False)).replace("+psycopg", "")) as killer:
                killer.execute("SELECT pg_terminate_backend(%s, 5000)", (tries[0],))
        connection.execute(insert(SECRETS), row("kept", "1"))
        return "done"

    assert await database.write(work) == "done"
    assert len(set(tries)) == 2


async def test_hints_are_heard_by_others_and_their_loss_too(postgres, database, other):
    heard = queue.Queue()
    other.listen(heard.put)
    # Whoever begins to listen may have missed something.
    assert await asyncio.to_thread(heard.get, timeout=GUARD) == ""
    await database.tell("one")
    await database.tell("x" * 9000)
    assert await asyncio.to_thread(heard.get, timeout=GUARD) == "one"
    assert await asyncio.to_thread(heard.get, timeout=GUARD) == ""
    await asyncio.to_thread(postgres.stop)
    await asyncio.to_thread(postgres.start)
    assert await asyncio.to_thread(heard.get, timeout=GUARD) == ""
    await database.tell("two")
    assert await asyncio.to_thread(heard.get, timeout=GUARD) == "two"


async def test_ids_are_sorted_by_their_bytes_whatever_the_language_of_the_database(database):
    sorted_otherwise = text(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND column_name IN ('id', 'job_id', 'event_id', 'delivery_id', 'subscription_id', 'subscriber') "
        "AND data_type = 'character varying' AND collation_name IS DISTINCT FROM 'C'"
    )
    assert await database.read(lambda connection: connection.execute(sorted_otherwise).all()) == []


def test_several_that_start_at_once_on_an_empty_database_migrate_it_once(postgres):
    url = postgres.empty_url()
    with ThreadPoolExecutor(4) as threads:
        opened = list(threads.map(Database.open, [url] * 4))
    revisions = {asyncio.run(database.revision()) for database in opened}
    for database in opened:
        database.close()
    postgres.drop(url)
    assert len(revisions) == 1


def test_migration_does_not_hold_the_others_up_behind_a_back_up(postgres, monkeypatch):
    monkeypatch.setattr("store.postgres._LONGEST_LOCK", "50ms")
    url = postgres.empty_url()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        upgrade(connection, "0009")
    with engine.connect() as back_up:
        back_up.exec_driver_sql("LOCK TABLE jobs IN ACCESS SHARE MODE")
        with pytest.raises(DatabaseUnavailableError, match="lock timeout"):
            Database.open(url)
    Database.open(url).close()
    engine.dispose()
    postgres.drop(url)


def test_database_that_cannot_be_opened_is_named_without_its_password():
    with pytest.raises(
        DatabaseUnavailableError, match=r"postgresql://me:\*\*\*@127\.0\.0\.1:1/none cannot be opened"
    ) as told:
        Database.open("postgresql://me:hidden@127.0.0.1:1/none")
    assert "hidden" not in str(told.value)


def test_database_that_is_not_there_is_told(postgres_url):
    with pytest.raises(DatabaseUnavailableError, match="does not exist"):
        Database.open(f"{postgres_url}_none")


def test_database_of_another_encoding_is_refused(postgres):
    url = postgres.empty_url(encoding="LATIN1")
    with pytest.raises(DatabaseUnavailableError, match="make one with the encoding UTF8"):
        Database.open(url)
    postgres.drop(url)
