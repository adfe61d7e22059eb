"""`GET /v1/activity`: what there is to draw over time."""

import asyncio

import pytest

from store.records import Activity
from tracker.rules.activity import minute_of
from tracker.service import Service
from tracker.surroundings import Surroundings

from .steps import fetch, flaws


async def test_idle_service_tells_of_sixty_minutes_in_which_nothing_was_done(client):
    told = await fetch(client, "/v1/activity")
    assert (told["since"], told["until"]) == ("2026-01-01T11:01:00.000Z", "2026-01-01T12:00:00.000Z")
    assert told["step_seconds"] == 60
    assert [step["at"] for step in told["data"]][-2:] == ["2026-01-01T11:59:00.000Z", "2026-01-01T12:00:00.000Z"]
    assert len(told["data"]) == 60
    assert {(step["polls"], step["jobs"]["succeeded"], len(step["providers"])) for step in told["data"]} == {(0, 0, 0)}


async def test_what_was_done_shows_at_once_in_all_and_by_provider(client, service):
    service.tally.asked("decart")
    service.tally.asked("decart")
    service.tally.asked("wondercat")
    *_, last = (await fetch(client, "/v1/activity", minutes=1))["data"]
    assert last["requests"] == 3
    assert {name: done["requests"] for name, done in last["providers"].items()} == {"decart": 2, "wondercat": 1}


async def test_long_spans_are_told_in_longer_steps(client, service, clock):
    now = minute_of(clock())
    done = [Activity(now - ago, "decart", requests=1) for ago in (0, 1, 11, 12, 1428, 1429)]
    await service.activity_log.write(done)
    told = await fetch(client, "/v1/activity", minutes=1440)
    assert (told["step_seconds"], len(told["data"])) == (720, 120)
    requests = [step["requests"] for step in told["data"]]
    assert (requests[0], requests[-2], requests[-1]) == (1, 3, 1)
    assert sum(requests) == 5


@pytest.mark.parametrize("minutes", ["0", "-1", "1441", "ten", "1.5", ""])
async def test_span_that_cannot_be_told_is_refused(client, minutes):
    response = await client.get("/v1/activity", params={"minutes": minutes})
    assert flaws(response, "parameter") == ["minutes"]
    assert repr(minutes) in response.json()["errors"][0]["detail"]


async def test_what_was_done_is_there_after_a_stop(settings_of, surroundings, clock):
    async with Service(settings_of(), surroundings, is_ticking=False) as stopped:
        stopped.tally.asked("decart")
    now = minute_of(clock())
    async with Service(settings_of(), surroundings, is_ticking=False) as service:
        assert await service.tally.since(now, 1) == {now: [Activity(now, "decart", requests=1)]}


async def test_what_is_done_is_written_while_the_service_runs(settings_of):
    async with Service(settings_of(), Surroundings()) as service, asyncio.timeout(30):
        service.tally.asked("decart")
        while not (written := await service.activity_log.since(0, 1)):
            pass
    assert [(row.provider, row.requests) for row in written] == [("decart", 1)]
