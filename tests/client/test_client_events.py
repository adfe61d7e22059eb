"""The feed, its stream, and the changes of a job through both clients, against the real service."""

from __future__ import annotations

import asyncio

import pytest

from tests.flow import live
from tracker.client import AsyncTracker, InvalidRequest
from tracker.demo.simulators import scenario_scripts

from .conftest import GUARD, in_background

BREAKS = (1, 300, 9, 2_000, 3_500, 17, 5_000)
"""Bytes: in the middle of an id, of an event, behind the first block, behind an event or two."""
CHANGES = ("job.queued", "job.running", "job.succeeded")


@pytest.fixture
def feed(stage):
    return stage.service.feed


async def tracked(user, stage, *names, seconds=2):
    for name in names:
        stage.world.add("scenario", "job", scenario_scripts.success(seconds), job_id=name)
    return [await user.use(user.tracker.jobs.track, "scenario", name) for name in names]


async def followed(feed, count=1):
    """Returns once so many follow the feed and wait."""
    async with asyncio.timeout(GUARD):
        while feed.followers < count:
            await feed.tick()
            await asyncio.sleep(0)


async def in_all(user, **how):
    return await user.take(user.tracker.events.list(**how))


async def test_feed_is_listed_in_order_and_goes_on_behind_a_cursor(user, stage, clock):
    await tracked(user, stage, "r1", "r2")
    await live(stage, clock, 30)
    events = await in_all(user)
    assert len(events) >= 6
    assert [event.id for event in await in_all(user, page_size=2)] == [event.id for event in events]
    ends = await in_all(user, types="job.succeeded")
    assert [event.id for event in ends] == [event.id for event in events if event.type == "job.succeeded"]
    assert await in_all(user, after=events[-1].cursor) == []
    await tracked(user, stage, "r3")
    await live(stage, clock, 30)
    assert {event.job.remote_id for event in await in_all(user, after=events[-1].cursor)} == {"r3"}


async def test_stream_begins_with_what_happens_now(user, tracker, stage, clock, feed):
    await tracked(user, stage, "r1")
    await live(stage, clock, 30)
    async with in_background(user.take(tracker.events.stream(types=CHANGES), 3)) as taking:
        await followed(feed)
        await tracked(user, stage, "r2")
        await live(stage, clock, 30)
        events = await asyncio.wait_for(taking, GUARD)
    assert [(event.type, event.job.remote_id) for event in events] == [(change, "r2") for change in CHANGES]


async def test_stream_can_begin_behind_an_event(user, tracker, stage, clock):
    await tracked(user, stage, "r1")
    await live(stage, clock, 30)
    first, *others = await in_all(user, types=CHANGES, page_size=1)
    events = await asyncio.wait_for(user.take(tracker.events.stream(after=first.cursor, types=CHANGES), 2), GUARD)
    assert [event.id for event in events] == [event.id for event in others]


async def test_stream_loses_and_repeats_nothing_wherever_it_breaks(remote, line, stage, clock):
    await tracked(remote, stage, "r0")
    await live(stage, clock, 30)
    (*_, last) = await in_all(remote, page_size=1)
    line.breaks = list(BREAKS)
    async with in_background(remote.take(remote.tracker.events.stream(after=last.cursor, types=CHANGES), 12)) as taking:
        for name in ("r1", "r2", "r3", "r4"):
            await tracked(remote, stage, name)
            await live(stage, clock, 30)
        events = await asyncio.wait_for(taking, GUARD)
    assert line.breaks == []
    told = await in_all(remote, after=last.cursor, types=CHANGES)
    assert [event.id for event in events] == [event.id for event in told]
    assert len(told) == 12


async def test_stream_of_a_reader_that_was_cut_off_for_being_slow_goes_on(user, tracker, stage, clock, feed):
    async with in_background(user.take(tracker.events.stream(types=["job.succeeded"]), 2)) as taking:
        await followed(feed)
        (reader,) = feed._readers
        reader.stuck.set()
        await tracked(user, stage, "r1", "r2")
        await live(stage, clock, 30)
        events = await asyncio.wait_for(taking, GUARD)
    assert [event.id for event in events] == [event.id for event in await in_all(user, types="job.succeeded")]


async def test_changes_of_a_job_are_told_as_they_happen(user, stage, clock, feed):
    (job,) = await tracked(user, stage, "r1", seconds=30)
    told, news, loop = [], asyncio.Event(), asyncio.get_running_loop()

    def tell(change):
        told.append(change)
        loop.call_soon_threadsafe(news.set)

    async with in_background(user.use(job.wait, None, on_status_change=tell)) as waiting:
        await followed(feed)
        await live(stage, clock, 15)
        await asyncio.wait_for(news.wait(), GUARD)
        assert not waiting.done()
        await live(stage, clock, 60)
        done = await asyncio.wait_for(waiting, GUARD)
    assert (told[-1].status, done.status) == ("succeeded", "succeeded")
    assert told == await user.use(job.history)


async def test_changes_of_a_job_are_told_once_wherever_the_stream_breaks(remote, line, stage, clock):
    (job,) = await tracked(remote, stage, "r1")
    told, line.breaks = [], list(BREAKS)
    async with in_background(remote.use(job.wait, None, on_status_change=told.append)) as waiting:
        await live(stage, clock, 30)
        done = await asyncio.wait_for(waiting, GUARD)
    assert done.succeeded
    assert told == await remote.use(job.history)


async def test_what_a_listener_raises_ends_the_wait(user, stage, clock):
    def tell(change):
        raise LookupError(change.status)

    (job,) = await tracked(user, stage, "r1")
    await live(stage, clock, 30)
    with pytest.raises(LookupError, match="queued"):
        await asyncio.wait_for(user.use(job.wait, on_status_change=tell), GUARD)


async def test_listener_may_be_a_coroutine_function(stage, clock):
    told = []

    async def tell(change):
        await asyncio.sleep(0)
        told.append(change.status)

    stage.world.add("scenario", "job", scenario_scripts.success(2), job_id="r1")
    async with AsyncTracker(stage.url, stage.service.settings.api_key) as tracker:
        job = await tracker.jobs.track("scenario", "r1")
        await live(stage, clock, 30)
        await asyncio.wait_for(job.wait(on_status_change=tell), GUARD)
    assert told == ["queued", "running", "succeeded"]


async def test_cursor_of_somebody_else_is_refused(user):
    with pytest.raises(InvalidRequest, match="cursor"):
        await in_all(user, after="evt_1")
