"""Jobs that were stored before lists were read along facets are found as all others are."""

from contextlib import closing

import pytest
from sqlalchemy import create_engine, insert, inspect, text

from store.database import Database
from store.job_filter import JobFilter
from store.job_streams import Range, streams_of
from store.jobs import Jobs
from store.migrations import upgrade
from store.records import Status
from store.rows import job_row
from store.tables import JOBS
from tracker.rules.fanout import deliveries_of

from .builders import ALL, at, claim_jobs, longest_due, new_job, polled

OLD_JOBS = (
    new_job(1, tags=("red",), status=Status.SUCCEEDED, sequence=1, next_poll_at=None, finished_at=at(5)),
    new_job(2, tags=("red",), provider="decart"),
)


@pytest.fixture
def old_url(sqlite_url):
    """A database as it was before."""
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        upgrade(connection, "0007")
        columns = {column["name"] for column in inspect(connection).get_columns("jobs")}
        rows = [{name: value for name, value in job_row(job).items() if name in columns} for job in OLD_JOBS]
        connection.execute(insert(JOBS), rows)
        for job in OLD_JOBS:
            statement = text("INSERT INTO job_labels (job_id, label, value) VALUES (:job, 'tag', 'red')")
            connection.execute(statement, {"job": job.id})
    engine.dispose()
    return sqlite_url


def facets_for(**wanted):
    return lambda connection: set(streams_of(connection, JobFilter(**wanted), Range()).ranges)


async def test_old_jobs_have_facets_and_their_labels_too(old_url):
    with closing(Database.open(old_url)) as database:
        ended, waiting = "succeeded scenario default inference ", "queued decart default inference "
        assert await database.read(facets_for()) == {ended, waiting}
        assert await database.read(facets_for(labels=(("tag", "red"),))) == {ended, waiting}
        assert await database.read(facets_for(finished_after=at(4), finished_before=at(6))) == {ended}


async def test_old_jobs_go_on(old_url):
    with closing(Database.open(old_url)) as database:
        jobs = Jobs(database, deliveries_of, longest_due)
        (waiting,) = await claim_jobs(jobs)
        await jobs.record([polled(waiting, "failed", at(20))])
        page = await jobs.find(JobFilter(statuses=(Status.FAILED,), labels=(("tag", "red"),)), ALL)
        assert [job.id for job in page.rows] == [waiting.id]
        assert await database.read(facets_for(statuses=(Status.FAILED,))) == {"failed decart default inference 3"}
        await jobs.forget(waiting.id)
        assert await database.read(facets_for(labels=(("tag", "red"),))) == {"succeeded scenario default inference "}
