"""The service learns how long jobs take: on a clock moved by hand it comes to the figures of the pure simulation."""

from __future__ import annotations

import itertools
import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from tests.conftest import Clock
from tests.flow import fetch, live, register
from tracker.demo.simulators import Phase, wondercat
from tracker.demo.stage import set_up
from tracker.providers.catalog import load_descriptions
from tracker.rules.plan import View, next_delay, plan_for
from tracker.rules.profile import Ending, first_profile, learn, nature_of
from tracker.rules.programme import Terms
from tracker.surroundings import Surroundings

WORTH = 2.0
DICE = 0.5
"""They never fall for a probe, so that both ways play the same polls."""
JOBS = 45
LEARNED = 20
"""So many jobs come first; the figures are of those after them."""


def durations(seed, median=40.0, spread=0.3):
    dice = random.Random(seed)  # noqa: S311 - a simulation
    return [median * math.exp(spread * dice.gauss(0, 1)) for _ in range(JOBS)]


def cost(polls, delay):
    return polls + delay / WORTH


def simulated(lengths):
    """The mean cost per job of the policy alone: nothing is between it and the jobs."""
    (described,) = [each for each in load_descriptions(None) if each.name == "decart"]
    timing = described.kinds["job"].documented_timing()
    profile, terms, costs = first_profile(nature_of(timing)), Terms(WORTH), []
    for length in lengths:
        plan, ages = plan_for(profile, terms), [0.0]
        while ages[-1] < length:
            ages.append(ages[-1] + next_delay(plan, View(age=ages[-1], polls=len(ages) - 1), DICE))
        costs.append(cost(len(ages) - 1, ages[-1] - length))
        # It is never seen to wait: whatever waiting there was ended before the first poll.
        profile = learn(profile, Ending(ages[-2], ages[-1], queue_by=ages[1]))
    return sum(costs[LEARNED:]) / (JOBS - LEARNED)


@pytest.fixture
def surroundings():
    clock, numbers = Clock(datetime(2026, 1, 1, 12, tzinfo=UTC)), itertools.count(1)
    return Surroundings(clock, lambda: DICE, lambda size: next(numbers).to_bytes(size, "big"))


async def lived(stage, lengths):
    """Lets jobs of these lengths come one after the other; the mean cost per job."""
    costs = []
    for number, length in enumerate(lengths):
        stage.world.add("decart", "job", (Phase("processing", length), Phase("completed")), job_id=f"r{number}")
        job = await register(stage, provider="decart", remote_id=f"r{number}")
        await live(stage, stage.service.surroundings.now, 400)
        await stage.service.intervals.drain()
        shown = await fetch(stage, f"/v1/jobs/{job['id']}")
        assert shown["status"] == "succeeded"
        made, found = (datetime.fromisoformat(shown[name]) for name in ("created_at", "last_polled_at"))
        costs.append(cost(shown["polls"], (found - made).total_seconds() - length))
    return sum(costs[LEARNED:]) / len(costs[LEARNED:])


async def test_service_comes_to_the_figures_of_the_pure_simulation_and_far_below_the_documented_intervals(surroundings):
    lengths = durations(7)
    settings = {"TRACKER_DELAY_PER_POLL": f"{WORTH}"}
    async with set_up(surroundings, overrides=settings, is_ticking=False) as stage:
        learned = await lived(stage, lengths)
        (row,) = (await fetch(stage, "/v1/providers/decart"))["learned"]
    async with set_up(surroundings, overrides=settings, is_ticking=False, is_learning=False) as stage:
        documented = await lived(stage, lengths[: LEARNED + 5])
    assert learned == pytest.approx(simulated(lengths), rel=0.1)
    assert learned < 0.7 * documented
    assert row["jobs"] == JOBS
    assert row["median_seconds"] == pytest.approx(40, rel=0.2)
    assert row["documented"]["polls_per_job"] > row["polls_per_job"]


