"""Profiles are written along with polls, and read back as they were."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from store.profiles import Profiles
from store.records import Sightings, StoredProfile

from .builders import ALL, NOW, at, claim_due, new_job, polled

PROFILE = StoredProfile("scenario", "job", "", b"\x00learned\xff", NOW)


@pytest.fixture
def profiles(database):
    return Profiles(database)


async def test_profile_is_read_back_as_it_was_written(jobs, profiles):
    assert await profiles.all() == ()
    await jobs.record([], [PROFILE])
    assert await profiles.all() == (PROFILE,)


async def test_newer_profile_takes_the_place_of_the_older_one_with_its_key(jobs, profiles):
    other = replace(PROFILE, model="flux")
    await jobs.record([], [PROFILE, other])
    newer = replace(PROFILE, state=b"more", updated_at=at(5))
    await jobs.record([], [newer])
    assert set(await profiles.all()) == {newer, other}


async def test_profile_is_written_with_its_polls_or_not_at_all(jobs, profiles):
    await jobs.register(new_job())
    (job,) = (await claim_due(jobs, NOW, ALL)).jobs
    outcome = polled(job, "succeeded")
    broken = replace(outcome, job=replace(outcome.job, finished_at=None))
    with pytest.raises(IntegrityError):
        await jobs.record([broken], [PROFILE])
    assert await profiles.all() == ()
    await jobs.record([outcome], [PROFILE])
    assert await profiles.all() == (PROFILE,)


async def test_what_polls_saw_of_a_job_is_kept(jobs):
    await jobs.register(new_job())
    (job,) = (await claim_due(jobs, NOW, ALL)).jobs
    outcome = polled(job, "running")
    seen = Sightings(3.5, 8.0, 2.5, 4.25, 4.1, None, ((4.25, 0.1), (8.0, 0.5)))
    await jobs.record([replace(outcome, job=replace(outcome.job, sightings=seen))])
    assert (await jobs.get(job.id)).sightings == seen
