"""Jobs through both clients, against the real service."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.flow import live
from tracker.client import Conflict, InvalidRequest, JobFailed, JobTimeout, NotFound
from tracker.demo.simulators import decart, scenario_scripts, wondercat

from .conftest import GUARD, in_background, listening


def begin(stage, remote_id="r1", script=None):
    stage.world.add("scenario", "job", script or scenario_scripts.success(6), job_id=remote_id)


async def test_job_is_tracked_with_all_that_can_be_said_of_it(user, tracker, clock):
    later = clock.at + timedelta(minutes=5)
    job = await user.use(
        tracker.jobs.track,
        "wondercat",
        "r1",
        kind="editor",
        account="default",
        params={"seed": 7},
        callback_url="http://127.0.0.1:8000/hook",
        events="job.*",
        tags=["hero", "x"],
        metadata={"order": 12},
        timeout_seconds=3600,
        poll_after=later,
        rerun=True,
    )
    assert (job.provider, job.kind, job.remote_id, job.account) == ("wondercat", "editor", "r1", "default")
    assert (job.status, job.is_terminal, job.succeeded, job.sequence) == ("queued", False, False, 0)
    assert (job.params, job.tags, job.metadata) == ({"seed": 7}, ("hero", "x"), {"order": 12})
    assert (job.created_at, job.next_poll_at, job.timeout_at) == (clock.at, later, clock.at + timedelta(hours=1))
    assert job.created_at.tzinfo is UTC
    assert job.raw["id"] == job.id


async def test_same_job_again_is_the_job_as_it_is(user, tracker):
    first = await user.use(tracker.jobs.track, "scenario", "r1")
    assert await user.use(tracker.jobs.track, "scenario", "r1") == first
    assert await user.use(first.refresh) == first


async def test_job_is_waited_for_along_its_changes(user, tracker, stage, clock):
    begin(stage)
    told = []
    job = await user.use(tracker.jobs.track, "scenario", "r1")
    async with in_background(user.use(job.wait, 120, interval=3, on_status_change=told.append)) as waiting:
        await live(stage, clock, 60)
        done = await asyncio.wait_for(waiting, GUARD)
    assert (done.status, done.output, done.succeeded) == ("succeeded", {"assetIds": ["asset_r1"]}, True)
    assert [change.status for change in told] == ["queued", "running", "succeeded"]
    assert told == await user.use(done.history)
    assert job.status == "queued", "what was told does not change"


async def test_job_that_ends_is_told_to_who_waits(user, tracker, stage, clock):
    begin(stage)
    bell = listening(stage.service)
    job = await user.use(tracker.jobs.track, "scenario", "r1")
    async with in_background(user.use(job.wait, None)) as waiting:
        await asyncio.wait_for(bell.listeners.acquire(), GUARD)
        await live(stage, clock, 60)
        assert (await asyncio.wait_for(waiting, GUARD)).succeeded


async def test_wait_that_is_over_raises_and_the_job_goes_on(user, tracker, stage, clock):
    begin(stage)
    job = await user.use(tracker.jobs.track, "scenario", "r1")
    with pytest.raises(JobTimeout, match=rf"^Waited \d+\.\d s for {job.id}: it was last seen queued\."):
        await user.use(job.wait, 0.05)
    await live(stage, clock, 60)
    assert (await user.use(job.wait, 0.05)).succeeded


async def test_bad_end_is_returned_or_raised_as_wanted(user, tracker, stage, clock):
    begin(stage, script=scenario_scripts.failure(2))
    job = await user.use(tracker.jobs.track, "scenario", "r1")
    await live(stage, clock, 60)
    done = await user.use(job.wait)
    assert (done.status, done.is_terminal, done.succeeded) == ("failed", True, False)
    assert done.error.message
    assert done.error.hint
    with pytest.raises(JobFailed, match="has ended as failed: "):
        await user.use(job.wait, raise_on_failure=True)


async def test_job_tells_its_history_events_and_deliveries(user, tracker, stage, clock):
    begin(stage)
    job = await user.use(tracker.jobs.track, "scenario", "r1", callback_url=f"{stage.callbacks}/r1", events=["job.*"])
    await live(stage, clock, 60)
    history = await user.use(job.history)
    assert [(row.sequence, row.previous_status, row.is_terminal) for row in history] == [
        (1, None, False),
        (2, "queued", False),
        (3, "running", True),
    ]
    events = await user.take(job.events())
    assert [event.transition.sequence for event in events if event.transition] == [3, 2, 1]
    assert {event.job.id for event in events} == {job.id}
    deliveries = await user.take(job.deliveries())
    assert {delivery.event_id for delivery in deliveries} == {event.id for event in events}
    assert [delivery.status for delivery in deliveries] == ["delivered"] * len(events)
    assert deliveries[0].attempts[0].http_status == 204


async def test_expansion_is_in_the_raw_document(user, tracker):
    job = await user.use(tracker.jobs.track, "scenario", "r1")
    shown = await user.use(tracker.jobs.get, job.id, expand=["history", "steps"])
    assert (shown.raw["history"], shown.raw["steps"]) == ([], [])


async def test_poll_brings_the_next_look_forward(user, tracker, stage, clock):
    begin(stage)
    job = await user.use(tracker.jobs.track, "scenario", "r1")
    await live(stage, clock, 2)
    assert stage.world.polls["r1"] == 0
    assert (await user.use(job.poll)).next_poll_at == clock.at
    await live(stage, clock, 0.5)
    assert (await user.use(job.refresh)).polls == 1


async def test_cancel_reaches_the_provider_where_it_can(user, tracker, stage, clock):
    begin(stage)
    stage.world.add("decart", "job", decart.success(), job_id="r2")
    job = await user.use(tracker.jobs.track, "scenario", "r1")
    await user.use(job.cancel)
    await live(stage, clock, 60)
    assert (await user.use(job.refresh)).status == "canceled"
    other = await user.use(tracker.jobs.track, "decart", "r2")
    with pytest.raises(Conflict, match="cannot be canceled"):
        await user.use(other.cancel)


async def test_forgotten_job_is_not_found(user, tracker):
    job = await user.use(tracker.jobs.track, "scenario", "r1")
    assert await user.use(job.forget) is None
    with pytest.raises(NotFound, match=f"There is no job '{job.id}'"):
        await user.use(job.refresh)


async def test_list_turns_its_pages(user, tracker):
    jobs = [await user.use(tracker.jobs.track, "scenario", f"r{number}") for number in range(5)]
    assert await user.take(tracker.jobs.list(page_size=2)) == jobs[::-1]
    assert await user.take(tracker.jobs.list(page_size=2), 3) == jobs[:1:-1]


async def test_list_takes_every_filter(user, tracker, stage, clock):
    stage.world.add("wondercat", "editor", wondercat.success("editor", 1), job_id="r1")
    start = clock.at
    options = {"kind": "editor", "tags": ["hero"], "metadata": {"order": 12}}
    job = await user.use(tracker.jobs.track, "wondercat", "r1", **options)
    await user.use(tracker.jobs.track, "scenario", "r2")
    await live(stage, clock, 60)
    job = await user.use(job.refresh)
    wanted = {
        "provider": ["wondercat", "decart"],
        "kind": "editor",
        "account": "default",
        "status": ("succeeded", "failed"),
        "tag": "hero",
        "remote_id": "r1",
        "metadata": {"order": 12},
        "created_after": start - timedelta(seconds=1),
        "created_before": "2030-01-01T00:00:00Z",
        "finished_after": start,
        "finished_before": clock.at + timedelta(seconds=1),
    }
    assert await user.take(tracker.jobs.list(**wanted)) == [job]
    others = {
        "provider": "decart",
        "kind": "publish",
        "status": "failed",
        "tag": "other",
        "remote_id": "r2",
        "metadata": {"order": 13},
        "created_before": start,
        "finished_before": start,
    }
    for name, value in others.items():
        assert await user.take(tracker.jobs.list(**{**wanted, name: value})) == [], name


@pytest.mark.parametrize("value", ["", ".", ".."])
async def test_id_that_is_none_never_leaves(user, tracker, value):
    with pytest.raises(ValueError, match="is no id"):
        await user.use(tracker.jobs.get, value)


async def test_time_without_a_zone_is_refused(user, tracker):
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match=r"2026, 1, 1.*has no time zone"):
        await user.use(tracker.jobs.track, "scenario", "r1", poll_after=naive)


async def test_ids_of_any_sort_arrive_as_they_are(user, tracker):
    job = await user.use(tracker.jobs.track, "scenario", "ü 1?#&/%2F")
    assert [row.remote_id for row in await user.take(tracker.jobs.list(remote_id=job.remote_id))] == [job.remote_id]


async def test_what_cannot_be_used_is_told_with_its_place(user, tracker):
    with pytest.raises(InvalidRequest) as caught:
        await user.use(tracker.jobs.track, "scenarios", "r1", tags=["x"])
    assert caught.value.errors[0]["pointer"] == "/provider"
    assert str(caught.value).startswith("422 ")
    assert "(POST /v1/jobs)" in str(caught.value)
    assert "scenarios" in str(caught.value)
