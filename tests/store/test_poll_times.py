"""When a job was polled: each poll adds its time to the row that it writes anyway."""

from dataclasses import replace

import pytest
from sqlalchemy import event

from store.job_filter import JobFilter
from store.poll_times import MOST_POLL_TIMES
from store.records import Status
from tracker.rules import track
from tracker.rules.reading import Problem, Unchanged

from .builders import ALL, NOW, TIMING, at, claim_jobs, job_id, new_job, polled

LATER = at(100_000)


@pytest.fixture
async def job(jobs):
    await jobs.register(new_job())
    (claimed,) = await claim_jobs(jobs)
    return claimed


async def again(jobs):
    """The job, claimed once more."""
    (claimed,) = await claim_jobs(jobs, LATER)
    return claimed


def read(job, seconds, answer=None):
    return track.decide(job, answer or Unchanged(), TIMING, at(seconds), jitter=0.5)


async def test_job_that_was_never_polled_has_no_poll_times(jobs, job):
    assert await jobs.poll_times(job.id) == ()


async def test_unknown_job_has_no_poll_times(jobs):
    assert await jobs.poll_times("job_0404") == ()


async def test_each_poll_adds_its_time_whatever_it_finds(jobs, job):
    await jobs.record([polled(job, "running", at(1))])
    await jobs.record([read(await again(jobs), 2.5)])
    await jobs.record([read(await again(jobs), 7, Problem("timeout", "no answer"))])
    await jobs.record([polled(await again(jobs), "succeeded", at(3599.9))])
    assert await jobs.poll_times(job.id) == (at(1), at(2.5), at(7), at(3599.9))
    assert (await jobs.get(job.id)).polls == 4


async def test_what_is_no_poll_adds_none(jobs, job):
    await jobs.record([read(job, 1)])
    await jobs.record([track.ask_alone(await again(jobs), at(2))])
    await jobs.record([track.give_up(await again(jobs), at(4000))])
    assert await jobs.poll_times(job.id) == (at(1),)


async def test_poll_whose_lease_was_lost_adds_none(jobs, job):
    await jobs.record([replace(read(job, 1), job=replace(read(job, 1).job, lease_epoch=job.lease_epoch + 1))])
    assert await jobs.poll_times(job.id) == ()


async def test_polls_that_are_written_together_add_to_their_own_jobs(jobs, job):
    await jobs.register(new_job(2, created_at=at(-60)))
    other = await again(jobs)
    await jobs.record([read(other, 3), polled(job, "running", at(4))])
    assert await jobs.poll_times(job.id) == (at(4),)
    assert await jobs.poll_times(other.id) == (at(3),)


async def test_time_is_told_to_a_tenth_of_a_second_and_never_before_the_registration(jobs, job):
    await jobs.record([read(job, -5)])
    await jobs.record([read(await again(jobs), 0.987_654)])
    assert await jobs.poll_times(job.id) == (NOW, at(0.9))


async def test_of_many_polls_the_newest_are_kept(jobs, job):
    for number in range(MOST_POLL_TIMES):
        await jobs.record([read(job, number)])
        job = await again(jobs)
    everything = tuple(at(number) for number in range(MOST_POLL_TIMES))
    assert await jobs.poll_times(job.id) == everything
    await jobs.record([read(job, MOST_POLL_TIMES)])
    assert await jobs.poll_times(job.id) == (*everything[MOST_POLL_TIMES // 2 :], at(MOST_POLL_TIMES))


@pytest.fixture
def statements(database):
    """What the database is asked from now on."""
    asked = []
    for engine in (database._reader, database._writer):
        event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    return asked


async def test_poll_takes_no_statement_more_for_it(jobs, job, statements):
    await jobs.record([read(job, 1)])
    (update,) = (statement for statement in statements if statement.startswith("UPDATE"))
    assert "poll_ticks" in update


async def test_claims_and_lists_do_not_read_the_times(jobs, statements):
    await jobs.register(new_job())
    await claim_jobs(jobs)
    await jobs.get(job_id(1))
    await jobs.find(JobFilter(statuses=(Status.QUEUED,)), ALL)
    assert sum("sightings" in statement for statement in statements) >= 4
    assert not [statement for statement in statements if "poll_ticks" in statement]
