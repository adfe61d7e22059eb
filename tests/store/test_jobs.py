"""Registering jobs, taking leases on them, and letting go of them."""

import asyncio
from dataclasses import replace

import pytest

from store.job_filter import JobFilter
from store.records import JobError, PollProblem, Status, Step

from .builders import ALL, LEASE, NOW, at, claim_due, claim_jobs, job_id, new_job, next_due_at, poll_due, polled

FULL_JOB = new_job(
    params={"model": "a", "nested": {"list": [1, 2.5, None, True]}},
    tags=("one", "two"),
    metadata={"customer": "ümlaut"},
    callback_url="https://a.example/hook",
    callback_events=("job.*",),
    callback_ended_at=at(1),
    provider_status="working",
    progress=0.25,
    output={"images": ["https://cdn.example/1.png"]},
    error=JobError("it broke", "mend it", "broken"),
    status=Status.RUNNING,
    sequence=2,
    status_since=at(2),
    steps=(Step("s1", "resize", "done"), Step("s2", None, "waiting", ("s1",))),
    polls=7,
    started_at=at(3),
    last_polled_at=at(4),
    not_before=at(5),
    poll_problem=PollProblem("timeout", "no answer", None, at(6), 3, at(7)),
    announced_progress=0.2,
    progress_announced_at=at(8),
    announcements=4,
    reading={"status": "running"},
    lease_epoch=5,
)


async def register(jobs, *new):
    for job in new:
        await jobs.register(job)


def numbers(rows):
    return [int(job.id.removeprefix("job_")) for job in rows]


async def test_registered_job_is_stored_as_it_is(jobs):
    assert await jobs.register(FULL_JOB) == (FULL_JOB, True)
    assert await jobs.get(FULL_JOB.id) == FULL_JOB


async def test_unknown_job_is_none(jobs):
    assert await jobs.get("job_unknown") is None


async def test_same_remote_job_is_tracked_once(jobs):
    await jobs.register(new_job(1))
    same = new_job(2, remote_id=new_job(1).remote_id)
    assert await jobs.register(same) == (new_job(1), False)
    assert await jobs.get(job_id(2)) is None


