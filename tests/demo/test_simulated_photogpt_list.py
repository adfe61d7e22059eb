from __future__ import annotations

import pytest

from tracker.demo.simulators import Listing, photogpt


async def listed(api, **query):
    answer = await api.get("/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return [row["jobId"] for row in answer.json()["result"]["jobs"]]


async def test_rows_have_no_outputs_but_say_what_failed(world, clock, photogpt_api):
    job = world.add("photogpt", "job", photogpt.success())
    broken = world.add("photogpt", "job", photogpt.failure(3))
    clock.advance(6)
    answer = (await photogpt_api.get("/jobs")).json()
    assert set(answer) == {"status", "message", "err", "result"}
    rows = {row["jobId"]: row for row in answer["result"]["jobs"]}
    assert rows[job.id] == {
        "jobId": job.id,
        "status": "SUCCESS",
        "credits": 10,
        "createdAt": "2026-01-01T12:00:00.000Z",
        "updatedAt": "2026-01-01T12:00:06.000Z",
        "errorMessage": None,
    }
    assert (rows[broken.id]["status"], rows[broken.id]["errorMessage"]) == ("FAILED", "insufficient credits")


async def test_newest_jobs_come_first_and_pages_follow(world, clock, photogpt_api):
    ids = []
    for _ in range(3):
        ids.insert(0, world.add("photogpt", "job", photogpt.success()).id)
        clock.advance(1)
    world.listings["photogpt"] = Listing(page_size=2)
    first = (await photogpt_api.get("/jobs")).json()["result"]
    second = (await photogpt_api.get("/jobs", params={"pageToken": first["nextPageToken"]})).json()["result"]
    assert [[row["jobId"] for row in page["jobs"]] for page in (first, second)] == [ids[:2], ids[2:]]
    assert second["nextPageToken"] is None


async def test_list_goes_back_a_day_unless_told(world, clock, photogpt_api):
    job = world.add("photogpt", "job", photogpt.success())
    clock.advance(24 * 3600)
    assert await listed(photogpt_api) == [job.id]
    clock.advance(1)
    assert await listed(photogpt_api) == []
    assert await listed(photogpt_api, start="2026-01-01T12:00:00Z") == [job.id]
    assert await listed(photogpt_api, end="2026-01-01T12:00:00Z") == [job.id]
    assert await listed(photogpt_api, end="2026-01-01T11:59:59Z") == []


async def test_trainings_are_not_listed(world, photogpt_api):
    world.add("photogpt", "training", photogpt.training())
    assert await listed(photogpt_api) == []


@pytest.mark.parametrize(
    "query",
    [
        {"start": "2025-12-25T11:59:59Z"},
        {"start": "2025-12-01T00:00:00Z", "end": "2025-12-09T00:00:00Z"},
        {"start": "yesterday"},
        {"pageToken": "nonsense"},
    ],
)
async def test_query_that_makes_no_sense_is_refused_in_the_envelope(photogpt_api, query):
    answer = await photogpt_api.get("/jobs", params=query)
    assert answer.status_code == 400, answer.text
    assert (answer.json()["status"], answer.json()["err"], answer.json()["result"]) == ("NOK", "BAD_REQUEST", None)


async def test_list_is_behind_the_same_door(photogpt_api):
    assert (await photogpt_api.get("/jobs", headers={"authorization": "Bearer wrong"})).status_code == 401
