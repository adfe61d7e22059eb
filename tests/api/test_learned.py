"""What the service has learned of jobs: rows of a provider, and when an unfinished job is expected to end."""

from datetime import datetime, timedelta

import pytest

from store.records import Status
from tracker.rules.reading import Reading
from tracker.rules.track import decide
from tracker.service import Service

from .steps import KEY, claim_due, client_of, fetch, track

FIELDS = {
    "kind",
    "model",
    "jobs",
    "median_seconds",
    "p90_seconds",
    "delay_per_poll",
    "polls_per_job",
    "delay_seconds",
    "documented",
    "distribution",
    "planned_polls",
}


@pytest.fixture
async def service(settings_of, surroundings):
    """A service that learns."""
    async with Service(settings_of(), surroundings, is_ticking=False) as service:
        yield service


@pytest.fixture
async def client(service):
    async with client_of(service, KEY) as client:
        yield client


async def read(service, job, status, **details):
    """Polls a job now whatever its plan says, and the poll reads this status; what it teaches is learned."""
    now, intervals = service.surroundings.now(), service.intervals
    await service.jobs.poll_now(job["id"], now)
    claim = await claim_due(service.jobs, now)
    (claimed,) = [row for row in claim if row.id == job["id"]]
    await service.jobs.release(row for row in claim if row is not claimed)
    plan = intervals.plan_of(claimed)
    outcome = decide(claimed, Reading(status, status.upper(), **details), intervals.timing(claimed), now, 0.999, plan)
    await service.jobs.record([outcome], await intervals.learn([outcome.job]))
    await intervals.drain()


async def live_through(service, client, number, seconds, **body):
    """Lets a job be registered, seen to run a second before its end, and seen to end a second after it."""
    job = await track(client, number, **body)
    service.surroundings.now.advance(seconds - 1)
    await read(service, job, Status.RUNNING)
    service.surroundings.now.advance(2)
    await read(service, job, Status.SUCCEEDED)
    return job


async def rows_of(client, provider):
    return (await fetch(client, f"/v1/providers/{provider}"))["learned"]


async def expected_seconds(client, service, job):
    """In how many seconds a job is expected to end."""
    shown = await fetch(client, f"/v1/jobs/{job['id']}")
    return (datetime.fromisoformat(shown["expected_finish_at"]) - service.surroundings.now()) / timedelta(seconds=1)


async def test_every_kind_has_a_row_before_any_job(client):
    rows = await rows_of(client, "wondercat")
    assert [(row["kind"], row["model"], row["jobs"]) for row in rows] == [
        ("editor", None, 0),
        ("inference", None, 0),
        ("publish", None, 0),
    ]
    for row in rows:
        assert row.keys() == FIELDS
        assert 0 < row["median_seconds"] < row["p90_seconds"]
        assert row["polls_per_job"] >= 1
        assert row["delay_seconds"] >= 0


async def test_finished_jobs_show_in_the_row_of_their_kind(service, client):
    for number in range(15):
        await live_through(service, client, number, 60 + number % 5)
    editor, inference, _ = await rows_of(client, "wondercat")
    assert (editor["jobs"], inference["jobs"]) == (0, 15)
    assert inference["median_seconds"] == pytest.approx(62, rel=0.05)
    assert inference["median_seconds"] < inference["p90_seconds"] < 80
    assert inference["delay_per_poll"] == 1


async def test_learned_polls_cost_less_than_the_documented_ones(service, client):
    for number in range(15):
        await live_through(service, client, number, 60 + number % 5)
    _, row, _ = await rows_of(client, "wondercat")
    known, worth = row["documented"], row["delay_per_poll"]
    assert known.keys() == {"polls_per_job", "delay_seconds"}
    assert known["polls_per_job"] == pytest.approx(15, abs=4)
    assert known["delay_seconds"] == pytest.approx(2.5, abs=0.7)
    assert row["polls_per_job"] + row["delay_seconds"] / worth < 0.5 * (
        known["polls_per_job"] + known["delay_seconds"] / worth
    )