async def test_same_remote_job_is_tracked_once_when_registered_many_times_at_once(jobs):
    same = [new_job(number, remote_id="same") for number in range(20)]
    answers = await asyncio.gather(*(jobs.register(job) for job in same))
    assert len({job.id for job, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1


@pytest.mark.parametrize("name", ["provider", "kind", "account", "remote_id"])
async def test_job_that_differs_in_part_of_its_name_is_another(jobs, name):
    first = new_job(1)
    other = new_job(2, **{"remote_id": first.remote_id} | {name: "other"})
    await jobs.register(first)
    assert await jobs.register(other) == (other, True)


async def test_tracked_job_is_found_even_if_a_rerun_is_asked_for(jobs):
    await jobs.register(new_job(1))
    assert await jobs.register(new_job(2, remote_id=new_job(1).remote_id), rerun=True) == (new_job(1), False)


async def test_finished_job_is_found_as_it_ended(jobs):
    await jobs.register(new_job(1))
    await poll_due(jobs, "succeeded")
    known, is_new = await jobs.register(new_job(2, remote_id=new_job(1).remote_id))
    assert (known.id, known.status, is_new) == (job_id(1), Status.SUCCEEDED, False)


async def test_rerun_of_a_finished_job_is_a_new_job_with_the_next_run(jobs):
    name = new_job(1).remote_id
    await jobs.register(new_job(1))
    for run in (2, 3):
        await poll_due(jobs, "failed")
        known, is_new = await jobs.register(new_job(run, remote_id=name), rerun=True)
        assert (known.id, known.run, known.status, is_new) == (job_id(run), run, Status.QUEUED, True)
    assert (await jobs.register(new_job(4, remote_id=name), rerun=True))[0].id == job_id(3)


async def test_forgotten_job_may_be_registered_anew(jobs):
    await jobs.register(new_job(1))
    await poll_due(jobs, "succeeded")
    await jobs.forget(job_id(1))
    again = new_job(2, remote_id=new_job(1).remote_id)
    assert await jobs.register(again) == (again, True)


async def test_only_jobs_that_are_due_are_claimed(jobs):
    await register(jobs, *(new_job(number, next_poll_at=at(number - 2)) for number in range(1, 5)))
    assert numbers(await claim_jobs(jobs, NOW)) == [1, 2]


async def test_longest_due_jobs_are_claimed_first(jobs):
    for number, due in enumerate((-3, -1, -4, -2), start=1):
        await jobs.register(new_job(number, next_poll_at=at(due)))
    assert numbers(await claim_jobs(jobs, limit=2)) == [3, 1]
    assert numbers(await claim_jobs(jobs, limit=2)) == [4, 2]


async def test_claim_takes_no_more_than_its_limit(jobs):
    await register(jobs, *map(new_job, range(1, 6)))
    assert [len(await claim_jobs(jobs, limit=limit)) for limit in (0, 2, 2, 2, 2)] == [0, 2, 2, 1, 0]


async def test_claims_made_at_once_share_no_job(jobs):
    await register(jobs, *map(new_job, range(1, 31)))
    claims = await asyncio.gather(*(claim_jobs(jobs, limit=4) for _ in range(10)))
    assert sorted(numbers(job for rows in claims for job in rows)) == list(range(1, 31))


async def test_each_claim_of_a_job_has_its_own_epoch(jobs):
    await jobs.register(new_job())
    for epoch in (1, 2, 3):
        assert await claim_jobs(jobs) == (replace(new_job(), lease_epoch=epoch),)
        await jobs.recover_leases(None)


async def test_claim_tells_when_the_next_unclaimed_job_is_due(jobs):
    await register(jobs, *(new_job(number, next_poll_at=at(number)) for number in (1, 2, 3)))
    assert [(await claim_due(jobs, at(2), 1)).lanes[0].due_at for _ in range(3)] == [at(2), at(3), at(3)]
    assert (await claim_due(jobs, at(3), 1)).lanes == ()


async def test_next_due_time_is_of_the_jobs_that_nobody_works_on(jobs):
    assert await next_due_at(jobs) is None
    await register(jobs, new_job(1), new_job(2, next_poll_at=at(9)))
    assert await next_due_at(jobs) == NOW
    await claim_jobs(jobs)
    assert await next_due_at(jobs) == at(9)


async def test_released_job_is_due_at_once(jobs):
    await register(jobs, new_job(1), new_job(2))
    first, _ = await claim_jobs(jobs)
    await jobs.release([first])
    assert numbers(await claim_jobs(jobs)) == [1]


async def test_release_of_nothing_is_harmless(jobs):
    await jobs.release([])


async def test_lost_lease_cannot_be_released(jobs):
    await jobs.register(new_job())
    lost = await claim_jobs(jobs)
    await jobs.recover_leases(None)
    await claim_jobs(jobs)
    await jobs.release(lost)
    assert await claim_jobs(jobs) == ()


async def test_only_leases_that_ran_out_are_recovered(jobs):
    await register(jobs, new_job(1), new_job(2, next_poll_at=at(5)))
    await claim_jobs(jobs, NOW)
    await claim_jobs(jobs, at(5))
    assert await jobs.recover_leases(NOW + LEASE - LEASE / 60) == 0
    assert await jobs.recover_leases(NOW + LEASE) == 1
    assert numbers(await claim_jobs(jobs, at(5))) == [1]


async def test_all_leases_are_recovered_when_no_time_is_given(jobs):
    await register(jobs, new_job(1), new_job(2))
    await claim_jobs(jobs)
    assert await jobs.recover_leases(None) == 2
    assert await jobs.recover_leases(None) == 0
    assert numbers(await claim_jobs(jobs)) == [1, 2]


async def test_poll_now_makes_a_job_due(jobs):
    await jobs.register(new_job(next_poll_at=at(500)))
    assert await jobs.poll_now(job_id(1), at(3)) == new_job(next_poll_at=at(3))
    assert numbers(await claim_jobs(jobs, at(3))) == [1]


async def test_poll_now_waits_for_what_the_provider_asked(jobs):
    await jobs.register(new_job(next_poll_at=at(500), not_before=at(60)))
    assert (await jobs.poll_now(job_id(1), at(3))).next_poll_at == at(60)
    assert await next_due_at(jobs) == at(60)


async def test_poll_now_never_puts_a_poll_off(jobs):
    await jobs.register(new_job(next_poll_at=at(-5), not_before=at(60)))
    assert (await jobs.poll_now(job_id(1), NOW)).next_poll_at == at(-5)
    assert await next_due_at(jobs) == at(-5)


async def test_poll_now_leaves_a_finished_job_as_it_is(jobs):
    await jobs.register(new_job())
    await poll_due(jobs, "canceled")
    finished = await jobs.get(job_id(1))
    assert await jobs.poll_now(job_id(1), at(5)) == finished == await jobs.get(job_id(1))


async def test_poll_now_of_an_unknown_job_is_none(jobs):
    assert await jobs.poll_now("job_unknown", NOW) is None


async def test_forgotten_job_is_gone_with_its_history(jobs):
    await jobs.register(new_job(tags=("a",)))
    await poll_due(jobs, "running")
    assert await jobs.forget(job_id(1))
    assert await jobs.get(job_id(1)) is None
    assert await jobs.history(job_id(1)) == ()
    assert (await jobs.find(JobFilter(labels=(("tag", "a"),)), ALL)).rows == ()
    assert await next_due_at(jobs) is None


async def test_unknown_job_cannot_be_forgotten(jobs):
    assert not await jobs.forget("job_unknown")


async def test_only_jobs_that_ended_before_a_time_are_forgotten_with_retention(jobs):
    await register(jobs, *(new_job(number, next_poll_at=at(number)) for number in range(1, 5)))
    for number in (1, 2, 3):
        await jobs.record([polled(job, "failed", at(number)) for job in await claim_jobs(jobs, at(number))])
    assert await jobs.forget_finished(at(3), ALL) == 2
    assert [await jobs.get(job_id(number)) is None for number in range(1, 5)] == [True, True, False, False]


async def test_retention_forgets_the_longest_ended_first_and_no_more_than_asked(jobs):
    await register(jobs, *map(new_job, range(1, 4)))
    for job, ended in zip(await claim_jobs(jobs), (2, 1, 3), strict=True):
        await jobs.record([polled(job, "failed", at(ended))])
    assert await jobs.forget_finished(at(9), 1) == 1
    assert await jobs.get(job_id(2)) is None
    assert await jobs.forget_finished(at(9), ALL) == 2
