"""The feed, its stream, and the changes of a job through both clients, against the real service."""

from __future__ import annotations

import asyncio

import pytest

from tests.flow import live
from tracker.client import InvalidRequest
from tracker.demo.simulators import scenario_scripts

from .conftest import GUARD, in_background


@pytest.fixture
def feed(stage):
    return stage.service.feed


async def tracked(user, tracker, stage, *names):
    for name in names:
        stage.world.add("scenario", "job", scenario_scripts.success(2), job_id=name)
        await user.use(tracker.jobs.track, "scenario", name)


async def followed(feed, count=1):
    """Returns once so many follow the feed and wait."""
    async with asyncio.timeout(GUARD):
        while feed.followers < count:
            await feed.tick()
            await asyncio.sleep(0)


async def test_feed_is_listed_in_order_and_goes_on_behind_a_cursor(user, tracker, stage, clock):
    await tracked(user, tracker, stage, "r1", "r2")
    await live(stage, clock, 30)
    events = await user.take(tracker.events.list())
    assert len(events) >= 6
    in_small_pages = await user.take(tracker.events.list(page_size=2))
    assert [event.id for event in in_small_pages] == [event.id for event in events]
    ends = await user.take(tracker.events.list(types="job.succeeded"))
    assert [event.id for event in ends] == [event.id for event in events if event.type == "job.succeeded"]
    assert await user.take(tracker.events.list(after=events[-1].cursor)) == []
    await tracked(user, tracker, stage, "r3")
    await live(stage, clock, 30)
    later = await user.take(tracker.events.list(after=events[-1].cursor))
    assert {event.job.remote_id for event in later} == {"r3"}


async def test_stream_goes_on_where_it_was_cut(user, tracker, stage, clock, feed):
    await tracked(user, tracker, stage, "r1", "r2")
    async with in_background(user.take(tracker.events.stream(types=["job.succeeded"]), 2)) as taking:
        await followed(feed)
        (reader,) = feed._readers
        reader.stuck.set()
        await live(stage, clock, 30)
        events = await asyncio.wait_for(taking, GUARD)
    told = await user.take(tracker.events.list(types="job.succeeded"))
    assert [event.id for event in events] == [event.id for event in told]


async def test_changes_of_a_job_are_told_as_they_happen(user, tracker, stage, clock, feed):
    await tracked(user, tracker, stage, "r1")
    (job,) = await user.take(tracker.jobs.list())
    told = []
    waiting = user.use(job.wait, None, on_status_change=lambda change: told.append(change.status))
    async with in_background(waiting) as waiting:
        await followed(feed)
        await live(stage, clock, 30)
        done = await asyncio.wait_for(waiting, GUARD)
    assert (told[-1], done.status) == ("succeeded", "succeeded")
    assert told == [change.status for change in await user.use(job.history)]


async def test_cursor_of_somebody_else_is_refused(user, tracker):
    with pytest.raises(InvalidRequest, match="cursor"):
        await user.take(tracker.events.list(after="evt_1"))
