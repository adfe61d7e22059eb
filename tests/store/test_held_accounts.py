"""Held accounts, jobs that are out of time, and accepted cancellations."""

from store.accounts import HeldAccounts
from store.records import HeldAccount

from .builders import ALL, LEASE, NOW, at, claim_due, job_id, new_job, poll_due, polled

HELD = HeldAccount("scenario", "default", "slowed", NOW, at(60), 1, "too fast")


async def test_account_is_kept_while_it_is_held(database, jobs):
    accounts = HeldAccounts(database)
    await jobs.record([], accounts=[HELD])
    assert await accounts.all() == (HELD,)
    later = HeldAccount("scenario", "default", "suspended", NOW, at(90), 2, None)
    other = HeldAccount("scenario", "team-a", "slowed", NOW, at(5), 1)
    await jobs.record([], accounts=[later, other])
    assert set(await accounts.all()) == {later, other}
    await jobs.record([], accounts=[HeldAccount("scenario", "default", "active", None, None, 0)])
    assert await accounts.all() == (other,)


async def test_jobs_whose_time_is_over_are_claimed_whatever_they_wait_for(jobs):
    for number, (due, end) in enumerate(((5, 10), (500, 10), (5, 20), (5, 9)), start=1):
        await jobs.register(new_job(number, next_poll_at=at(due), timeout_at=at(end)))
    await jobs.register(new_job(5, timeout_at=at(9)))
    await poll_due(jobs, "succeeded")
    late = await jobs.claim_out_of_time(at(10), 2, at(10) + LEASE)
    assert {job.id for job in late} < {job_id(number) for number in (1, 2, 4)}
    assert len(late) == 2
    assert len(await jobs.claim_out_of_time(at(10), ALL, at(10) + LEASE)) == 1
    assert await jobs.claim_out_of_time(at(10), ALL, at(10) + LEASE) == ()


async def test_poll_that_was_under_way_does_not_forget_that_a_cancellation_was_accepted(jobs):
    await jobs.register(new_job())
    (job,) = (await claim_due(jobs, NOW, ALL)).jobs
    await jobs.note_cancel(job.id, at(1))
    await jobs.record([polled(job, "running", at(2))])
    assert (await jobs.get(job.id)).cancel_accepted_at == at(1)
