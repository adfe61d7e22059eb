"""How the service stands, and that nobody wears the database out by asking for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from store.records import Status
from tests.flow import fetch, live, register
from tracker.demo.receiver import Mischief
from tracker.demo.simulators import Fault, wondercat
from tracker.present import FRESH, LONGEST_PAUSE, PAUSE, Kept

LONG = wondercat.success("inference", 10_000)


class Look:
    """A look that takes a while, and finds how many came before it."""

    def __init__(self, clock, seconds=0.0):
        self._clock = clock
        self.seconds = seconds
        self.count = 0

    async def __call__(self):
        self.count += 1
        self._clock.advance(self.seconds)
        await asyncio.sleep(0)
        return self.count


async def test_look_is_kept_for_a_moment(surroundings, clock):
    kept = Kept(Look(clock), surroundings)
    began = clock()
    assert await kept.latest() == await kept.latest() == (1, began)
    clock.advance(FRESH.total_seconds())
    assert await kept.latest() == (2, began + FRESH)


async def test_many_who_ask_at_once_share_one_look(surroundings, clock):
    look = Look(clock)
    kept = Kept(look, surroundings)
    found = await asyncio.gather(*(kept.latest() for _ in range(9)))
    assert (set(found), look.count) == ({(1, clock())}, 1)


async def test_long_looks_are_made_the_more_rarely(surroundings, clock):
    look = Look(clock, seconds=0.2)
    kept = Kept(look, surroundings)
    began = clock()
    await kept.latest()
    clock.at = began + timedelta(seconds=0.2 * PAUSE - 0.1)
    assert (await kept.latest())[0] == 1
    clock.advance(0.1)
    assert (await kept.latest())[0] == 2


async def test_look_that_took_very_long_is_made_anew_all_the_same(surroundings, clock):
    kept = Kept(Look(clock, seconds=20), surroundings)
    began = clock()
    await kept.latest()
    clock.at = began + LONGEST_PAUSE
    assert (await kept.latest())[0] == 2


async def test_clock_that_was_set_back_keeps_nothing_for_longer(surroundings, clock):
    kept = Kept(Look(clock), surroundings)
    await kept.latest()
    clock.advance(-3600)
    assert (await kept.latest())[0] == 2


async def test_look_that_fails_is_made_anew(surroundings):
    found = iter([RuntimeError("no"), 7])

    async def look():
        answer = next(found)
        if isinstance(answer, Exception):
            raise answer
        return answer

    kept = Kept(look, surroundings)
    with pytest.raises(RuntimeError, match="no"):
        await kept.latest()
    assert (await kept.latest())[0] == 7


async def begin(stage, *names, script=LONG, **body):
    for name in names:
        stage.world.add("wondercat", "inference", script, job_id=name)
        await register(stage, provider="wondercat", kind="inference", remote_id=name, **body)


def each_status(**counts):
    return dict.fromkeys(Status, 0) | counts


async def look(stage, clock):
    clock.advance(FRESH.total_seconds())
    return await fetch(stage, "/v1/overview")


async def test_idle_service_has_nothing_to_do(stage, clock):
    started = clock()
    seen = await look(stage, clock)
    assert seen["jobs"]["by_provider"] == {}
    assert seen["jobs"]["by_status"] == each_status()
    assert seen["polls"] == {"slots": 256, "busy_slots": 0, "oldest_due_seconds": 0.0}
    assert seen["deliveries"] == seen["polls"] | dict.fromkeys(
        ("held_subscribers", "pending", "exhausted", "blocked"), 0
    )
    assert (seen["accounts"], seen["breakers"], seen["replicas"]) == ([], [], 1)
    assert seen["started_at"].startswith(started.isoformat()[:19])


async def test_jobs_are_counted_by_status_and_provider(stage, clock):
    await begin(stage, "r1", "r2")
    await begin(stage, "r3", script=wondercat.success("inference", 3))
    await live(stage, clock, 30)
    jobs = (await look(stage, clock))["jobs"]
    assert jobs["by_status"] == each_status(queued=2, succeeded=1)
    assert jobs["by_provider"] == {"wondercat": each_status(queued=2, succeeded=1)}


async def test_work_that_is_left_lying_grows_older(stage, clock):
    await begin(stage, "r1")
    clock.advance(600)
    assert (await look(stage, clock))["polls"]["oldest_due_seconds"] > 590


async def test_deliveries_that_wait_are_counted(stage, clock):
    stage.inbox.misbehave(Mischief.SERVER_ERROR, times=9)
    await begin(stage, "r1", script=wondercat.success("inference", 3))
    await live(stage, clock, 9)
    seen = (await look(stage, clock))["deliveries"]
    assert (seen["pending"], seen["exhausted"], seen["blocked"]) == (1, 0, 0)


async def test_suspended_account_is_told_with_the_reason(stage, clock):
    await begin(stage, "r1")
    stage.world.break_polls(Fault.UNAUTHORIZED, times=99)
    await live(stage, clock, 30)
    (account,) = (await look(stage, clock))["accounts"]
    assert (account["provider"], account["name"], account["status"]) == ("wondercat", "default", "suspended")
    assert account["message"]
    assert account["retry_at"] > account["since"]


async def test_provider_that_cannot_be_reached_is_told(stage, clock):
    await begin(stage, *(f"r{number}" for number in range(8)))
    stage.world.break_polls(Fault.HUNG_UP, times=10_000)
    await live(stage, clock, 30)
    (breaker,) = (await look(stage, clock))["breakers"]
    assert breaker["provider"] == "wondercat"
    assert breaker["failures"] >= 5
