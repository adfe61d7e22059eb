"""A key that makes too many requests is told when it may go on."""

import asyncio
from dataclasses import replace

import pytest

from .steps import KEY, ListeningBell, client_of, problem, see, track

GUARD = 10


@pytest.fixture
async def service(start):
    """A service that takes 2 requests a second of each key, and 8 at once."""
    return await start(TRACKER_RATE_LIMIT="2")


async def statuses(client, count, path="/v1/providers"):
    return [(await client.get(path)).status_code for _ in range(count)]


async def test_burst_passes_and_what_is_more_is_429_with_the_time_to_wait(client, service):
    assert await statuses(client, 8) == [200] * 8
    response = await client.get("/v1/jobs")
    assert "go on in 1 s" in problem(response, 429)["detail"]
    assert response.headers["retry-after"] == "1"
    service.surroundings.now.advance(1)
    assert await statuses(client, 3) == [200, 200, 429]


async def test_refused_request_is_not_carried_out_and_costs_nothing(client, service):
    await statuses(client, 8)
    for _ in range(10):
        problem(await client.post("/v1/jobs", json={"provider": "decart", "remote_id": "1"}), 429)
    service.surroundings.now.advance(0.5)
    assert (await client.get("/v1/jobs")).json()["data"] == []


async def test_each_key_has_a_limit_of_its_own(client, service):
    made = (await client.post("/v1/keys", json={"name": "another"})).json()
    await statuses(client, 7)
    async with client_of(service, made["key"]) as other:
        assert await statuses(other, 9) == [200] * 8 + [429]
    assert await statuses(client, 1) == [429]


async def test_whatever_is_asked_for_counts(client):
    for method, path in (("GET", "/v1/unheard-of"), ("PUT", "/v1/jobs"), ("HEAD", "/v1/jobs"), ("OPTIONS", "/v1/jobs")):
        for _ in range(2):
            await client.request(method, path)
    assert await statuses(client, 1) == [429]


async def test_health_is_told_however_often(stranger):
    assert await statuses(stranger, 20, "/healthz") == [200] * 20


async def test_stranger_is_told_to_show_a_key_however_often(stranger):
    assert await statuses(stranger, 20) == [401] * 20


async def test_request_that_waits_counts_once(client, service):
    job = await track(client)
    service.bell = ListeningBell()
    service.app.state.context = replace(service.app.state.context, bell=service.bell)
    waiting = [asyncio.create_task(client.get(f"/v1/jobs/{job['id']}/wait?timeout=300")) for _ in range(6)]
    for _ in waiting:
        await asyncio.wait_for(service.bell.listeners.acquire(), GUARD)
    assert await statuses(client, 2) == [200, 429]
    await see(service, job, "succeeded")
    assert [response.status_code for response in await asyncio.gather(*waiting)] == [200] * 6


async def test_without_a_limit_any_number_passes(start):
    service = await start(TRACKER_RATE_LIMIT="0")
    async with client_of(service, KEY) as client:
        assert set(await statuses(client, 30)) == {200}
