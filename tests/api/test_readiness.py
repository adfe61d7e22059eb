"""Why the service is not ready: each reason by a cause of its own, in words that a stranger may read."""

import asyncio
import sqlite3
from contextlib import closing

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from tests.flow import live, register
from tracker.demo.server import serve
from tracker.looks import LOOK_EVERY
from tracker.rules.idleness import STUCK_AFTER
from tracker.rules.reading import Problem
from tracker.service import Service
from tracker.surroundings import Surroundings

from .steps import client_of, subscribe, track

GUARD = 10
LONG = STUCK_AFTER.total_seconds()


async def reasons(stranger):
    """Why the service says that it is not ready; none if it says that it is."""
    response = await stranger.get("/readyz")
    body = response.json()
    if response.status_code == 200:
        assert body == {"status": "ready"}
        return []
    assert (response.status_code, body["status"], body.keys()) == (503, "unready", {"status", "reasons"})
    assert (await stranger.get("/healthz")).status_code == 200
    return body["reasons"]


def path_of(service):
    return service.settings.database_url.removeprefix("sqlite:///")


def drop(service, table):
    """Damages the database, as another program may."""
    with closing(sqlite3.connect(path_of(service))) as connection:
        connection.execute(f"DROP TABLE {table}")


async def test_service_that_works_is_ready(stranger):
    assert await reasons(stranger) == []


async def test_database_that_cannot_be_read_is_a_reason(service, stranger):
    drop(service, "jobs")
    with capture_logs() as lines:
        assert await reasons(stranger) == ["The database cannot be read; the log says why."]
    assert [line["event"] for line in lines] == ["database.failed"]


async def test_database_that_cannot_be_written_is_a_reason_until_it_can(service, stranger, clock):
    def switch(word):
        with closing(service._database._writer.raw_connection()) as connection:
            connection.execute(f"PRAGMA query_only = {word}")

    switch("on")
    with capture_logs():
        assert await reasons(stranger) == ["The database cannot be written; the log says why."]
    switch("off")
    clock.advance(LOOK_EVERY.total_seconds())
    assert await reasons(stranger) == []


async def test_loop_that_fails_is_a_reason_with_its_name(settings_of):
    async with Service(settings_of(), Surroundings(), is_learning=False) as service, client_of(service) as stranger:
        with capture_logs():
            drop(service, "replays")
            service.replay_beat.wake()
            async with asyncio.timeout(GUARD):
                while not (found := await reasons(stranger)):
                    pass
    assert found == ["The replay loop failed at its last tick; the log says why."]


async def test_due_polls_that_are_left_lying_are_a_reason_until_they_are_made(stage, clock):
    await register(stage, provider="decart", remote_id="r1")
    clock.advance(LONG)
    assert await reasons(stage.client) == [], "one look may come just before the loop ticks"
    clock.advance(LONG)
    assert await reasons(stage.client) == ["Due polls are left lying."]
    await live(stage, clock, LOOK_EVERY.total_seconds())
    assert await reasons(stage.client) == []


async def test_due_deliveries_that_are_left_lying_are_a_reason_until_they_are_attempted(stage, clock):
    subscription = await subscribe(stage.client, callback_url=stage.callbacks)
    assert (await stage.client.post(f"/v1/subscriptions/{subscription['id']}/test")).status_code == 202
    for _ in range(2):
        found = await reasons(stage.client)
        clock.advance(LONG)
    assert (found, await reasons(stage.client)) == (["Due deliveries are left lying."],) * 2
    await live(stage, clock, LOOK_EVERY.total_seconds())
    assert await reasons(stage.client) == []


async def test_what_has_gathered_while_a_subscription_was_paused_is_not_left_lying_when_it_goes_on(
    client, stranger, clock
):
    subscription = f"/v1/subscriptions/{(await subscribe(client))['id']}"
    await client.post(f"{subscription}/test")
    await client.patch(subscription, json={"status": "paused"})
    for _ in range(3):
        clock.advance(100_000)
        assert await reasons(stranger) == []
    await client.patch(subscription, json={"status": "active"})
    clock.advance(LOOK_EVERY.total_seconds())
    assert await reasons(stranger) == []


async def test_what_is_held_back_is_not_left_lying(service, stranger, client, clock):
    """A paused subscription, an account that is silent for an hour, a job that is not due."""
    subscription = await subscribe(client)
    await client.post(f"/v1/subscriptions/{subscription['id']}/test")
    await client.patch(f"/v1/subscriptions/{subscription['id']}", json={"status": "paused"})
    job = await track(client)
    await track(client, 2, provider="decart", kind="job", poll_after="2026-01-01T12:50:00Z")
    clock.advance(1)
    service.accounts.find(job["provider"], job["account"]).note(Problem("rate_limited", "…", 429, 3600.0))
    for _ in range(10):
        assert await reasons(stranger) == []
        clock.advance(LONG)


async def test_service_that_stops_is_not_ready(settings_of, surroundings, clock):
    """It waits for an attempt that is under way, and says so meanwhile."""
    began, may_answer = asyncio.Event(), asyncio.Event()

    async def receive(_request):
        began.set()
        await may_answer.wait()
        return Response(status_code=204)

    async with serve(Starlette(routes=[Route("/hook", receive, methods=["POST"])])) as url:
        service = Service(settings_of(), surroundings, is_ticking=False, is_learning=False)
        await service.__aenter__()
        async with client_of(service, service.settings.api_key) as client:
            subscription = await subscribe(client, callback_url=f"{url}/hook")
            await client.post(f"/v1/subscriptions/{subscription['id']}/test")
            clock.advance(1)
            await service.deliverer.tick()
            await asyncio.wait_for(began.wait(), GUARD)
            assert await reasons(client) == []
            stop = asyncio.create_task(service.__aexit__(None, None, None))
            async with asyncio.timeout(GUARD):
                while not (found := await reasons(client)):
                    pass
            may_answer.set()
            await asyncio.wait_for(stop, GUARD)
    assert found == ["The service is stopping."]
