"""Profiles and plans of every kind, from the first job on: what they are made of, and what outlives a restart."""

from dataclasses import replace
from datetime import timedelta

import pytest

from store.records import Sightings, Status, StoredProfile, Waiting
from tests.rules.strategies import NOW, at, new_job
from tracker.intervals import MOST_LESSONS, MOST_MODELS, Intervals, Key
from tracker.rules.plan import View, next_delay, outlook
from tracker.rules.profile_bytes import LARGEST
from tracker.rules.schedule import Timing, most_overdue

VIDEO = Timing(first=5, interval=10, timeout=3600)
IMAGE = Timing(first=1, interval=3)
KIND = Key("scenario", "job")
FLUX = Key("scenario", "job", "flux")


def timing_of(_provider, kind):
    return {"job": VIDEO, "image": IMAGE}[kind]


def model_of(job):
    return job.metadata.get("model", "")


@pytest.fixture
def start(surroundings):
    """Starts the intervals; what they have under way is ended with the test."""
    started = []

    def start_one(stored=(), timing=timing_of, delay_per_poll=None, *, is_learning=True):
        intervals = Intervals(stored, timing, model_of, surroundings, delay_per_poll, is_learning=is_learning)
        started.append(intervals)
        return intervals

    yield start_one
    for intervals in started:
        intervals.close()


def job_that_took(seconds, model="", status=Status.SUCCEEDED, **changes):
    """A finished job; polls saw its end within a tenth of its duration."""
    seen = Sightings(unfinished_at=0.95 * seconds, running_since=0.5 * seconds)
    final = {"status": status, "sequence": 2, "finished_at": at(1.05 * seconds), "next_poll_at": None}
    polled = {"polls": 3, "last_polled_at": at(1.05 * seconds), "sightings": seen}
    return new_job(**{**final, **polled, "metadata": {"model": model} if model else {}} | changes)


async def taught(intervals, *jobs):
    """Learns from each job by itself, and returns what is to be written at last, by key."""
    written = {}
    for job in jobs:
        written |= {Key(each.provider, each.kind, each.model): each for each in await intervals.learn([job])}
    await intervals.drain()
    return written


def median(intervals, key=KIND):
    return outlook(intervals.plan(key)).median


def first_delay(intervals, key=KIND):
    return next_delay(intervals.plan(key), View(), 0.999)


async def test_plan_is_there_before_any_job(start):
    intervals = start()
    plan = intervals.plan_of(new_job())
    assert outlook(plan).jobs == 0
    assert 20 < outlook(plan).median < 200
    assert intervals.plan_of(new_job()) is plan


async def test_cold_start_is_as_the_description_says(start):
    described = replace(VIDEO, typical=700.0, delay_per_poll=12.0)
    intervals = start(timing=lambda _provider, _kind: described)
    assert median(intervals) == pytest.approx(700, rel=0.3)
    assert intervals.terms(KIND).delay_per_poll == 12


async def test_finished_jobs_move_what_is_expected(start):
    intervals = start()
    before = first_delay(intervals)
    await taught(intervals, *[job_that_took(400 + number) for number in range(12)])
    assert outlook(intervals.plan(KIND)).jobs == 12
    assert median(intervals) == pytest.approx(405, rel=0.1)
    assert first_delay(intervals) > 3 * before


async def test_jobs_that_end_together_teach_as_much_as_one_by_one(start):
    jobs = [job_that_took(400 + 9 * number) for number in range(12)]
    together, apart = start(), start()
    await together.learn(jobs)
    await together.drain()
    await taught(apart, *jobs)
    assert (median(together), first_delay(together)) == (median(apart), first_delay(apart))


async def test_plans_are_of_the_newest_profile_once_drained(start):
    intervals = start()
    for number in range(15):
        await intervals.learn([job_that_took(300 + number)])
    await intervals.drain()
    assert outlook(intervals.plan(KIND)).jobs == 15


async def test_jobs_that_say_nothing_are_not_learned_from(start):
    intervals = start()
    assert await intervals.learn([]) == []
    assert await intervals.learn([new_job(), job_that_took(9, status=Status.CANCELED, sightings=None)]) == []
    assert intervals.keys("scenario") == []


