"""Registering many jobs at once comes to what registering one after the other comes to."""

import asyncio
import random
from dataclasses import replace

import pytest

from store.job_filter import JobFilter
from store.registration import Registration

from .builders import job_id, new_job, poll_due

NAMES = ("fresh", "tracked", "ended")


@pytest.fixture
async def of_before(jobs):
    """A job that is tracked and one that has ended, in each of two worlds that are kept apart by their provider."""
    for number, provider in enumerate(("one", "many"), 1):
        await jobs.register(new_job(10 * number, provider=provider, remote_id="ended"))
    await poll_due(jobs, "succeeded")
    for number, provider in enumerate(("one", "many"), 1):
        await jobs.register(new_job(10 * number + 1, provider=provider, remote_id="tracked"))


def some_registrations(dice):
    """Registrations that repeat each other and what was there, some of them reruns."""
    return [
        Registration(new_job(100 + number, remote_id=dice.choice(NAMES)), dice.random() < 0.5) for number in range(8)
    ]


def in_world(registrations, provider, offset):
    return [
        replace(each, job=replace(each.job, provider=provider, id=f"{each.job.id}{offset}")) for each in registrations
    ]


def in_short(results):
    """What a registration came to, whatever its world."""
    return [(job.remote_id, job.run, job.status, is_new) for job, is_new in results]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.usefixtures("of_before")
async def test_many_at_once_are_like_one_after_the_other(jobs, seed):
    registrations = some_registrations(random.Random(seed))  # noqa: S311 - no secret
    one = [await jobs.register(each.job, rerun=each.is_rerun) for each in in_world(registrations, "one", "a")]
    many = await jobs.register_many(in_world(registrations, "many", "b"))
    assert in_short(many) == in_short(one)
    assert [await jobs.get(job.id) for job, _ in many] == [job for job, _ in many]


async def test_repeat_among_many_is_answered_with_the_first(jobs):
    first, second = new_job(1, remote_id="same"), new_job(2, remote_id="same")
    assert await jobs.register_many([Registration(first), Registration(second, is_rerun=True)]) == [
        (first, True),
        (first, False),
    ]
    assert await jobs.get(second.id) is None


async def test_many_can_be_found_by_their_labels(jobs):
    batch = [new_job(n, tags=("odd",) if n % 2 else (), metadata={"n": n}) for n in range(1, 6)]
    await jobs.register_many([Registration(job) for job in batch])
    odd = await jobs.find(JobFilter(labels=(("tag", "odd"),)), 10)
    assert [job.id for job in odd.rows] == [job_id(5), job_id(3), job_id(1)]
    (third,) = (await jobs.find(JobFilter(labels=(("metadata.n", "3"),)), 10)).rows
    assert third == batch[2]


async def test_none_at_all_is_nothing(jobs):
    assert await jobs.register_many([]) == []


async def test_same_job_in_many_batches_at_once_is_new_once(jobs):
    batches = [[Registration(new_job(10 * n + k, remote_id=f"same-{k}")) for k in range(5)] for n in range(6)]
    answers = await asyncio.gather(*(jobs.register_many(batch) for batch in batches))
    assert sum(is_new for answer in answers for _, is_new in answer) == 5
    assert len({job.id for answer in answers for job, _ in answer}) == 5
