"""While the database is away the service says so, and goes on by itself once it is back."""

import asyncio
import itertools

import psycopg
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from tests.flow import fetch, live, register, told
from tracker import batches
from tracker.demo.simulators import Fault, Phase, decart
from tracker.demo.stage import set_up
from tracker.surroundings import Surroundings


async def test_calls_are_answered_with_503_meanwhile_and_the_job_ends_all_the_same(postgres, postgres_url):
    async with set_up(Surroundings(), overrides={"TRACKER_DATABASE_URL": postgres_url}) as stage:
        made = await stage.client.post("/v1/keys", json={"name": "shop", "scope": "read"})
        by_stored_key = {"authorization": f"Bearer {made.json()['key']}"}
        stage.world.add("decart", "job", decart.success(1), job_id="r1")
        job = await register(stage, provider="decart", remote_id="r1")
        await asyncio.to_thread(postgres.stop)
        try:
            answers = [await stage.client.get(f"/v1/jobs/{job['id']}")]
            # A key that was read a moment ago is known; an unknown one has to be looked up.
            answers.append(await stage.client.post("/v1/jobs", json={"provider": "decart", "remote_id": "r2"}))
            stage.service.key_ring._outdate()
            answers.append(await stage.client.get("/v1/jobs", headers=by_stored_key))
            ready = await stage.client.get("/readyz")
        finally:
            await asyncio.to_thread(postgres.start)
        assert [answer.status_code for answer in answers] == [503] * 3
        assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
        assert {answer.headers["retry-after"] for answer in answers} == {"2"}
        assert ready.status_code == 503
        async with asyncio.timeout(60):
            await stage.inbox.first(lambda arrival: arrival.path == "/r1")
        assert told(stage, "r1") == ["job.succeeded"]
        assert (await fetch(stage, f"/v1/jobs/{job['id']}"))["status"] == "succeeded"


async def test_what_is_written_at_the_second_try_is_learned_once_and_its_account_is_held(
    postgres_url, surroundings, clock, monkeypatch
):
    monkeypatch.setattr(batches, "PAUSE_WHILE_AWAY", 0.0)
    overrides = {"TRACKER_DATABASE_URL": postgres_url}
    async with set_up(surroundings, overrides=overrides, is_ticking=False) as stage:
        numbers = itertools.count(1)

        @event.listens_for(stage.service._database._writer, "before_cursor_execute")
        def go_away(_connection, _cursor, statement, *_):
            # A write is tried twice before it is said that the database is away.
            if statement.startswith("UPDATE jobs SET") and "polls=" in statement and next(numbers) % 3:
                raise OperationalError(statement, {}, psycopg.OperationalError("gone"))

        stage.world.add("decart", "job", (Phase("processing", 100), Phase("completed")), job_id="r1")
        await register(stage, provider="decart", remote_id="r1")
        await live(stage, clock, 400)
        (row,) = (await fetch(stage, "/v1/providers/decart"))["learned"]
        stage.world.add("decart", "job", decart.success(1000), job_id="r2")
        stage.world.break_polls(Fault.RATE_LIMITED, job_id="r2", retry_after=900)
        await register(stage, provider="decart", remote_id="r2")
        await live(stage, clock, 200)
        await stage.service.others.report()
        (account,) = (await fetch(stage, "/v1/providers/decart"))["accounts"]
    assert row["jobs"] == 1
    assert account["status"] == "slowed"