async def test_canceled_job_teaches_that_jobs_can_take_longer(start):
    intervals = start()
    before = median(intervals)
    await taught(intervals, *[job_that_took(9 * before, status=Status.CANCELED) for _ in range(3)])
    assert median(intervals) > 2 * before


async def test_what_was_learned_is_read_back(start):
    intervals = start()
    written = await taught(intervals, *[job_that_took(200 + 20 * (number % 5)) for number in range(30)])
    again = start(written.values())
    assert outlook(again.plan(KIND)).jobs == 30
    assert median(again) == pytest.approx(median(intervals), rel=0.03)
    assert first_delay(again) == pytest.approx(first_delay(intervals), rel=0.03)
    assert outlook(again.plan(KIND)).polls == pytest.approx(outlook(intervals.plan(KIND)).polls, rel=0.03)


async def test_state_is_small_and_dated(start, clock):
    intervals = start()
    jobs = [job_that_took(100 + 7 * (number % 31), model="flux") for number in range(90)]
    clock.advance(77)
    written = await taught(intervals, *jobs)
    assert set(written) == {KIND, FLUX}
    assert all(0 < len(each.state) <= LARGEST == 4096 for each in written.values())
    assert all(each.updated_at == clock.at for each in written.values())


@pytest.mark.parametrize("state", [b"", b"\x01", b"no profile at all", b"\xff" * 4096])
async def test_damaged_profile_is_a_cold_start(start, state):
    intervals, fresh = start([StoredProfile("scenario", "job", "", state, NOW)]), start()
    assert median(intervals) == median(fresh)
    await taught(intervals, job_that_took(300))
    assert outlook(intervals.plan(KIND)).jobs == 1