async def test_distribution_falls_and_polls_are_where_jobs_end(service, client):
    for number in range(15):
        await live_through(service, client, number, 60)
    _, row, _ = await rows_of(client, "wondercat")
    seconds, unfinished = row["distribution"]["seconds"], row["distribution"]["unfinished"]
    assert len(seconds) == len(unfinished)
    assert (seconds[0], unfinished[0]) == (0, 1)
    assert seconds == sorted(seconds)
    assert unfinished == sorted(unfinished, reverse=True)
    assert row["planned_polls"] == sorted(row["planned_polls"])
    assert row["planned_polls"][0] == pytest.approx(60, abs=6)


async def test_model_has_a_row_of_its_own_below_its_kind(service, client):
    for number in range(6):
        await live_through(service, client, number, 20, provider="scenario", kind="job", metadata={"model": "flux"})
    for number in range(6, 8):
        await live_through(service, client, number, 20, provider="scenario", kind="job")
    rows = await rows_of(client, "scenario")
    assert [(row["kind"], row["model"], row["jobs"]) for row in rows] == [("job", None, 8), ("job", "flux", 6)]


async def test_list_of_providers_is_short(client):
    assert all("learned" not in row for row in (await fetch(client, "/v1/providers"))["data"])


async def test_delay_per_poll_of_the_operator_is_shown(settings_of, surroundings):
    settings = settings_of(TRACKER_DELAY_PER_POLL="7")
    async with Service(settings, surroundings, is_ticking=False) as service, client_of(service, KEY) as client:
        assert {row["delay_per_poll"] for row in await rows_of(client, "wondercat")} == {7}


async def test_end_that_is_expected_moves_on_without_a_new_etag(service, client):
    await live_through(service, client, 1, 60)
    job = await track(client, 2)
    first = await client.get(f"/v1/jobs/{job['id']}")
    service.surroundings.now.advance(61)
    second = await client.get(f"/v1/jobs/{job['id']}")
    assert first.json()["expected_finish_at"] != second.json()["expected_finish_at"]
    assert first.headers["etag"] == second.headers["etag"]


async def test_nothing_is_expected_before_something_was_learned(service, client):
    job = await track(client)
    assert "expected_finish_at" not in await fetch(client, f"/v1/jobs/{job['id']}")
    await live_through(service, client, 2, 60, kind="editor")
    assert "expected_finish_at" not in await fetch(client, f"/v1/jobs/{job['id']}")


async def test_unfinished_job_is_expected_to_end_when_its_like_did(service, client):
    for number in range(12):
        await live_through(service, client, number, 60)
    job = await track(client, 99)
    assert await expected_seconds(client, service, job) == pytest.approx(60, abs=3)
    service.surroundings.now.advance(30)
    assert await expected_seconds(client, service, job) == pytest.approx(30, abs=3)


async def test_job_that_takes_too_long_is_still_expected_to_end(service, client):
    for number in range(12):
        await live_through(service, client, number, 60)
    job = await track(client, 99)
    service.surroundings.now.advance(600)
    await read(service, job, Status.RUNNING)
    assert await expected_seconds(client, service, job) >= 0


async def test_finished_job_is_not_expected_to_end(service, client):
    job = await live_through(service, client, 1, 60)
    assert "expected_finish_at" not in await fetch(client, f"/v1/jobs/{job['id']}")


async def test_service_that_does_not_learn_expects_nothing(start):
    service = await start()
    async with client_of(service, KEY) as client:
        job = await live_through(service, client, 1, 60)
        running = await track(client, 2)
        assert "expected_finish_at" not in await fetch(client, f"/v1/jobs/{running['id']}")
        assert {row["jobs"] for row in await rows_of(client, "wondercat")} == {0}
        assert (await fetch(client, f"/v1/jobs/{job['id']}"))["status"] == "succeeded"


async def test_first_poll_of_a_new_job_is_planned(service, client):
    for number in range(12):
        await live_through(service, client, number, 60)
    job = await track(client, 99)
    first = datetime.fromisoformat(job["next_poll_at"]) - datetime.fromisoformat(job["created_at"])
    assert first.total_seconds() == pytest.approx(60, abs=6)
