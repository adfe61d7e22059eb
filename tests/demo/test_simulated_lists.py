"""What the lists of all providers have in common: pages, and what goes wrong with them."""

from __future__ import annotations

import time

import httpx
import pytest

from tracker.demo.simulators import Fault, Listing, Phase, scenario_scripts
from tracker.demo.simulators.lists import page_of
from tracker.demo.simulators.scenario_list import chosen

SCRIPT = (Phase("pending", 5), Phase("completed"))


def made(world, clock, count, provider="scenario"):
    """Ids of jobs that were made a second apart, the newest first."""
    ids = []
    for _ in range(count):
        ids.insert(0, world.add(provider, "job", SCRIPT).id)
        clock.advance(1)
    return ids


async def pages(api, **query):
    """The ids on each page, to the last."""
    answers, token = [], None
    while not answers or token:
        answer = await api.get("/jobs", params={**query, **({"paginationToken": token} if token else {})})
        assert answer.status_code == 200, answer.text
        answers.append([row["jobId"] for row in answer.json()["jobs"]])
        token = answer.json().get("nextPaginationToken")
    return answers


async def test_pages_follow_each_other_without_a_gap(world, clock, scenario_api):
    ids = made(world, clock, 5)
    assert await pages(scenario_api, pageSize=2) == [ids[:2], ids[2:4], ids[4:]]


async def test_full_page_at_the_end_is_the_last(world, clock, scenario_api):
    ids = made(world, clock, 4)
    assert await pages(scenario_api, pageSize=2) == [ids[:2], ids[2:]]


async def test_jobs_of_one_moment_are_listed_once_each(world, scenario_api):
    ids = {world.add("scenario", "job", SCRIPT).id for _ in range(5)}
    listed = [job_id for page in await pages(scenario_api, pageSize=2) for job_id in page]
    assert (len(listed), set(listed)) == (5, ids)


async def test_job_made_while_pages_are_turned_does_not_shift_them(world, clock, scenario_api):
    ids = made(world, clock, 3)
    first = (await scenario_api.get("/jobs", params={"pageSize": 2})).json()
    made(world, clock, 1)
    token = first["nextPaginationToken"]
    second = (await scenario_api.get("/jobs", params={"pageSize": 2, "paginationToken": token})).json()
    assert [row["jobId"] for row in first["jobs"] + second["jobs"]] == ids


async def test_provider_may_have_smaller_pages_than_were_asked_for(world, clock, scenario_api):
    ids = made(world, clock, 3)
    world.listings["scenario"] = Listing(page_size=2)
    assert await pages(scenario_api, pageSize=100) == [ids[:2], ids[2:]]


async def test_every_so_often_a_page_is_short(world, clock, scenario_api):
    ids = made(world, clock, 10)
    world.listings["scenario"] = Listing(short_every=2)
    assert await pages(scenario_api, pageSize=4) == [ids[:4], ids[4:6], ids[6:]]


async def test_every_so_often_a_page_is_empty_though_more_follow(world, clock, scenario_api):
    ids = made(world, clock, 3)
    world.listings["scenario"] = Listing(empty_every=2)
    assert await pages(scenario_api, pageSize=2) == [ids[:2], [], ids[2:]]


async def test_first_page_may_be_empty_though_more_follow(world, clock, scenario_api):
    ids = made(world, clock, 2)
    world.listings["scenario"] = Listing(empty_every=2)
    await scenario_api.get("/jobs")
    assert await pages(scenario_api) == [[], ids]


async def test_page_may_be_empty_where_no_job_is_listed(world, scenario_api):
    world.listings["scenario"] = Listing(empty_every=2)
    assert await pages(scenario_api) == [[]]
    assert await pages(scenario_api) == [[], []]


@pytest.mark.parametrize("quirk", [{"empty_every": 1}, {"page_size": 0}])
def test_list_that_never_shows_a_row_is_refused(quirk):
    with pytest.raises(ValueError, match="No row would ever be listed"):
        Listing(**quirk)