async def test_profile_with_a_flipped_bit_is_a_cold_start(start):
    written = await taught(start(), *[job_that_took(900) for _ in range(9)])
    state = bytearray(written[KIND].state)
    state[len(state) // 2] ^= 1
    assert median(start([replace(written[KIND], state=bytes(state))])) == median(start())


async def test_model_begins_with_what_its_kind_has_learned(start):
    intervals = start()
    await taught(intervals, *[job_that_took(400) for _ in range(10)])
    assert median(intervals, FLUX) == pytest.approx(400, rel=0.2)
    assert outlook(intervals.plan(FLUX)).jobs == 0
    assert intervals.keys("scenario") == [KIND]


async def test_model_without_a_job_goes_on_with_what_its_kind_learns(start):
    intervals = start()
    before = median(intervals, FLUX)
    await taught(intervals, *[job_that_took(9 * before) for _ in range(10)])
    assert median(intervals, FLUX) == pytest.approx(9 * before, rel=0.3)


async def test_job_of_a_model_teaches_its_model_and_its_kind(start):
    intervals = start()
    await taught(intervals, *[job_that_took(30) for _ in range(8)])
    await taught(intervals, *[job_that_took(300, model="flux") for _ in range(8)])
    assert (outlook(intervals.plan(KIND)).jobs, outlook(intervals.plan(FLUX)).jobs) == (16, 8)
    assert median(intervals, FLUX) == pytest.approx(300, rel=0.15)
    assert intervals.keys("scenario") == [KIND, FLUX]
    assert intervals.key(job_that_took(1, model="flux")) == FLUX
    assert intervals.plan_of(job_that_took(1, model="flux")) is intervals.plan(FLUX)


async def test_model_that_was_stored_is_read_back_as_it_was(start):
    intervals = start()
    written = await taught(intervals, *[job_that_took(300, model="flux") for _ in range(8)])
    await taught(again := start(written.values()), *[job_that_took(20) for _ in range(8)])
    assert again.keys("scenario") == [KIND, FLUX]
    assert median(again, FLUX) == pytest.approx(median(intervals, FLUX), rel=0.03)


async def test_kinds_and_providers_do_not_learn_from_each_other(start):
    intervals = start()
    await taught(intervals, *[job_that_took(900) for _ in range(5)])
    assert outlook(intervals.plan(Key("scenario", "image"))).jobs == 0
    assert outlook(intervals.plan(Key("decart", "job"))).jobs == 0
    assert intervals.keys("decart") == []


async def test_setting_goes_before_what_the_description_says_a_poll_is_worth(start):
    def described(_provider, _kind):
        return replace(VIDEO, delay_per_poll=12.0)

    assert start(timing=described).terms(KIND).delay_per_poll == 12
    assert start(timing=described, delay_per_poll=3.0).terms(KIND).delay_per_poll == 3
    dear, cheap = start(delay_per_poll=60.0), start(delay_per_poll=0.5)
    assert outlook(dear.plan(KIND)).polls < outlook(cheap.plan(KIND)).polls


async def test_polls_are_no_further_apart_than_a_result_lives_or_a_job_may_take(start):
    def terms(**changes):
        return start(timing=lambda _provider, _kind: replace(VIDEO, **changes)).terms(KIND)

    assert terms().longest == VIDEO.timeout
    assert terms(result_lifetime=100.0).longest == 50
    assert terms(max_delay=7.0).longest == 7
    assert terms(minimum=20.0, max_delay=7.0) == replace(terms(), floor=20.0, longest=20.0)


async def test_without_learning_there_are_no_plans_and_nothing_is_learned(start):
    intervals = start(is_learning=False)
    assert intervals.plan_of(new_job()) is None
    assert await intervals.learn([job_that_took(9)]) == []
    assert intervals.keys("scenario") == []


def waiting(name, polled, patience, kind="job"):
    """A due job that was last polled so many seconds after its registration, to be polled again `patience` later."""
    known = Sightings(unfinished_at=polled)
    return Waiting(name, "scenario", kind, at(polled + patience), at(polled), NOW, known)


async def test_without_learning_the_most_overdue_go_first(start):
    due = [waiting("patient", 10, 80), waiting("hurried", 80, 1), waiting("late", 50, 5)]
    now = NOW + timedelta(seconds=100)
    assert start(is_learning=False).choose(due, 2, now) == most_overdue(due, 2, now) == ["hurried", "late"]


async def test_under_contention_the_longest_undetected_goes_first(start):
    intervals = start()
    await taught(intervals, *[job_that_took(100) for _ in range(20)])
    due = [waiting("just", 119, 1), waiting("ripe", 90, 20), waiting("other", 70, 1, "image")]
    now = NOW + timedelta(seconds=120)
    assert intervals.choose(due, 3, now) == ["other", "ripe", "just"]
    assert intervals.choose(due, 2, now) == ["other", "ripe"]


async def test_where_no_plan_can_be_made_the_most_overdue_go_first(start, monkeypatch):
    intervals = start()
    monkeypatch.setattr("tracker.intervals.plan_for", lambda *_: 1 / 0)
    due = [waiting("just", 119, 1), waiting("ripe", 90, 20), waiting("other", 70, 1, "image")]
    now = NOW + timedelta(seconds=120)
    assert intervals.choose(due, 2, now) == most_overdue(due, 2, now)


async def test_drain_returns_at_once_when_nothing_is_under_way(start):
    await start().drain()


def test_no_more_models_of_a_kind_are_told_apart_than_the_store_is_to_hold(start):
    intervals = start([StoredProfile("scenario", "job", f"m{number}", b"", NOW) for number in range(MOST_MODELS)])
    job = new_job(metadata={"model": "m7"})
    assert intervals.key(job).model == "m7"
    assert intervals.key(replace(job, metadata={"model": "one too many"})).model == ""
    assert intervals.key(replace(job, kind="image", metadata={"model": "another"})).model == "another"


async def test_busy_times_do_not_learn_from_every_job(start, clock):
    intervals = start()
    for _ in range(30):
        await intervals.learn([job_that_took(200) for _ in range(1000)])
    await intervals.drain()
    learned = outlook(intervals.plan(KIND)).jobs
    assert 100 <= learned < 1000
    clock.advance(1)
    await intervals.learn([job_that_took(200) for _ in range(1000)])
    await intervals.drain()
    assert learned < outlook(intervals.plan(KIND)).jobs <= learned + MOST_LESSONS
