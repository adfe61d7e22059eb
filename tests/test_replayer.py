"""The replay loop on a store of its own: counting, pace, and what it wakes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from store.database import Database
from store.events import insert_events
from store.records import Filter, Job, Replay, ReplayStatus, Secret, Status, Subscription
from store.replays import Replays
from store.subscriptions import Subscriptions
from tracker.replay import LOOKS_AT_START, Replayer
from tracker.rules import replay as rules
from tracker.rules.events import progress_event

LOOK = 1000
"""Events that one look at the feed holds at most."""


@pytest.fixture
def database(tmp_path):
    with closing(Database.open(f"sqlite:///{tmp_path}/tracker.db")) as database:
        yield database


@pytest.fixture
def replays(database):
    return Replays(database, rules.is_near, rules.is_replayed, rules.queue, rules.LARGEST_BACKLOG)


@pytest.fixture
def woken():
    return []


@pytest.fixture
def replayer(replays, surroundings, woken):
    return Replayer(replays, surroundings, wake=lambda: woken.append("replay"), deliver=lambda: woken.append("deliver"))


@pytest.fixture(autouse=True)
async def _subscription(database, clock):
    one = Subscription("sub_1", "https://a.example", Filter(("job.*",)), (Secret("whsec_x"),), clock.at, clock.at)
    await Subscriptions(database).add(one)


async def fill_feed(database, clock, count):
    """Puts so many events of one job into the feed, a millisecond apart, the last of them now."""
    at = clock.at
    names = ("job_1", "scenario", "job", "default", "remote-1", 1)
    job = Job(*names, at, at, timeout_at=at, next_poll_at=at, status=Status.RUNNING)
    events = [
        progress_event(replace(job, announcements=number), at - timedelta(milliseconds=count - 1 - number))
        for number in range(count)
    ]
    await database.write(lambda connection: insert_events(connection, events))


def new_replay(clock, number=1, **changes):
    since = clock.at - timedelta(days=1)
    fields = {"events": ("job.*",), "only_failed": False, "rate": 50.0, "total": 0}
    times = {"since": since, "until": clock.at, "created_at": clock.at, "next_at": clock.at}
    return Replay(f"rpl_{number}", "sub_1", **times | fields | changes)


async def test_small_replay_is_counted_before_it_is_answered(database, replayer, replays, woken, clock):
    await fill_feed(database, clock, 70)
    replay = await replayer.start(new_replay(clock))
    assert (replay.total, replay.counted_to, replay.status) == (70, None, ReplayStatus.RUNNING)
    assert await replays.get(replay.id) == replay
    assert woken == ["replay"]


async def test_replay_of_nothing_ends_as_it_begins(replayer, replays, clock):
    replay = await replayer.start(new_replay(clock))
    assert (replay.total, replay.status, replay.finished_at) == (0, ReplayStatus.DONE, clock.at)
    assert await replays.get(replay.id) == replay
    assert await replayer.tick() is None


async def test_large_replay_is_counted_on_while_it_queues(database, replayer, replays, clock):
    everything = (LOOKS_AT_START + 1) * LOOK + 1
    await fill_feed(database, clock, everything)
    replay = await replayer.start(new_replay(clock, rate=1.0))
    assert (replay.total, replay.counted_to) == (LOOKS_AT_START * LOOK, LOOKS_AT_START * LOOK)
    assert await replayer.tick() == clock.at, "there is more to count"
    counting = await replays.get(replay.id)
    assert (counting.total, counting.queued) == ((LOOKS_AT_START + 1) * LOOK, 1)
    assert await replayer.tick() == clock.at + timedelta(seconds=1)
    counted = await replays.get(replay.id)
    assert (counted.total, counted.counted_to, counted.queued) == (everything, None, 1)


async def test_each_tick_queues_what_the_time_since_allows_and_wakes_the_deliveries(
    database, replayer, replays, woken, clock
):
    await fill_feed(database, clock, 25)
    replay = await replayer.start(new_replay(clock, rate=10.0))
    queued = []
    while (due := await replayer.tick()) is not None:
        queued.append((await replays.get(replay.id)).queued)
        assert await replayer.tick() == due, "it waits for its time"
        clock.at = due
    assert queued == [10, 20]
    assert (await replays.get(replay.id)).queued == 25
    assert woken == ["replay", *["deliver"] * 3]


async def test_replays_go_on_side_by_side(database, replayer, replays, clock):
    await fill_feed(database, clock, 30)
    for number in range(3):
        await replayer.start(new_replay(clock, number, rate=5.0))
    await replayer.tick()
    assert [(await replays.get(f"rpl_{number}")).queued for number in range(3)] == [5, 5, 5]


async def test_what_waits_already_costs_no_time(database, replayer, replays, woken, clock):
    await fill_feed(database, clock, 25)
    for number in range(2):
        await replayer.start(new_replay(clock, number, rate=10.0))
        while (due := await replayer.tick()) is not None:
            clock.at = due
    assert (await replays.get("rpl_1")).finished_at == (await replays.get("rpl_1")).created_at
    assert woken.count("deliver") == 3
