from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from tracker.demo.simulators import Fault, scenario, scenario_scripts


@pytest.fixture
def job(world):
    return world.add("scenario", "job", scenario_scripts.success())


async def test_each_fault_takes_one_poll(world, job, scenario_api):
    world.break_polls(Fault.SERVER_ERROR, job_id=job.id, times=2)
    codes = [(await scenario_api.get(f"/jobs/{job.id}")).status_code for _ in range(3)]
    assert codes == [500, 500, 200]
    assert world.polls[job.id] == 3


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.SERVER_ERROR, 500),
        (Fault.UNAUTHORIZED, 401),
        (Fault.FORBIDDEN, 403),
        (Fault.NOT_FOUND, 404),
        (Fault.GONE, 410),
    ],
)
async def test_refusal_is_in_the_providers_shape(world, job, scenario_api, fault, status):
    world.break_polls(fault)
    answer = await scenario_api.get(f"/jobs/{job.id}")
    assert answer.status_code == status
    assert answer.json()["reason"]


@pytest.mark.parametrize(("fault", "status"), [(Fault.UNAVAILABLE, 503), (Fault.RATE_LIMITED, 429)])
async def test_busy_provider_says_when_to_come_back(world, job, scenario_api, fault, status):
    world.break_polls(fault, retry_after=6.5)
    answer = await scenario_api.get(f"/jobs/{job.id}")
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")


async def test_busy_provider_may_say_nothing(world, job, scenario_api):
    world.break_polls(Fault.RATE_LIMITED, retry_after=None)
    answer = await scenario_api.get(f"/jobs/{job.id}")
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers


async def test_hanging_poll_is_never_answered(world, job, scenario_api):
    world.break_polls(Fault.HANG)
    with pytest.raises(httpx.ReadTimeout):
        await scenario_api.get(f"/jobs/{job.id}", timeout=0.1)
    assert (await scenario_api.get(f"/jobs/{job.id}")).status_code == 200


async def test_dripping_poll_outlives_every_read_timeout(world, job, scenario_api):
    world.break_polls(Fault.DRIP)
    received = bytearray()

    async def read():
        async with scenario_api.stream("GET", f"/jobs/{job.id}", timeout=0.2) as answer:
            async for chunk in answer.aiter_raw():
                received.extend(chunk)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(), 0.4)
    assert 1 < len(received) < 40


async def test_truncated_body_is_shorter_than_announced(world, job, scenario_api):
    world.break_polls(Fault.TRUNCATED)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await scenario_api.get(f"/jobs/{job.id}")


async def test_hung_up_connection_brings_no_answer(world, job, scenario_api):
    world.break_polls(Fault.HUNG_UP)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await scenario_api.get(f"/jobs/{job.id}")


async def test_connection_faults_leave_no_word_in_the_logs(world, job, scenario_api, caplog):
    world.break_polls(Fault.TRUNCATED)
    world.break_polls(Fault.HUNG_UP)
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            await scenario_api.get(f"/jobs/{job.id}")
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


async def test_hanging_up_needs_a_server_that_can(world, job):
    world.break_polls(Fault.HUNG_UP)
    transport = httpx.ASGITransport(scenario.app(world, api_key="key", api_secret="secret"))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulated", auth=("key", "secret")) as client:
        with pytest.raises(ConnectionAbortedError, match="serve"):
            await client.get(f"/v1/jobs/{job.id}")


async def test_oversized_body_is_sound_but_too_large(world, job, scenario_api):
    world.break_polls(Fault.OVERSIZED)
    answer = await scenario_api.get(f"/jobs/{job.id}")
    assert len(answer.content) > 1 << 20
    assert answer.json()["job"]["jobId"] == job.id


async def test_html_comes_with_200(world, job, scenario_api):
    world.break_polls(Fault.HTML)
    answer = await scenario_api.get(f"/jobs/{job.id}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


async def test_malformed_json_claims_to_be_json(world, job, scenario_api):
    world.break_polls(Fault.MALFORMED)
    answer = await scenario_api.get(f"/jobs/{job.id}")
    assert answer.headers["content-type"] == "application/json"
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_redirect_that_is_followed_counts_as_another_poll(world, job, scenario_api):
    world.break_polls(Fault.REDIRECT, times=2)
    assert (await scenario_api.get(f"/jobs/{job.id}")).status_code == 302
    assert world.polls[job.id] == 1
    assert (await scenario_api.get(f"/jobs/{job.id}", follow_redirects=True)).status_code == 200
    assert world.polls[job.id] == 3


async def test_unknown_status_shows_in_the_history_too(world, clock, job, scenario_api):
    clock.advance(6)
    world.break_polls(Fault.UNKNOWN_STATUS)
    told = (await scenario_api.get(f"/jobs/{job.id}")).json()["job"]
    assert told["status"] == told["statusHistory"][-1]["status"] == "defragmenting"
    assert told["metadata"]["assetIds"] == []
    assert (await scenario_api.get(f"/jobs/{job.id}")).json()["job"]["status"] == "success"
