"""The polling loop: slots, leases, and what it does when a poll cannot even be made."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.flow import claim_due, fetch, live, register
from tracker.demo.simulators import Fault, Phase, scenario_scripts
from tracker.demo.stage import set_up
from tracker.rules.exchange import ExchangeFailure, HttpAnswer, HttpRequest

RUNNING = b'{"status": "processing"}'


class Gate:
    """The far side of the network: holds every request until it is opened."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.opened = asyncio.Event()

    async def exchange(self, request: HttpRequest) -> HttpAnswer | ExchangeFailure:
        self.requests.append(request)
        await self.opened.wait()
        return HttpAnswer(200, {"content-type": "application/json"}, RUNNING)


@pytest.fixture
async def stage(surroundings, back_end):
    async with set_up(
        surroundings, overrides=back_end | {"TRACKER_POLL_SLOTS": "3"}, is_ticking=False, is_learning=False
    ) as stage:
        yield stage


@pytest.fixture
def gate(stage) -> Gate:
    gate = Gate()
    stage.service.poller._asker._outbound = gate
    return gate


async def add_jobs(stage, count: int) -> None:
    for number in range(count):
        await register(stage, provider="decart", remote_id=f"r{number}")


async def test_tick_claims_only_as_many_jobs_as_there_are_free_slots(stage, clock, gate):
    await add_jobs(stage, 5)
    clock.advance(3)
    await stage.service.poller.tick()
    await asyncio.sleep(0)
    assert len(gate.requests) == 3
    assert await stage.service.poller.tick() is None
    gate.opened.set()
    await stage.service.poller.drain()
    assert len(gate.requests) == 3, "the other two were not touched"
    await stage.service.poller.tick()
    await stage.service.poller.drain()
    assert len(gate.requests) == 5


async def test_slot_that_gets_free_asks_for_the_next_tick(stage, clock, gate):
    woken = []
    stage.service.poller._wake_at = woken.append
    await add_jobs(stage, 4)
    clock.advance(3)
    await stage.service.poller.tick()
    gate.opened.set()
    await stage.service.poller.drain()
    assert clock() in woken


async def test_stop_gives_back_the_leases_of_polls_that_do_not_end(stage, clock, gate):
    await add_jobs(stage, 2)
    clock.advance(3)
    await stage.service.poller.tick()
    await asyncio.sleep(0)
    assert len(gate.requests) == 2
    await stage.service.poller.stop(grace=0)
    assert len(await claim_due(stage, clock(), timedelta(seconds=1))) == 2


async def test_stopped_loop_claims_nothing_more(stage, clock, gate):
    await stage.service.poller.stop(grace=0)
    await add_jobs(stage, 1)
    clock.advance(3)
    assert await stage.service.poller.tick() is None
    assert gate.requests == []


async def test_poll_in_flight_when_the_stop_comes_is_still_written(stage, clock, gate):
    await add_jobs(stage, 1)
    clock.advance(3)
    await stage.service.poller.tick()
    await asyncio.sleep(0)
    gate.opened.set()
    await stage.service.poller.stop(grace=5)
    (job,) = (await fetch(stage, "/v1/jobs"))["data"]
    assert (job["status"], job["polls"]) == ("running", 1)


async def test_job_of_a_provider_that_is_no_longer_described_waits_with_a_problem(stage, clock):
    stage.world.add("scenario", "job", (Phase("queued"), Phase("success")), job_id="r1")
    job = await register(stage, provider="scenario", remote_id="r1")
    known = stage.service.catalog._providers.pop("scenario")
    await live(stage, clock, 4)
    problem = (await fetch(stage, f"/v1/jobs/{job['id']}"))["poll_problem"]
    assert problem["code"] == "invalid"
    assert "no provider 'scenario'" in problem["message"]
    stage.service.catalog._providers["scenario"] = known
    await live(stage, clock, 70)
    assert (await fetch(stage, f"/v1/jobs/{job['id']}"))["poll_problem"] is None


async def test_fault_of_our_own_is_a_problem_of_the_poll_and_not_the_end_of_the_loop(stage, clock):
    class Broken:
        async def exchange(self, _request: HttpRequest) -> HttpAnswer:
            raise RuntimeError

    stage.world.add("scenario", "job", scenario_scripts.success(2), job_id="r1")
    job = await register(stage, provider="scenario", remote_id="r1")
    sound, stage.service.poller._asker._outbound = stage.service.poller._asker._outbound, Broken()
    await live(stage, clock, 4)
    shown = await fetch(stage, f"/v1/jobs/{job['id']}")
    assert (shown["status"], shown["poll_problem"]["code"]) == ("queued", "invalid")
    stage.service.poller._asker._outbound = sound
    await live(stage, clock, 10)
    assert (await fetch(stage, f"/v1/jobs/{job['id']}"))["status"] == "succeeded"


async def test_job_whose_time_is_over_under_a_hint_ends_without_another_poll(stage, clock):
    stage.world.add("scenario", "job", (Phase("queued"), Phase("success")), job_id="r1")
    stage.world.break_polls(Fault.UNAVAILABLE, job_id="r1", retry_after=600)
    job = await register(stage, provider="scenario", remote_id="r1", timeout_seconds=60)
    await live(stage, clock, 100)
    shown = await fetch(stage, f"/v1/jobs/{job['id']}")
    assert (shown["status"], shown["error"]["code"]) == ("expired", "timeout")
    assert stage.world.polls["r1"] == 1


async def test_job_that_comes_while_all_slots_wait_to_be_written_is_not_left_asleep(stage, clock, gate):
    """Whoever frees a slot asks for the next tick, if a tick went away with nothing since slots ran out."""
    jobs, written, woken = stage.service.jobs, asyncio.Event(), []

    class SlowToWrite:
        lanes, claim, release = jobs.lanes, jobs.claim, jobs.release

        async def record(self, outcomes, profiles, accounts):
            await written.wait()
            return await jobs.record(outcomes, profiles, accounts)

    stage.service.poller._jobs = SlowToWrite()
    stage.service.poller._wake_at = woken.append
    gate.opened.set()
    await add_jobs(stage, 3)
    clock.advance(3)
    await stage.service.poller.tick()
    await register(stage, provider="wondercat", kind="inference", remote_id="late")
    clock.advance(1)
    assert await stage.service.poller.tick() is None
    assert woken == []
    written.set()
    await stage.service.poller.drain()
    assert clock() in woken
    await stage.service.poller.tick()
    await stage.service.poller.drain()
    assert "late" in {request.url.rpartition("/")[2] for request in gate.requests}


async def test_poll_that_breaks_off_gives_its_slot_back(stage, clock, gate):
    class Broken:
        def now(self):
            raise RuntimeError

    await add_jobs(stage, 3)
    clock.advance(3)
    await stage.service.poller.tick()
    await asyncio.sleep(0)
    assert len(gate.requests) == 3
    sound, stage.service.poller._surroundings = stage.service.poller._surroundings, Broken()
    freed = []
    stage.service.poller._free_slots = freed.append
    gate.opened.set()
    await stage.service.poller.drain()
    await asyncio.sleep(0)
    stage.service.poller._surroundings = sound
    assert freed == [1, 1, 1]