async def test_job_may_appear_late_in_the_list_but_shows_its_present_state(world, clock, scenario_api):
    world.listings["scenario"] = Listing(late_seconds=3)
    job = world.add("scenario", "job", (Phase("queued", 1), Phase("success")))
    clock.advance(2.9)
    assert (await scenario_api.get(f"/jobs/{job.id}")).status_code == 200
    assert (await scenario_api.get("/jobs")).json() == {"jobs": []}
    clock.advance(0.1)
    (row,) = (await scenario_api.get("/jobs")).json()["jobs"]
    assert (row["status"], row["updatedAt"]) == ("success", "2026-01-01T12:00:01.000Z")


async def test_expired_job_is_no_longer_listed(world, clock, scenario_api):
    world.add("scenario", "job", SCRIPT, expires_after=60)
    clock.advance(60)
    assert (await scenario_api.get("/jobs")).json() == {"jobs": []}


async def test_quirks_are_each_providers_own(world, clock, photogpt_api):
    made(world, clock, 2, "photogpt")
    world.listings["scenario"] = Listing(page_size=1)
    assert len((await photogpt_api.get("/jobs")).json()["result"]["jobs"]) == 2


async def test_lists_are_counted_apart_from_polls(world, scenario_api, photogpt_api):
    for api in (scenario_api, scenario_api, photogpt_api):
        await api.get("/jobs")
    await scenario_api.get("/jobs", auth=("key", "wrong"))
    assert world.lists == {"scenario": 2, "photogpt": 1}
    assert (world.polls, world.requests) == ({}, 4)


@pytest.mark.parametrize(("fault", "status"), [(Fault.RATE_LIMITED, 429), (Fault.UNAVAILABLE, 503)])
async def test_busy_list_says_when_to_come_back(world, scenario_api, fault, status):
    world.break_lists("scenario", fault, retry_after=6.5)
    answer = await scenario_api.get("/jobs")
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
    assert answer.json()["reason"]
    assert (await scenario_api.get("/jobs")).status_code == 200
    assert world.lists["scenario"] == 2


async def test_fault_of_a_list_is_for_its_provider_and_for_no_poll(world, scenario_api, photogpt_api):
    job = world.add("scenario", "job", SCRIPT)
    world.break_lists("photogpt", Fault.SERVER_ERROR)
    assert (await scenario_api.get("/jobs")).status_code == 200
    assert (await scenario_api.get(f"/jobs/{job.id}")).status_code == 200
    assert (await photogpt_api.get("/jobs")).json()["status"] == "NOK"


async def test_fault_of_a_poll_is_for_no_list(world, scenario_api):
    world.break_polls(Fault.SERVER_ERROR)
    assert (await scenario_api.get("/jobs")).status_code == 200


async def test_list_can_break_like_any_answer(world, scenario_api):
    world.break_lists("scenario", Fault.TRUNCATED)
    world.break_lists("scenario", Fault.HTML)
    with pytest.raises(httpx.RemoteProtocolError):
        await scenario_api.get("/jobs")
    assert (await scenario_api.get("/jobs")).headers["content-type"].startswith("text/html")


async def test_rows_can_have_a_status_that_nobody_knows(world, clock, scenario_api):
    made(world, clock, 2)
    world.break_lists("scenario", Fault.UNKNOWN_STATUS)
    assert {row["status"] for row in (await scenario_api.get("/jobs")).json()["jobs"]} == {"defragmenting"}


async def test_healed_world_has_sound_lists(world, scenario_api):
    world.break_lists("scenario", Fault.GONE, times=9)
    world.heal()
    assert (await scenario_api.get("/jobs")).status_code == 200


def test_page_of_a_thousand_jobs_is_cut_in_milliseconds(world, clock):
    for _ in range(1000):
        world.add("scenario", "job", scenario_scripts.success())
    now = clock.advance(3)

    def seconds():
        start = time.perf_counter()
        page_of(chosen(world.listed("scenario", "job"), {"types": "inference"}, now), 100, None)
        return time.perf_counter() - start

    # It takes 4 ms; the best of some, with room, notices only another order of magnitude.
    assert min(seconds() for _ in range(5)) < 0.04