async def test_poll_is_sent_within_the_tick_that_it_is_due_in(surroundings):
    async with set_up(surroundings, is_ticking=False) as stage:
        asked = {}
        stage.world.asked = lambda job_id: asked.setdefault(job_id, []).append(surroundings.now())
        planned = {}
        for number in range(20):
            stage.world.add("wondercat", "editor", wondercat.success("editor", 30), job_id=f"r{number}")
            job = await register(stage, provider="wondercat", kind="editor", remote_id=f"r{number}")
            planned[f"r{number}"] = datetime.fromisoformat(job["next_poll_at"])
            await live(stage, surroundings.now, 0.7)
        await live(stage, surroundings.now, 60)
        late = [asked[name][0] - at for name, at in planned.items()]
    # Ticks are 50 ms apart at least, so that one serves what gets due meanwhile.
    assert all(timedelta(0) <= each <= timedelta(milliseconds=51) for each in late)


async def test_what_was_learned_outlives_a_restart(surroundings, tmp_path):
    settings = {"TRACKER_DATABASE_URL": f"sqlite:///{tmp_path / 'tracker.db'}"}
    async with set_up(surroundings, overrides=settings, is_ticking=False) as stage:
        for number in range(8):
            stage.world.add("decart", "job", (Phase("processing", 100), Phase("completed")), job_id=f"r{number}")
            await register(stage, provider="decart", remote_id=f"r{number}")
            await live(stage, surroundings.now, 400)
        await stage.service.intervals.drain()
        (before,) = (await fetch(stage, "/v1/providers/decart"))["learned"]
    async with set_up(surroundings, overrides=settings, is_ticking=False) as stage:
        (after,) = (await fetch(stage, "/v1/providers/decart"))["learned"]
        stage.world.add("decart", "job", (Phase("processing", 100), Phase("completed")), job_id="new")
        job = await register(stage, provider="decart", remote_id="new")
        shown = await fetch(stage, f"/v1/jobs/{job['id']}")
    assert before["jobs"] == after["jobs"] == 8
    assert after["median_seconds"] == pytest.approx(before["median_seconds"], rel=0.05)
    left = datetime.fromisoformat(shown["expected_finish_at"]) - datetime.fromisoformat(shown["created_at"])
    assert left.total_seconds() == pytest.approx(100, rel=0.1)


async def test_provider_that_tells_when_a_job_ended_teaches_it_exactly(surroundings):
    async with set_up(surroundings, is_ticking=False) as stage:
        for number in range(12):
            script = wondercat.success("inference", 33)
            stage.world.add("wondercat", "inference", script, job_id=f"r{number}")
            await register(stage, provider="wondercat", kind="inference", remote_id=f"r{number}")
            await live(stage, surroundings.now, 200)
            await stage.service.intervals.drain()
        rows = (await fetch(stage, "/v1/providers/wondercat"))["learned"]
    (row,) = [row for row in rows if row["kind"] == "inference"]
    assert row["median_seconds"] == pytest.approx(33, rel=0.05)
    assert row["delay_seconds"] < 2


async def test_many_jobs_that_end_at_once_teach_by_some_of_them(surroundings):
    async with set_up(surroundings, is_ticking=False) as stage:
        for number in range(50):
            stage.world.add("decart", "job", (Phase("processing", 1), Phase("completed")), job_id=f"r{number}")
            await register(stage, provider="decart", remote_id=f"r{number}")
        await live(stage, surroundings.now, 100)
        (row,) = (await fetch(stage, "/v1/providers/decart"))["learned"]
        ended = (await fetch(stage, "/v1/jobs?limit=200&status=succeeded"))["data"]
    assert len(ended) == 50
    assert 1 <= row["jobs"] < 50


@pytest.mark.parametrize(("name", "told"), [("learn", "learning.failed"), ("plan_for", "plan.failed")])
async def test_fault_of_learning_costs_polls_and_never_a_completion(surroundings, monkeypatch, name, told):
    def fails(*_arguments):
        raise ZeroDivisionError

    monkeypatch.setattr(f"tracker.intervals.{name}", fails)
    async with set_up(surroundings, is_ticking=False) as stage:
        stage.world.add("decart", "job", (Phase("processing", 10), Phase("completed")), job_id="r1")
        with capture_logs() as lines:
            job = await register(stage, provider="decart", remote_id="r1")
            await live(stage, surroundings.now, 40)
        shown = await fetch(stage, f"/v1/jobs/{job['id']}")
    assert (shown["status"], shown["poll_problem"]) == ("succeeded", None)
    found = datetime.fromisoformat(shown["last_polled_at"]) - datetime.fromisoformat(shown["created_at"])
    assert found.total_seconds() < 15
    assert told in {line["event"] for line in lines}
