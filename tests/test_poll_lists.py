"""Many jobs by one request: what a list shows is a reading, and what it does not show is asked for alone."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.conftest import on_both_back_ends
from tests.flow import claim_due, fetch, live, register, told
from tracker.demo.server import serve
from tracker.demo.simulators import Fault, Listing, photogpt, scenario_scripts
from tracker.demo.stage import set_up
from tracker.poll import LEASE
from tracker.providers.description import parse_description
from tracker.rules.sightings import seen
from tracker.rules.track import MOST_LIST_MISSES


async def begin(stage, count, script=None, provider="scenario", **body):
    """Starts and registers so many jobs at once."""
    for number in range(count):
        made = script or scenario_scripts.success(20)
        stage.world.add(provider, "job", made, job_id=f"r{number}", details=body.pop("details", None))
        await register(stage, provider=provider, remote_id=f"r{number}", **body)


async def jobs_of(stage):
    return (await fetch(stage, "/v1/jobs?limit=200"))["data"]


def alone(stage):
    """Requests for one job."""
    return stage.world.polls.total()


async def test_jobs_of_an_account_are_polled_by_one_request(stage, clock):
    await begin(stage, 30)
    await live(stage, clock, 3)
    assert (stage.world.lists["scenario"], alone(stage)) == (1, 0)
    assert {(job["status"], job["polls"]) for job in await jobs_of(stage)} == {("queued", 1)}


@on_both_back_ends
async def test_every_job_of_a_list_ends_with_its_one_signed_webhook(stage, clock):
    await begin(stage, 30)
    await live(stage, clock, 40)
    assert {job["status"] for job in await jobs_of(stage)} == {"succeeded"}
    assert [told(stage, f"r{number}") for number in range(30)] == [["job.succeeded"]] * 30
    assert alone(stage) == 0
    requests = stage.world.requests
    await live(stage, clock, 1000)
    assert stage.world.requests == requests, "a final job is never polled again"


async def test_list_tells_states_that_no_poll_saw_as_the_single_answer_would(stage, clock):
    await begin(stage, 2, scenario_scripts.success(2.9), events=["job.*"])
    await live(stage, clock, 5)
    assert alone(stage) == 0
    assert told(stage, "r0") == ["job.queued", "job.running", "job.succeeded"]


async def test_single_job_is_asked_for_alone(stage, clock):
    await begin(stage, 1)
    await live(stage, clock, 10)
    assert stage.world.lists["scenario"] == 0
    assert alone(stage) == 3


async def test_job_that_is_due_soon_rides_along_and_one_that_is_not_due_for_long_does_not(stage, clock):
    await begin(stage, 1)
    clock.advance(1.4)
    await begin_more(stage, 1)
    clock.advance(0.2)
    await begin_more(stage, 2)
    await live(stage, clock, 1.4)
    assert [(await fetch(stage, f"/v1/jobs?remote_id=r{n}"))["data"][0]["polls"] for n in ("0", "m1", "m2")] == [
        1,
        1,
        0,
    ]
    assert stage.world.lists["scenario"] == 1


async def begin_more(stage, number):
    stage.world.add("scenario", "job", scenario_scripts.success(20), job_id=f"rm{number}")
    await register(stage, provider="scenario", remote_id=f"rm{number}")


async def test_job_does_not_ride_along_while_its_provider_asked_for_no_poll(stage, clock):
    await begin(stage, 3)
    stage.world.break_polls(Fault.UNAVAILABLE, job_id="r0", retry_after=4)
    stage.world.break_lists("scenario", Fault.SERVER_ERROR)
    await live(stage, clock, 3)
    (held,) = (await fetch(stage, "/v1/jobs?remote_id=r0"))["data"]
    assert held["poll_problem"]["http_status"] == 503
    polls = held["polls"]
    await live(stage, clock, 3.5)
    (held,) = (await fetch(stage, "/v1/jobs?remote_id=r0"))["data"]
    assert held["polls"] == polls, "the others were polled meanwhile"
    await live(stage, clock, 1)
    (held,) = (await fetch(stage, "/v1/jobs?remote_id=r0"))["data"]
    assert held["polls"] == polls + 1


async def test_pages_are_turned_until_every_job_is_found(stage, clock):
    stage.world.listings["scenario"] = Listing(page_size=10, empty_every=3, short_every=4)
    await begin(stage, 60)
    await live(stage, clock, 3)
    assert {job["polls"] for job in await jobs_of(stage)} == {1}
    assert alone(stage) == 0
    assert stage.world.lists["scenario"] < 15


async def test_job_that_the_list_is_late_with_is_asked_for_alone_and_found_there_later(stage, clock):
    stage.world.listings["scenario"] = Listing(late_seconds=5)
    await begin(stage, 4)
    await live(stage, clock, 3)
    assert {job["polls"] for job in await jobs_of(stage)} == {1}
    assert alone(stage) == 4
    await live(stage, clock, 40)
    assert {job["status"] for job in await jobs_of(stage)} == {"succeeded"}
    assert alone(stage) == 4


async def test_job_that_no_list_shows_is_asked_for_alone_from_then_on(stage, clock):
    stage.world.listings["scenario"] = Listing(late_seconds=10_000)
    await begin(stage, 2, scenario_scripts.success(100))
    await live(stage, clock, 20)
    assert 0 < stage.world.lists["scenario"] <= MOST_LIST_MISSES
    lists = stage.world.lists["scenario"]
    await live(stage, clock, 100)
    assert stage.world.lists["scenario"] == lists
    assert {job["status"] for job in await jobs_of(stage)} == {"succeeded"}


async def test_absence_from_a_list_is_not_the_end_of_a_job(stage, clock):
    stage.world.listings["scenario"] = Listing(late_seconds=10_000)
    await begin(stage, 2)
    clock.advance(100)
    await live(stage, clock, 5)
    assert {job["status"] for job in await jobs_of(stage)} == {"succeeded"}


async def test_job_that_its_provider_forgot_expires_by_the_word_of_the_single_answer(stage, clock):
    await begin(stage, 3, scenario_scripts.success(300))
    await register(stage, provider="scenario", remote_id="gone")
    await live(stage, clock, 110)
    assert {job["remote_id"]: job["status"] for job in await jobs_of(stage)} == {
        "r0": "running",
        "r1": "running",
        "r2": "running",
        "gone": "expired",
    }
    (gone,) = (await fetch(stage, "/v1/jobs?remote_id=gone"))["data"]
    assert gone["error"]["code"] == "not_found"


async def test_row_that_lacks_the_outputs_is_confirmed_by_one_single_get(stage, clock):
    await begin(stage, 20, photogpt.success(12), provider="photogpt")
    await live(stage, clock, 30)
    assert {job["status"] for job in await jobs_of(stage)} == {"succeeded"}
    assert all(job["output"]["images"] for job in await jobs_of(stage))
    assert set(stage.world.polls.values()) == {1}


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.HTML, Fault.MALFORMED, Fault.OVERSIZED, Fault.NOT_FOUND])
async def test_list_that_fails_by_itself_delays_nobody(stage, clock, fault):
    stage.world.break_lists("scenario", fault, times=100)
    await begin(stage, 5)
    await live(stage, clock, 23)
    assert {job["status"] for job in await jobs_of(stage)} == {"succeeded"}
    assert {job["poll_problem"] for job in await jobs_of(stage)} == {None}


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN, Fault.RATE_LIMITED, Fault.HUNG_UP, Fault.UNAUTHORIZED])
async def test_list_that_may_not_be_asked_for_does_not_keep_its_jobs_from_being_polled(stage, clock, fault):
    stage.world.break_lists("scenario", fault, times=10_000)
    await begin(stage, 20)
    await live(stage, clock, 60)
    assert {job["status"] for job in await jobs_of(stage)} == {"succeeded"}


async def test_list_that_had_a_problem_is_asked_for_again_once_it_has_rested(stage, clock):
    stage.world.break_lists("scenario", Fault.SERVER_ERROR, times=3)
    await begin(stage, 20, scenario_scripts.success(500))
    await live(stage, clock, 100)
    polls = alone(stage)
    await live(stage, clock, 60)
    assert alone(stage) == polls
    assert stage.world.lists["scenario"] > 20


async def test_job_that_falls_due_while_its_list_is_walked_through_is_not_left_asleep(stage, clock):
    await begin(stage, 4, scenario_scripts.success(2.5))
    clock.advance(2)
    stage.world.add("scenario", "job", scenario_scripts.success(1), job_id="late")
    late = await register(stage, provider="scenario", remote_id="late")
    clock.advance(1)
    asker, opened = stage.service.poller._asker, asyncio.Event()
    sound = asker._outbound

    class Held:
        async def exchange(self, request):
            await opened.wait()
            return await sound.exchange(request)

    asker._outbound = Held()
    await stage.service.poller.tick()
    await stage.client.post(f"/v1/jobs/{late['id']}/poll")
    assert await stage.service.poller.tick() is None, "its list is being walked through"
    stage.service.poll_beat._planned_at = None
    opened.set()
    await stage.service.poller.drain()
    assert stage.service.poll_beat._planned_at == clock()
    await live(stage, clock, 0)
    assert (await fetch(stage, f"/v1/jobs/{late['id']}"))["status"] == "succeeded"


async def test_jobs_with_a_list_each_are_asked_for_as_the_budget_allows_and_none_is_left_asleep(surroundings, clock):
    settings = {"TRACKER_SCENARIO_REQUESTS_PER_SECOND": "20"}
    async with set_up(surroundings, overrides=settings, is_ticking=False, is_learning=False) as stage:
        for number in range(30):
            project = f"p{number}"
            details = {"projectId": project}
            stage.world.add("scenario", "job", scenario_scripts.success(1), job_id=f"r{number}", details=details)
            await register(stage, provider="scenario", remote_id=f"r{number}", params={"projectId": project})
        await live(stage, clock, 4.5)
        assert {job["status"] for job in await jobs_of(stage)} == {"succeeded"}
        assert stage.world.lists["scenario"] == 0


async def test_job_with_nobody_to_ride_along_with_is_not_polled_early(stage, clock):
    for number in range(2):
        params = {"projectId": f"p{number}"}
        stage.world.add("scenario", "job", scenario_scripts.success(50), job_id=f"r{number}", details=params)
        await register(stage, provider="scenario", remote_id=f"r{number}", params=params)
        clock.advance(1)
    await live(stage, clock, 1)
    assert dict(stage.world.polls) == {"r0": 1}
    await live(stage, clock, 1)
    assert dict(stage.world.polls) == {"r0": 1, "r1": 1}


async def test_kinds_that_share_a_list_are_each_read_by_their_own_words(surroundings, clock):
    described = parse_description(SHARED_LIST, "shared.toml")

    async def tasks(_request):
        return JSONResponse({"tasks": [{"id": name, "state": "done"} for name in ("i1", "i2", "v1", "v2")]})

    async def task(request):
        return JSONResponse({"id": request.path_params["id"], "state": "done"})

    app = Starlette(routes=[Route("/tasks", tasks), Route("/tasks/{id}", task)])
    async with serve(app) as url:
        settings = {"TRACKER_SHARED_BASE_URL": url}
        async with set_up(surroundings, [described], settings, is_ticking=False, is_learning=False) as stage:
            for kind, name in (("image", "i1"), ("image", "i2"), ("video", "v1"), ("video", "v2")):
                await register(stage, provider="shared", kind=kind, remote_id=name)
            await live(stage, clock, 6)
            ended = {job["remote_id"]: job["status"] for job in await jobs_of(stage)}
    assert ended == {"i1": "succeeded", "i2": "succeeded", "v1": "running", "v2": "running"}


SHARED_LIST = """
    name = "shared"
    title = "Two kinds, one list"
    base_url = "https://shared.example"
    auth = { scheme = "none" }
    path = "/tasks/{id}"
    id = ["/id"]
    timing = { interval = 5 }
    list = { path = "/tasks", items = "/tasks" }
    [kinds.image]
    status = { pointers = ["/state"], succeeded = ["done"] }
    [kinds.video]
    status = { pointers = ["/state"], running = ["done"], succeeded = ["final"] }
