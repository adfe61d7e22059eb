"""What the contract promises and the real service does not have yet: both clients against a small server that does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from tracker.client import AsyncTracker, InvalidRequest, NotFound
from tracker.demo.server import serve

from .conftest import GUARD, in_background
from .contract_server import KEY, SECRET, ContractServer

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def server():
    contract = ContractServer()
    contract.subscriptions["sub_1"] = {"id": "sub_1", "callback_url": "https://a.example", "status": "active"}
    async with serve(contract.app()) as url:
        contract.url = url
        yield contract


@pytest.fixture
def user(connect, server):
    return connect(server.url, KEY)


@pytest.fixture
def tracker(user):
    return user.tracker


async def test_many_jobs_are_tracked_in_few_calls(user, tracker, server):
    jobs = [{"provider": "scenario", "remote_id": f"r{number}", "tags": "hero"} for number in range(2500)]
    results = await user.use(tracker.jobs.track_many, jobs)
    assert server.batches == [1000, 1000, 500]
    assert [result.job.remote_id for result in results] == [job["remote_id"] for job in jobs]
    assert {(result.status, result.job.tags, result.error) for result in results} == {(201, ("hero",), None)}
    assert (await user.use(results[7].job.refresh)).remote_id == "r7"


async def test_large_jobs_make_smaller_batches(user, tracker, server):
    jobs = [{"provider": "p", "remote_id": str(number), "params": {"prompt": "x" * 300_000}} for number in range(7)]
    await user.use(tracker.jobs.track_many, iter(jobs))
    assert server.batches == [3, 3, 1]


async def test_one_bad_job_of_many_spoils_no_other(user, tracker):
    good, bad = await user.use(
        tracker.jobs.track_many,
        [{"provider": "p", "remote_id": "1"}, {"provider": "p", "remote_id": "2", "tagz": ["x"]}],
    )
    assert good.job.remote_id == "1"
    assert bad.job is None
    assert isinstance(bad.error, InvalidRequest)
    assert bad.error.errors == ({"pointer": "/tagz", "detail": "This field is unknown."},)
    assert "/tagz: This field is unknown" in str(bad.error)


async def test_no_jobs_make_no_call(user, tracker, server):
    assert await user.use(tracker.jobs.track_many, []) == ()
    assert server.batches == []


async def moved(server, user, *statuses):
    job = await user.use(user.tracker.jobs.track, "p", "r1")
    for status in statuses:
        await server.move(job.id, status)
    return job


async def test_feed_gives_all_events_and_where_to_go_on(user, tracker, server):
    job = await moved(server, user, "queued", "running", "succeeded")
    events = await user.take(tracker.events.list(page_size=2))
    assert [event.type for event in events] == ["job.queued", "job.running", "job.succeeded"]
    assert [event.job.status for event in events] == ["queued", "running", "succeeded"]
    assert [event.transition.sequence for event in events] == [1, 2, 3]
    assert await user.take(tracker.events.list(after=events[-1].cursor)) == []
    await server.move(job.id, "failed")
    assert [event.type for event in await user.take(tracker.events.list(after=events[-1].cursor))] == ["job.failed"]
    assert [event.type for event in await user.take(tracker.events.list(types=["job.r*", "job.failed"]))] == [
        "job.running",
        "job.failed",
    ]


async def test_stream_misses_nothing_when_it_breaks(user, tracker, server):
    job = await moved(server, user, "queued")
    async with in_background(user.take(tracker.events.stream(), 4)) as taking:
        await asyncio.wait_for(server.readers.acquire(), GUARD)
        await server.move(job.id, "running")
        await server.cut()
        await server.move(job.id, "action_required")
        await asyncio.wait_for(server.readers.acquire(), GUARD)
        await server.move(job.id, "running")
        await server.move(job.id, "succeeded")
        events = await asyncio.wait_for(taking, GUARD)
    assert [event.job.sequence for event in events] == [2, 3, 4, 5]
    assert [event.cursor for event in events] == ["2", "3", "4", "5"]
    assert server.resumed_from[0] is None
    assert set(server.resumed_from[1:]) <= {"1", "2"}


async def test_stream_can_begin_behind_an_event(user, tracker, server):
    await moved(server, user, "queued", "running", "succeeded")
    events = await asyncio.wait_for(user.take(tracker.events.stream(after="1", types=["job.succeeded"]), 1), GUARD)
    assert [event.job.sequence for event in events] == [3]


async def test_changes_are_told_while_they_happen(user, server):
    loop, told, news = asyncio.get_running_loop(), [], asyncio.Semaphore(0)

    def tell(change):
        told.append(change.status)
        loop.call_soon_threadsafe(news.release)

    job = await moved(server, user, "queued")
    async with in_background(user.use(job.wait, None, on_status_change=tell)) as waiting:
        for status in ("running", "action_required", "running", "succeeded"):
            await asyncio.wait_for(news.acquire(), GUARD)
            await server.move(job.id, status)
        done = await asyncio.wait_for(waiting, GUARD)
    assert told == ["queued", "running", "action_required", "running", "succeeded"]
    assert (done.status, done.sequence) == ("succeeded", 5)


async def test_changes_are_told_across_a_break(user, server):
    job = await moved(server, user)
    told = []
    async with in_background(user.use(job.wait, None, on_status_change=told.append)) as waiting:
        await asyncio.wait_for(server.readers.acquire(), GUARD)
        await server.cut()
        await server.move(job.id, "running")
        await server.move(job.id, "failed")
        assert (await asyncio.wait_for(waiting, GUARD)).status == "failed"
    assert [change.status for change in told] == ["running", "failed"]


async def test_what_a_listener_raises_ends_the_wait(user, server):
    def tell(change):
        raise LookupError(change.status)

    job = await moved(server, user, "queued")
    with pytest.raises(LookupError, match="queued"):
        await user.use(job.wait, on_status_change=tell)


async def test_listener_may_be_a_coroutine_function(server):
    told = []

    async def tell(change):
        await asyncio.sleep(0)
        told.append(change.status)

    async with AsyncTracker(server.url, KEY) as tracker:
        job = await tracker.jobs.track("p", "r1")
        await server.move(job.id, "queued")
        await server.move(job.id, "succeeded")
        await asyncio.wait_for(job.wait(on_status_change=tell), GUARD)
    assert told == ["queued", "succeeded"]


async def test_rotation_gives_the_new_secret_and_shows_it_nowhere(user, tracker):
    rotated = await user.use(tracker.subscriptions.rotate_secret, "sub_1", grace_seconds=60)
    assert rotated.secret == SECRET
    assert SECRET not in repr(rotated)


async def test_replay_is_begun_and_watched(user, tracker, server):
    begun = await user.use(tracker.subscriptions.replay, "sub_1", since=SINCE, events=["job.*"], only_failed=True)
    assert (begun.status, begun.total) == ("running", None)
    assert server.replays[begun.id]["wanted"] == {
        "since": "2026-01-01T00:00:00Z",
        "events": ["job.*"],
        "only_failed": True,
    }
    server.replays[begun.id] |= {"status": "done", "total": 3, "queued": 3}
    done = await user.use(tracker.subscriptions.get_replay, "sub_1", begun.id)
    assert (done.status, done.total, done.queued) == ("done", 3, 3)
    assert await user.take(tracker.subscriptions.replays("sub_1")) == [done]


async def test_keys_are_made_listed_and_revoked(user, tracker):
    made = await user.use(tracker.keys.create, "laptop", scope="read", expires_at=SINCE)
    assert (made.key, made.scope, made.expires_at) == ("trk_hush", "read", SINCE)
    assert "hush" not in repr(made)
    shown = await user.use(tracker.keys.get, made.id)
    assert shown.key is None
    assert await user.take(tracker.keys.list()) == [shown]
    await user.use(tracker.keys.revoke, made.id)
    with pytest.raises(NotFound):
        await user.use(tracker.keys.get, made.id)
