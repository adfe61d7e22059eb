"""The official SDK of Decart against the simulator."""

from __future__ import annotations

import pytest

from tracker.demo.server import serve
from tracker.demo.simulators import Fault, Phase, decart

sdk = pytest.importorskip("decart", reason="decart is not installed: uv run --group sdks pytest -m sdk")
pytestmark = [
    pytest.mark.sdk,
    # The SDK gives its form bytes where aiohttp, which it sends with, will want files.
    pytest.mark.filterwarnings("ignore:In v4, passing bytes will no longer create a file field:DeprecationWarning"),
]


@pytest.fixture
async def url(world):
    async with serve(decart.app(world, api_key="key")) as url:
        yield url


@pytest.fixture
async def client(url):
    async with sdk.DecartClient(api_key="key", base_url=url) as client:
        yield client


def edit(**more):
    return {"model": sdk.models.video("lucy-latest"), "prompt": "Make it snow", "data": b"\x00\xff a video", **more}


async def test_job_is_submitted_and_followed_to_its_result(clock, client):
    job = await client.queue.submit(edit())
    assert job.status == "pending"
    words = []
    for _ in range(3):
        words.append((await client.queue.status(job.job_id)).status)
        clock.advance(3)
    assert words == ["pending", "processing", "completed"]
    assert await client.queue.result(job.job_id)


async def test_sdk_waits_until_the_job_is_completed(world, clock, client):
    # The SDK sleeps for half a second before its first poll; the job has ended by then.
    world.asked = lambda _job_id: clock.advance(6)
    changes = []
    result = await client.queue.submit_and_poll(edit(on_status_change=changes.append))
    assert result.status == "completed"
    assert result.data
    assert [job.status for job in changes] == ["pending", "completed"]
    assert len({job.job_id for job in changes}) == 1


async def test_sdk_waits_until_the_job_has_failed(world, clock, client):
    world.defaults["decart", "job"] = decart.failure()
    world.asked = lambda _job_id: clock.advance(6)
    result = await client.queue.submit_and_poll(edit())
    assert result.status == "failed"


async def test_job_without_a_result_has_no_content(world, client):
    world.defaults["decart", "job"] = (Phase("failed"),)
    job = await client.queue.submit(edit())
    with pytest.raises(sdk.QueueResultError, match="404"):
        await client.queue.result(job.job_id)


async def test_expired_job_is_told_to_the_sdk(world, clock, client):
    job = world.add("decart", "job", decart.success(), expires_after=60)
    clock.advance(60)
    with pytest.raises(sdk.QueueStatusError, match=r"404 - .+Job not found"):
        await client.queue.status(job.id)


async def test_rate_limit_is_told_to_the_sdk(world, client):
    world.break_polls(Fault.RATE_LIMITED)
    with pytest.raises(sdk.QueueStatusError) as caught:
        await client.queue.status("x")
    assert caught.value.data == {"status": 429}


async def test_wrong_key_is_told_to_the_sdk(url):
    async with sdk.DecartClient(api_key="wrong", base_url=url) as client:
        with pytest.raises(sdk.QueueSubmitError, match="401"):
            await client.queue.submit(edit())