"""


async def test_list_that_is_refused_for_its_rate_slows_the_account_and_charges_one_job(stage, clock):
    stage.world.break_lists("scenario", Fault.RATE_LIMITED, retry_after=30)
    await begin(stage, 5, scenario_scripts.success(200))
    await live(stage, clock, 29)
    assert [job["poll_problem"] is not None for job in await jobs_of(stage)].count(True) == 1
    assert stage.world.requests == 1
    (account,) = (await fetch(stage, "/v1/providers/scenario"))["accounts"]
    assert account["status"] == "slowed"
    await live(stage, clock, 10)
    assert {job["polls"] for job in await jobs_of(stage)} >= {3}
    (account,) = (await fetch(stage, "/v1/providers/scenario"))["accounts"]
    assert account["status"] == "active"


async def test_unknown_words_in_a_list_are_running_plus_a_flag(stage, clock):
    stage.world.break_lists("scenario", Fault.UNKNOWN_STATUS)
    await begin(stage, 3)
    await live(stage, clock, 3)
    assert {(job["status"], job["poll_problem"]["code"]) for job in await jobs_of(stage)} == {
        ("running", "unknown_status")
    }


async def test_jobs_with_other_parameters_are_sought_in_lists_of_their_own(stage, clock):
    for number in range(6):
        project = f"p{number % 2}"
        stage.world.add(
            "scenario", "job", scenario_scripts.success(20), job_id=f"r{number}", details={"projectId": project}
        )
        await register(stage, provider="scenario", remote_id=f"r{number}", params={"projectId": project})
    await live(stage, clock, 3)
    assert (stage.world.lists["scenario"], alone(stage)) == (2, 0)
    assert {job["polls"] for job in await jobs_of(stage)} == {1}


async def test_stop_in_the_midst_of_a_walk_gives_every_lease_back(stage, clock):
    stage.world.listings["scenario"] = Listing(page_size=10)
    await begin(stage, 40)
    clock.advance(3)
    await stage.service.poller.tick()
    await stage.service.poller.stop(grace=5)
    read = [job for job in await jobs_of(stage) if job["polls"]]
    assert len(read) == 10
    assert len(await claim_due(stage, clock(), LEASE)) == 30


async def test_jobs_of_a_walk_whose_leases_run_out_are_asked_for_alone(stage, clock):
    stage.world.listings["scenario"] = Listing(page_size=10)
    await begin(stage, 40, scenario_scripts.success(1000))
    clock.advance(3)
    await stage.service.poller.tick()
    await stage.service.poller.drain()
    clock.advance(LEASE.total_seconds() - 5)
    await live(stage, clock, 0)
    assert alone(stage) == 30
    assert all(job["polls"] for job in await jobs_of(stage))


async def test_job_forgotten_in_the_midst_of_a_walk_is_simply_gone(stage, clock):
    stage.world.listings["scenario"] = Listing(page_size=2)
    await begin(stage, 6)
    clock.advance(3)
    await stage.service.poller.tick()
    await stage.service.poller.drain()
    for job in await jobs_of(stage):
        assert (await stage.client.delete(f"/v1/jobs/{job['id']}")).status_code == 204
    await live(stage, clock, 10)
    assert await jobs_of(stage) == []


async def test_hint_that_comes_with_a_list_is_kept_for_every_job_of_it(stage, clock):
    class Hinting:
        def __init__(self, sound):
            self._sound = sound

        async def exchange(self, request):
            answer = await self._sound.exchange(request)
            answer.headers["retry-after"] = "20"
            return answer

    asker = stage.service.poller._asker
    asker._outbound = Hinting(asker._outbound)
    await begin(stage, 5, scenario_scripts.success(200))
    await live(stage, clock, 22)
    assert stage.world.requests == 1
    await live(stage, clock, 2)
    assert stage.world.requests == 2


async def test_workflow_that_waits_for_a_person_is_seen_in_a_list(stage, clock):
    await begin(stage, 2, scenario_scripts.waits_for_approval(20))
    await live(stage, clock, 22)
    assert {job["status"] for job in await jobs_of(stage)} == {"action_required"}
    assert alone(stage) == 0


async def test_fault_of_our_own_over_one_job_of_a_list_does_not_take_the_others_with_it(stage, clock, monkeypatch):
    def seen_but_one(job, reading, now):
        if job.remote_id == "r3":
            raise ZeroDivisionError
        return seen(job, reading, now)

    monkeypatch.setattr("tracker.rules.track.seen", seen_but_one)
    await begin(stage, 6)
    await live(stage, clock, 40)
    jobs = {job["remote_id"]: job for job in await jobs_of(stage)}
    at_fault = jobs.pop("r3")
    assert {job["status"] for job in jobs.values()} == {"succeeded"}
    assert (at_fault["status"], at_fault["poll_problem"]["code"]) == ("queued", "invalid")
    assert "ZeroDivisionError" in at_fault["poll_problem"]["message"]
    monkeypatch.undo()
    await live(stage, clock, 70)
    assert told(stage, "r3") == ["job.succeeded"]
