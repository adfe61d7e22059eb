"""Replays of the whole service: what comes again is what came before, to the byte, and no faster than was asked."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from tests.conftest import on_both_back_ends
from tests.flow import fetch, live, register
from tracker.demo.receiver import Mischief
from tracker.demo.simulators import decart, scenario_scripts
from tracker.demo.stage import SUBSCRIPTION_PATH, set_up
from tracker.rules.payload import rfc3339
from tracker.service import Service

JOBS = 6


@pytest.fixture
async def stage(surroundings, back_end):
    overrides = back_end | {"TRACKER_RETRY_SCHEDULE": "5s"}
    async with set_up(surroundings, overrides=overrides, is_ticking=False, is_learning=False) as stage:
        yield stage


@pytest.fixture
def since(clock):
    return rfc3339(clock.at)


async def subscribe(stage, **changes):
    body = {"callback_url": stage.callbacks + SUBSCRIPTION_PATH, "secret": stage.subscription_secret}
    answer = await stage.client.post("/v1/subscriptions", json=body | {"events": ["job.*"]} | changes)
    assert answer.status_code == 201, answer.text
    return f"/v1/subscriptions/{answer.json()['id']}"


async def replay(stage, path, **body):
    answer = await stage.client.post(f"{path}/replay", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def finish_jobs(stage, clock):
    """Jobs that pass through several statuses until they end; the ids of the jobs."""
    ids = []
    for number in range(JOBS):
        make = scenario_scripts.failure if number % 3 == 2 else scenario_scripts.success
        stage.world.add("scenario", "job", make(4), job_id=f"r{number}")
        job = await register(stage, provider="scenario", remote_id=f"r{number}", callback_url=None, tags=[f"t{number}"])
        ids.append(job["id"])
    await live(stage, clock, 60)
    return ids


async def feed(stage, job_ids):
    """All that was announced of the jobs: the bodies by event id."""
    pages = [await stage.service.events.of_job(job_id, 200) for job_id in job_ids]
    return {event.id: event.body for page in pages for event in page.rows}


def arrived(stage):
    """The bodies that arrived, by event id; each signature holds, and repeats carry the same bytes."""
    assert {arrival.error for arrival in stage.inbox.arrivals} <= {None}
    bodies = {arrival.webhook_id: arrival.body for arrival in stage.inbox.arrivals}
    assert {(arrival.webhook_id, arrival.body) for arrival in stage.inbox.arrivals} == set(bodies.items())
    return bodies


def times_it_came(stage):
    return set(Counter(arrival.webhook_id for arrival in stage.inbox.arrivals).values())


@on_both_back_ends
async def test_what_was_delivered_comes_again_with_the_same_ids_and_bytes(stage, clock, since):
    path = await subscribe(stage)
    job_ids = await finish_jobs(stage, clock)
    told = await feed(stage, job_ids)
    assert arrived(stage) == told
    made = await replay(stage, path, since=since)
    assert (made["status"], made["total"], made["queued"]) == ("running", len(told), 0)
    await live(stage, clock, 10)
    assert arrived(stage) == told
    assert times_it_came(stage) == {2}
    done = await fetch(stage, f"{path}/replays/{made['id']}")
    assert (done["status"], done["total"], done["queued"]) == ("done", len(told), len(told))
    deliveries = (await fetch(stage, "/v1/deliveries?limit=200"))["data"]
    assert {tuple(attempt["number"] for attempt in delivery["attempts"]) for delivery in deliveries} == {(1, 2)}
    assert {delivery["status"] for delivery in deliveries} == {"delivered"}


async def test_younger_subscription_gets_what_its_filter_wants_though_the_jobs_are_forgotten(stage, clock, since):
    job_ids = await finish_jobs(stage, clock)
    for job_id in job_ids:
        assert (await stage.client.delete(f"/v1/jobs/{job_id}")).status_code == 204
    path = await subscribe(stage, tags=["t1", "t2"], providers=["scenario"])
    made = await replay(stage, path, since=since)
    await live(stage, clock, 10)
    told = await feed(stage, job_ids[1:3])
    assert arrived(stage) == told
    assert made["total"] == len(told)
    assert times_it_came(stage) == {1}


async def test_replay_can_ask_for_other_types_than_its_subscription(stage, clock, since):
    path = await subscribe(stage, events=["job.succeeded"])
    await finish_jobs(stage, clock)
    assert {arrival.json["type"] for arrival in stage.inbox.arrivals} == {"job.succeeded"}
    stage.inbox.arrivals.clear()
    made = await replay(stage, path, since=since, events=["job.failed", "job.queued"])
    await live(stage, clock, 10)
    types = Counter(arrival.json["type"] for arrival in stage.inbox.arrivals)
    assert types == {"job.failed": JOBS // 3, "job.queued": JOBS}
    assert made["total"] == types.total()


async def test_only_what_did_not_arrive_comes_again_if_that_is_asked_for(stage, clock, since):
    path = await subscribe(stage, events=["job.succeeded", "job.failed"])
    stage.inbox.misbehave(Mischief.SERVER_ERROR, path=SUBSCRIPTION_PATH, times=JOBS + 2)
    await finish_jobs(stage, clock)
    await live(stage, clock, 3600)
    deliveries = (await fetch(stage, "/v1/deliveries?status=exhausted"))["data"]
    failed = {delivery["event_id"] for delivery in deliveries}
    assert 0 < len(failed) < JOBS
    stage.inbox.arrivals.clear()
    made = await replay(stage, path, since=since, only_failed=True)
    assert made["total"] == len(failed)
    await live(stage, clock, 10)
    assert set(arrived(stage)) == failed
    assert (await fetch(stage, "/v1/deliveries?status=exhausted"))["data"] == []


@pytest.mark.parametrize("rate", [0.5, 2, 7])
async def test_rate_is_held(stage, clock, since, rate):
    path = await subscribe(stage)
    job_ids = await finish_jobs(stage, clock)
    stage.inbox.arrivals.clear()
    await replay(stage, path, since=since, rate=rate)
    await live(stage, clock, 120)
    assert arrived(stage) == await feed(stage, job_ids)
    times = [arrival.arrived_at for arrival in stage.inbox.arrivals]
    assert len(set(times)) > 1
    for first, start in enumerate(times):
        for last, end in enumerate(times[first:], start=first + 1):
            # A batch comes at once, so that so much more may fall into any time.
            assert last - first <= (end - start).total_seconds() * rate + max(int(rate), 1) + 1e-6


async def test_live_first_tries_go_before_a_replay(stage, clock, since):
    path = await subscribe(stage)
    await finish_jobs(stage, clock)
    stage.inbox.arrivals.clear()
    await replay(stage, path, since=since, rate=1000)
    await stage.service.replayer.tick()
    stage.world.add("decart", "job", decart.success(), job_id="live")
    live_job = await register(stage, provider="decart", remote_id="live", callback_url=None)
    clock.advance(1)
    await stage.service.poller.tick()
    await stage.service.poller.drain()
    await live(stage, clock, 0)
    # Four are sent at a time, and any of them may arrive first.
    first = [arrival.json["data"]["job"]["id"] for arrival in stage.inbox.arrivals[:4]]
    assert live_job["id"] in first
    assert len(stage.inbox.arrivals) > 2 * len(first)


@pytest.mark.parametrize("status", ["paused", "disabled"])
async def test_subscription_that_is_not_active_collects_its_replay_and_is_sent_it_later(stage, clock, since, status):
    job_ids = await finish_jobs(stage, clock)
    path = await subscribe(stage)
    assert (await stage.client.patch(path, json={"status": status})).status_code == 200
    made = await replay(stage, path, since=since)
    await live(stage, clock, 10)
    assert (await fetch(stage, f"{path}/replays/{made['id']}"))["status"] == "done"
    assert len((await fetch(stage, "/v1/deliveries?status=pending"))["data"]) == made["total"]
    assert stage.inbox.arrivals == []
    assert (await stage.client.patch(path, json={"status": "active"})).status_code == 200
    await live(stage, clock, 1)
    assert arrived(stage) == await feed(stage, job_ids)


async def test_jobs_are_told_in_order_if_that_is_wanted(stage, clock, since):
    job_ids = await finish_jobs(stage, clock)
    path = await subscribe(stage, order="per_job")
    await replay(stage, path, since=since, rate=1000)
    await live(stage, clock, 10)
    assert arrived(stage) == await feed(stage, job_ids)
    for job_id in job_ids:
        told = [arrival.json["data"] for arrival in stage.inbox.arrivals if arrival.json["data"]["job"]["id"] == job_id]
        sequences = [data["sequence"] for data in told]
        assert sequences == sorted(sequences)


async def test_replay_of_a_deleted_subscription_ends(stage, clock, since):
    path = await subscribe(stage)
    await finish_jobs(stage, clock)
    stage.inbox.arrivals.clear()
    made = await replay(stage, path, since=since, rate=1)
    await live(stage, clock, 3)
    came = len(stage.inbox.arrivals)
    assert (await stage.client.delete(path)).status_code == 204
    await live(stage, clock, 100)
    assert (len(stage.inbox.arrivals), came < made["total"]) == (came, True)
    assert (await stage.client.get(f"{path}/replays/{made['id']}")).status_code == 404


async def test_replay_goes_on_where_a_dead_process_left_it(stage, clock, since, surroundings):
    """The service is dropped as it is, after some stretches; another one opens the same file."""
    path = await subscribe(stage)
    job_ids = await finish_jobs(stage, clock)
    stage.inbox.arrivals.clear()
    made = await replay(stage, path, since=since, rate=2)
    await live(stage, clock, 4)
    before = len(stage.inbox.arrivals)
    assert 0 < before < made["total"]
    dead = stage.service
    # What it holds in memory is lost; what it wrote is there. The file's lock goes with a process that dies.
    dead._database.close()
    async with Service(dead.settings, surroundings, is_ticking=False, is_learning=False) as reborn:
        while (due := await reborn.replayer.tick()) is not None:
            await reborn.deliverer.tick()
            await reborn.deliverer.drain()
            clock.at = max(clock.at, due)
        await reborn.deliverer.tick()
        await reborn.deliverer.drain()
        done = await reborn.replays.get(made["id"])
        assert (done.queued, done.total) == (made["total"], made["total"])
        assert set(arrived(stage)) == {
            event.id for id_ in job_ids for event in (await reborn.events.of_job(id_, 99)).rows
        }
    assert times_it_came(stage) == {1}


async def test_old_replays_go_with_the_retention(stage, clock, since):
    path = await subscribe(stage)
    await finish_jobs(stage, clock)
    made = await replay(stage, path, since=since)
    await live(stage, clock, 10)
    await stage.service.sweep.tick()
    assert [row["id"] for row in (await fetch(stage, f"{path}/replays"))["data"]] == [made["id"]]
    clock.at += timedelta(days=30)
    await stage.service.sweep.tick()
    assert (await fetch(stage, f"{path}/replays"))["data"] == []
