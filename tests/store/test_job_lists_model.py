"""Whatever jobs there are and whatever a list is filtered by: it is what a look at each job would find."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel

from store.ids import time_sorted_id
from store.job_filter import JobFilter
from store.labels import labels_of
from store.records import Status

from .builders import NOW, claim_jobs, new_job, polled

PROVIDERS, KINDS, ACCOUNTS = ("scenario", "decart"), ("inference", "training"), ("default", "team-a")
TAGS, CUSTOMERS = ("red", "blue"), ("7", "8")
LABELS = (*(("tag", tag) for tag in TAGS), *(("metadata.customer", customer) for customer in CUSTOMERS))
# Around the second, the four seconds and so on where a span ends, at its millisecond, and before the registration.
MOMENTS = st.builds(
    lambda seconds, microseconds: NOW + timedelta(seconds=seconds, microseconds=microseconds),
    st.sampled_from((-70, -16, -4, -1, 0, 1, 2, 4, 16, 64, 3600, 86400 * 40)),
    st.sampled_from((-1000, -1, 0, 1, 999, 1000)),
)


def some(values):
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


JOBS = st.fixed_dictionaries(
    {
        "provider": st.sampled_from(PROVIDERS),
        "kind": st.sampled_from(KINDS),
        "account": st.sampled_from(ACCOUNTS),
        "tags": some(TAGS),
        "metadata": st.sampled_from(({}, *({"customer": customer} for customer in CUSTOMERS))),
        "created_at": MOMENTS,
    }
)
STATUSES = st.tuples(st.sampled_from(Status), MOMENTS)
FILTERS = st.builds(
    JobFilter,
    providers=some((*PROVIDERS, "unheard-of")),
    kinds=some(KINDS),
    accounts=some(ACCOUNTS),
    statuses=some(tuple(Status)),
    remote_ids=st.just(()) | some(("remote-1", "remote-2", "unheard-of")),
    labels=st.just(()) | some((*LABELS, ("tag", "unheard-of"))),
    created_after=st.none() | MOMENTS,
    created_before=st.none() | MOMENTS,
    finished_after=st.none() | MOMENTS,
    finished_before=st.none() | MOMENTS,
)


def is_wanted(job, wanted):
    named = (
        (wanted.providers, job.provider),
        (wanted.kinds, job.kind),
        (wanted.accounts, job.account),
        (wanted.statuses, job.status),
        (wanted.remote_ids, job.remote_id),
    )
    after = ((wanted.created_after, job.created_at), (wanted.finished_after, job.finished_at))
    before = ((wanted.created_before, job.created_at), (wanted.finished_before, job.finished_at))
    return (
        all(value in values for values, value in named if values)
        and all(label in labels_of(job) for label in wanted.labels)
        and all(at is not None and at > bound for bound, at in after if bound)
        and all(at is not None and at < bound for bound, at in before if bound)
    )


def fresh_job(number, described):
    id_ = time_sorted_id("job", described["created_at"], number.to_bytes(10, "big"))
    return new_job(number, **described, id=id_)


async def fill(jobs, described, statuses):
    """Registers the jobs, gives each in turn its statuses, and returns them as they must be now."""
    known = {}
    for number, each in enumerate(described, start=1):
        job, _ = await jobs.register(fresh_job(number, each))
        known[job.id] = job
    for status, at in statuses:
        for job in (await claim_jobs(jobs))[:1]:
            outcome = polled(job, status.value, at)
            await jobs.record([outcome])
            known[job.id] = outcome.job
        await jobs.recover_leases(None)
    return known


async def read_all(jobs, wanted, limit, meanwhile=None):
    rows, after = [], None
    while True:
        page = await jobs.find(wanted, limit, after)
        rows += page.rows
        if page.next_after is None:
            return rows
        assert len(page.rows) == limit
        after = page.next_after
        if meanwhile:
            await meanwhile()


def checked(database, check):
    """Runs a check on each example, in a database that was emptied."""

    def clear(connection):
        for table in reversed(SQLModel.metadata.sorted_tables):
            connection.execute(table.delete())

    with asyncio.Runner() as runner:

        @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.data())
        def run(data):
            runner.run(database.write(clear))
            runner.run(check(data))

        run()


def test_list_is_what_a_look_at_each_job_finds(database, jobs):
    async def check(data):
        described, statuses = data.draw(st.lists(JOBS, max_size=8)), data.draw(st.lists(STATUSES, max_size=8))
        known = await fill(jobs, described, statuses)
        for wanted in data.draw(st.lists(FILTERS, min_size=1, max_size=8)):
            expected = [known[id_] for id_ in sorted(known, reverse=True) if is_wanted(known[id_], wanted)]
            rows = await read_all(jobs, wanted, data.draw(st.integers(1, 9)))
            assert [replace(job, lease_epoch=0) for job in rows] == [replace(job, lease_epoch=0) for job in expected]

    checked(database, check)


def test_pages_of_any_filter_stay_as_they_were_while_jobs_arrive(database, jobs):
    async def check(data):
        described, statuses = (
            data.draw(st.lists(JOBS, min_size=2, max_size=8)),
            data.draw(st.lists(STATUSES, max_size=4)),
        )
        known = await fill(jobs, described, statuses)
        newest = max(job.created_at for job in known.values())
        wanted = data.draw(FILTERS)
        expected = [id_ for id_ in sorted(known, reverse=True) if is_wanted(known[id_], wanted)]

        async def arrive():
            number = len(known)
            known[str(number)] = None
            arriving = described[0] | {"created_at": newest + timedelta(seconds=number)}
            await jobs.register(fresh_job(number + 1, arriving))

        rows = await read_all(jobs, wanted, data.draw(st.integers(1, 3)), arrive)
        assert [job.id for job in rows] == expected

    checked(database, check)
