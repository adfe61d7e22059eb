"""What is done is counted by the minute, and is all there after a stop."""

from __future__ import annotations

from datetime import timedelta

import pytest

from store.errors import DatabaseAwayError
from store.records import Activity, Status
from tests.conftest import on_both_back_ends
from tests.flow import fetch, live, register
from tests.rules.strategies import TIMING, new_job, reading
from tracker.demo.receiver import Mischief
from tracker.demo.simulators import wondercat
from tracker.rules.activity import KEPT, minute_of
from tracker.rules.track import decide, give_up
from tracker.tally import EVERY, Tally


class Log:
    """Keeps what is written, as the store's log does, and can be away."""

    def __init__(self):
        self.rows = {}
        self.is_away = False
        self.writes = 0

    async def write(self, rows):
        self.writes += 1
        if self.is_away:
            raise DatabaseAwayError("away")
        self.rows |= {(row.minute, row.provider): row for row in rows}

    async def since(self, first, _step, but):
        return [row for row in self.rows.values() if row.minute >= first and row.minute not in but]


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def tally(log, surroundings):
    return Tally(log, surroundings)


def seen(clock, status, age=10, ended_before=None, **known):
    """A poll of a job that was registered `age` seconds ago and, its provider says, ended so long before now."""
    now = clock()
    job = new_job(created_at=now - timedelta(seconds=age), timeout_at=now + timedelta(days=1), **known)
    ended = {} if ended_before is None else {"finished_at": now - timedelta(seconds=ended_before)}
    return decide(job, reading(status, **ended), TIMING, now, jitter=0.5)


async def done(tally):
    return await tally.since(0, 1)


async def test_nothing_is_written_unless_something_was_done(tally, log, clock):
    assert await tally.tick() == clock() + EVERY
    assert log.writes == 0
    tally.asked("decart")
    await tally.tick()
    await tally.tick()
    assert log.writes == 1


async def test_what_is_not_written_yet_is_told_all_the_same_and_once(tally, clock):
    now = minute_of(clock())
    for count in (1, 2, 3):
        tally.asked("decart")
        assert await done(tally) == {now: [Activity(now, "decart", requests=count)]}
        await tally.write()
        assert await done(tally) == {now: [Activity(now, "decart", requests=count)]}


async def test_a_minute_that_is_over_is_told_by_the_log(tally, log, clock):
    first = minute_of(clock())
    tally.asked("decart")
    clock.advance(60)
    tally.asked("scenario")
    await tally.write()
    clock.advance(60)
    await tally.write()
    told = {first: [Activity(first, "decart", requests=1)], first + 1: [Activity(first + 1, "scenario", requests=1)]}
    assert await done(tally) == told
    assert await Tally(log, tally._surroundings).since(0, 1) == told


async def test_what_could_not_be_written_is_written_later(tally, log, clock):
    tally.asked("decart")
    log.is_away = True
    with pytest.raises(DatabaseAwayError):
        await tally.write()
    clock.advance(120)
    log.is_away = False
    await tally.write()
    assert [row.requests for row in log.rows.values()] == [1]


async def test_database_that_is_away_at_the_end_is_no_fault(tally, log):
    tally.asked("decart")
    log.is_away = True
    await tally.close()
    assert log.writes == 1


async def test_end_of_a_job_counts_its_polls_and_its_delay_where_the_provider_tells_it(tally, clock):
    tally.polled(
        [
            seen(clock, Status.RUNNING, polls=3),
            seen(clock, Status.SUCCEEDED, ended_before=4, polls=6),
            seen(clock, Status.FAILED, ended_before=1),
            seen(clock, Status.FAILED),
        ]
    )
    now = minute_of(clock())
    ends = {"jobs_succeeded": 1, "jobs_failed": 2, "finished_polls": 9}
    told = Activity(now, "scenario", polls=4, **ends, delays=2, delay_seconds=5.0, longest_delay=4.0)
    assert await done(tally) == {now: [told]}


async def test_job_that_is_given_up_ends_without_a_poll(tally, clock):
    tally.polled([give_up(new_job(created_at=clock()), clock())])
    now = minute_of(clock())
    assert await done(tally) == {now: [Activity(now, "scenario", jobs_expired=1)]}


async def begin(stage, *names, **body):
    for name in names:
        stage.world.add("wondercat", "inference", wondercat.success("inference", 3), job_id=name)
        await register(stage, provider="wondercat", kind="inference", remote_id=name, **body)


@on_both_back_ends
async def test_activity_agrees_with_what_was_done(stage, clock):
    stage.inbox.misbehave(Mischief.SERVER_ERROR, path="/b", times=1)
    await begin(stage, "a", "b")
    await live(stage, clock, 60)
    told = await fetch(stage, "/v1/activity?minutes=5")
    jobs = (await fetch(stage, "/v1/jobs"))["data"]
    polls = sum(job["polls"] for job in jobs)
    assert sum(step["polls"] for step in told["data"]) == polls
    assert sum(step["requests"] for step in told["data"]) == stage.world.requests
    assert sum(step["jobs"]["succeeded"] for step in told["data"]) == 2
    assert sum(step["polls_of_finished_jobs"] for step in told["data"]) == polls
    assert sum(step["attempts"]["delivered"] for step in told["data"]) == 2
    assert sum(step["attempts"]["rejected"] for step in told["data"]) == 1
    assert sum(step["deliveries"]["delivered"] for step in told["data"]) == 2
    assert {name for step in told["data"] for name in step["providers"]} == {"wondercat"}


async def test_the_sweep_forgets_what_is_too_old_to_be_asked_for(stage, clock):
    log, now = stage.service.activity_log, minute_of(clock())
    kept = minute_of(clock() - KEPT)
    await log.write([Activity(kept - 1, "decart"), Activity(kept, "decart"), Activity(now, "decart")])
    await stage.service.sweep.tick()
    assert {row.minute for row in await log.since(0, 1)} == {kept, now}
