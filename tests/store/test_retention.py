"""What is past its retention goes from every table, a few rows at a time, and nothing else does."""

import pytest
from sqlalchemy import func, select

from store.answers import KEPT_FOR, Answers
from store.records import KeptAnswer, Status
from store.tables import ANSWERS, ATTEMPTS, DELIVERIES, EVENTS, JOBS, TRANSITIONS
from tracker.retention import Retention
from tracker.rules.reading import Moment

from .builders import NOW, at, attempt_due, job_id, new_job, new_subscription, poll_due, subscription_id

TABLES = (JOBS, TRANSITIONS, EVENTS, DELIVERIES, ATTEMPTS, ANSWERS)
OLD, YOUNG = 70, 3
STORY = (Moment(Status.RUNNING, "running", at(-1)), Moment(Status.SUCCEEDED, "done", NOW))
LATER = KEPT_FOR.total_seconds()


async def end_jobs(jobs, deliveries, answers, numbers, now):
    """Jobs that end at a time, whose webhooks arrive, and whose registrations were answered."""
    for number in numbers:
        await jobs.register(new_job(number, next_poll_at=now, timeout_at=at(2 * LATER)))
        await answers.keep(KeptAnswer("key_1", f"k{number}", "digest", now, 201, {}, b"{}"))
    await poll_due(jobs, "succeeded", now, history=STORY)
    await attempt_due(deliveries, subscription_id(1), 200, now)


async def counts(database):
    def count(connection):
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES]

    return await database.read(count)


@pytest.fixture
async def answers(database, jobs, deliveries, subscriptions):
    answers = Answers(database)
    await subscriptions.add(new_subscription())
    await end_jobs(jobs, deliveries, answers, range(OLD), NOW)
    await end_jobs(jobs, deliveries, answers, range(OLD, OLD + YOUNG), at(LATER))
    return answers


async def test_all_that_is_old_goes_and_all_that_is_young_stays(database, jobs, events, answers):
    before = await counts(database)
    assert before == [(OLD + YOUNG) * each for each in (1, 2, 2, 2, 2, 1)]
    batches = []

    def noting(forget):
        async def noted(_now, rows, spent):
            done = await forget(rows, spent)
            batches.append((done, rows))
            return done

        return noted

    retention = Retention(
        [
            noting(lambda rows, spent: jobs.forget_finished(at(1), rows, spent)),
            noting(lambda rows, spent: events.forget(at(1), rows, spent)),
            noting(lambda rows, spent: answers.forget(at(LATER), rows, spent)),
        ]
    )
    while await retention.forget(NOW):
        pass
    assert await counts(database) == [YOUNG * each for each in (1, 2, 2, 2, 2, 1)]
    assert await jobs.get(job_id(OLD)) is not None
    # An event goes along with the last of its deliveries.
    assert all(done <= 2 * rows for done, rows in batches)
    assert len(batches) > len(TABLES)
