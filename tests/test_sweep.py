"""The housekeeping: leases that were lost come back, and what is past its retention goes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.flow import claim_due, fetch, live, register, told
from tracker.demo.receiver import Mischief
from tracker.demo.simulators import scenario_scripts
from tracker.demo.stage import set_up
from tracker.retention import Retention
from tracker.sweep import EVERY, Sweep


@pytest.fixture
async def stage(surroundings, back_end):
    async with set_up(
        surroundings, overrides=back_end | {"TRACKER_RETENTION": "2d"}, is_ticking=False, is_learning=False
    ) as stage:
        yield stage


async def test_job_whose_lease_was_lost_is_polled_after_all(stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(2), job_id="r1")
    await register(stage, provider="scenario", remote_id="r1")
    clock.advance(3)
    assert len(await claim_due(stage, clock(), timedelta(seconds=90))) == 1
    await live(stage, clock, 89)
    await stage.service.sweep.tick()
    await live(stage, clock, 0)
    assert stage.world.polls["r1"] == 0, "the lease still holds"
    clock.advance(1)
    await stage.service.sweep.tick()
    await live(stage, clock, 1)
    assert told(stage, "r1") == ["job.succeeded"]


async def test_finished_job_and_all_of_it_goes_after_its_retention_and_not_before(stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(2), job_id="r1")
    job = await register(stage, provider="scenario", remote_id="r1")
    await live(stage, clock, 10)
    (delivery,) = (await fetch(stage, "/v1/deliveries"))["data"]
    clock.advance(2 * 86_400 - 11)
    await stage.service.sweep.tick()
    assert (await stage.client.get(f"/v1/jobs/{job['id']}")).status_code == 200
    clock.advance(10)
    await stage.service.sweep.tick()
    assert (await stage.client.get(f"/v1/jobs/{job['id']}")).status_code == 404
    assert (await stage.client.get(f"/v1/deliveries/{delivery['id']}")).status_code == 404
    assert (await stage.service.events.of_job(job["id"], 10)).rows == ()


async def test_job_that_ended_long_before_it_was_registered_is_kept_like_any_other(stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(2), job_id="r1")
    clock.advance(40 * 86_400)
    job = await register(stage, provider="scenario", remote_id="r1")
    await live(stage, clock, 10)
    await stage.service.sweep.tick()
    assert (await fetch(stage, f"/v1/jobs/{job['id']}"))["status"] == "succeeded"


async def test_webhook_that_still_waits_outlives_the_retention(stage, clock):
    stage.world.add("scenario", "job", scenario_scripts.success(2), job_id="r1")
    stage.inbox.misbehave(Mischief.SERVER_ERROR, path="/r1", times=8)
    await register(stage, provider="scenario", remote_id="r1")
    await live(stage, clock, 2.1 * 86_400)
    await stage.service.sweep.tick()
    await live(stage, clock, 2 * 86_400)
    assert told(stage, "r1") == ["job.succeeded"]
    assert len(stage.inbox.arrivals) == 9


async def test_loops_are_made_to_look_again_at_every_sweep(stage, surroundings):
    service, looks = stage.service, []
    sweep = Sweep(
        service.jobs,
        service.deliveries,
        surroundings,
        Retention(()),
        told=lambda _recorded: None,
        look_again=lambda: looks.append(1),
    )
    assert await sweep.tick() == surroundings.now() + EVERY
    assert looks == [1]
