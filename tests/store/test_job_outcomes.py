"""Recording polls: a job, its transitions, its events and their deliveries, all of it or nothing."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from store.deliveries import DeliveryFilter
from store.jobs import Recorded
from store.records import Job, JobError, Status, Step
from tracker.rules import track
from tracker.rules.reading import Moment, Problem, Unchanged

from .builders import (
    ALL,
    NOW,
    TIMING,
    at,
    attempt_due,
    claim_jobs,
    job_id,
    new_job,
    new_subscription,
    next_due_at,
    poll_due,
    polled,
    subscription_id,
)

RESULT = {
    "progress": 1.0,
    "output": {"images": ["https://cdn.example/1.png"]},
    "steps": (Step("s1", "resize", "done"),),
    "started_at": at(-9),
    "finished_at": at(-1),
}
WHOLE_STORY = (
    Moment(Status.QUEUED, "queued", at(-10)),
    Moment(Status.RUNNING, "working", at(-9)),
    Moment(Status.ACTION_REQUIRED, "ask", at(-8)),
    Moment(Status.RUNNING, "working", at(-7)),
    Moment(Status.SUCCEEDED, "done", at(-1)),
)


@pytest.fixture
async def job(jobs, subscriptions) -> Job:
    """A job on which a lease is held, and a subscription to all of its events."""
    await subscriptions.add(new_subscription())
    await jobs.register(new_job())
    (claimed,) = await claim_jobs(jobs)
    return claimed


async def stored(jobs, events, deliveries):
    """All that a poll may change, and the events in their order."""
    return (
        await jobs.get(job_id(1)),
        await jobs.history(job_id(1)),
        tuple(reversed((await events.of_job(job_id(1), ALL)).rows)),
        (await deliveries.find(DeliveryFilter(), ALL)).rows,
    )


async def test_poll_is_recorded_whole(jobs, events, deliveries, job):
    outcome = polled(job, "succeeded", history=WHOLE_STORY, **RESULT)
    assert await jobs.record([outcome]) == Recorded((job.id,), len(outcome.events), None, (outcome,))
    kept, history, told, told_to = await stored(jobs, events, deliveries)
    assert kept == outcome.job
    assert history == outcome.transitions
    assert [replace(event, position=None) for event in told] == list(outcome.events)
    assert {delivery.event_id for delivery in told_to} == {event.id for event in outcome.events}


async def test_history_is_told_oldest_first_without_gaps(jobs, job):
    await jobs.record([polled(job, "succeeded", history=WHOLE_STORY)])
    history = await jobs.history(job.id)
    assert [transition.status for transition in history] == [moment.status for moment in WHOLE_STORY]
    assert [transition.sequence for transition in history] == [1, 2, 3, 4, 5]


async def test_poll_that_fails_a_job_keeps_its_error(jobs, job):
    error = JobError("it broke", "mend it", "broken")
    await jobs.record([polled(job, "failed", error=error)])
    assert (await jobs.get(job.id)).error == error


async def test_poll_with_a_problem_is_kept_and_tells_nothing(jobs, events, deliveries, job):
    outcome = track.decide(job, Problem("timeout", "no answer", retry_after=30), TIMING, at(1), jitter=0.5)
    assert await jobs.record([outcome]) == Recorded((), 0, outcome.job.next_poll_at, (outcome,))
    kept, *rest = await stored(jobs, events, deliveries)
    assert kept == outcome.job
    assert kept.poll_problem.retry_at == kept.not_before == at(31)
    assert rest == [(), (), ()]


async def test_recorded_job_is_due_again_when_its_outcome_says(jobs, job):
    outcome = polled(job, "running", at(1))
    assert (await jobs.record([outcome])).next_due_at == outcome.job.next_poll_at == await next_due_at(jobs)
    assert await claim_jobs(jobs, at(1)) == ()
    assert len(await claim_jobs(jobs, outcome.job.next_poll_at)) == 1


@pytest.mark.parametrize("status", [status for status in Status if status.is_final])
async def test_final_job_is_never_claimed_again(jobs, job, status):
    await jobs.record([polled(job, status)])
    assert await next_due_at(jobs) is None
    assert await claim_jobs(jobs, at(10**8)) == ()


async def test_several_polls_are_recorded_together(jobs, job):
    await jobs.register(new_job(2))
    await jobs.register(new_job(3))
    second, third = await claim_jobs(jobs)
    outcomes = [polled(job, "succeeded"), polled(second, "running"), polled(third, "running", at(1))]
    recorded = await jobs.record(outcomes)
    changed = (job.id, second.id, third.id)
    assert recorded == Recorded(changed, 3, outcomes[1].job.next_poll_at, tuple(outcomes))


async def test_nothing_to_record_is_nothing(jobs):
    assert await jobs.record([]) == Recorded((), 0, None)


async def lose_lease(jobs):
    await jobs.recover_leases(None)


async def lose_lease_to_another_claim(jobs):
    await jobs.recover_leases(None)
    await claim_jobs(jobs)


async def lose_lease_to_another_poll(jobs):
    await jobs.recover_leases(None)
    await poll_due(jobs, "running")


async def lose_job(jobs):
    await jobs.forget(job_id(1))


@pytest.mark.parametrize("lose", [lose_lease, lose_lease_to_another_claim, lose_lease_to_another_poll, lose_job])
async def test_poll_without_its_lease_is_dropped_whole(jobs, events, deliveries, job, lose):
    await lose(jobs)
    before = await stored(jobs, events, deliveries)
    assert await jobs.record([polled(job, "succeeded", **RESULT)]) == Recorded((), 0, None)
    assert await stored(jobs, events, deliveries) == before


async def test_lost_lease_drops_no_other_poll_of_the_batch(jobs, job):
    await lose_lease(jobs)
    await jobs.register(new_job(2, next_poll_at=at(-1)))
    (other,) = await claim_jobs(jobs, limit=1)
    recorded = await jobs.record([polled(job, "succeeded"), polled(other, "succeeded")])
    assert recorded.changed_jobs == (other.id,)
    assert (await jobs.get(job.id)).status is Status.QUEUED


async def test_poll_is_recorded_once(jobs, events, deliveries, job):
    outcome = polled(job, "running")
    await jobs.record([outcome])
    before = await stored(jobs, events, deliveries)
    await jobs.record([outcome])
    assert await stored(jobs, events, deliveries) == before


async def test_poll_that_breaks_a_promise_leaves_nothing_of_itself(jobs, events, deliveries, job):
    before = await stored(jobs, events, deliveries)
    outcome = polled(job, "succeeded", **RESULT)
    gap = tuple(replace(transition, previous_status=transition.status) for transition in outcome.transitions)
    with pytest.raises(IntegrityError):
        await jobs.record([replace(outcome, transitions=gap)])
    assert await stored(jobs, events, deliveries) == before
    await jobs.record([outcome])
    assert (await jobs.get(job.id)).status is Status.SUCCEEDED


async def test_poll_asked_for_during_a_poll_gives_way_to_what_that_poll_plans(jobs, job):
    outcome = polled(job, "running", at(2))
    await jobs.poll_now(job.id, at(1))
    await jobs.record([outcome])
    assert await next_due_at(jobs) == outcome.job.next_poll_at


async def test_forgotten_job_leaves_its_events_and_they_are_still_delivered(jobs, events, deliveries, job):
    await jobs.record([polled(job, "running")])
    _, _, told, told_to = await stored(jobs, events, deliveries)
    await jobs.forget(job.id)
    assert (await stored(jobs, events, deliveries))[2:] == (told, told_to)
    await attempt_due(deliveries, subscription_id(1), 200, NOW)
    assert (await deliveries.get(told_to[0].id)).delivered_at == NOW


@pytest.mark.parametrize("answer", [Unchanged(), Problem("timeout", "No answer.")])
async def test_quiet_poll_is_written_as_whole_as_any_other(jobs, job, answer):
    await jobs.record([polled(job, "running", progress=0.5)])
    (claimed,) = await claim_jobs(jobs, at(60))
    quiet = track.decide(claimed, answer, TIMING, at(61), jitter=0.5)
    assert quiet.is_quiet
    await jobs.record([quiet])
    assert await jobs.get(job.id) == quiet.job
    assert (await claim_jobs(jobs, at(600)))[0].polls == 2
