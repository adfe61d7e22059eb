"""Replays: stored, listed, counted, and what they find in the feed."""

from dataclasses import replace

import pytest
from sqlalchemy import delete

from store.deliveries import SubscriptionGoneError
from store.events import insert_events
from store.records import ReplayStatus, Status
from store.replay_feed import BODIES_AT_A_TIME as BODIES
from store.replay_feed import HEADINGS_AT_A_TIME as HEADINGS
from store.tables import DELIVERIES
from tracker.rules import replay as rules
from tracker.rules.events import progress_event

from .builders import ALL, NOW, at, job_id, new_job, new_subscription, subscription_id
from .replaying import LATER, SUB, begun, count_by_looking, fill_feed, rows_of, run, step, tell


async def test_replay_is_stored_as_it_is(subscriptions, replays):
    await subscriptions.add(new_subscription())
    replay = await begun(replays, events=("job.*", "job.step"), only_failed=True, rate=0.1, total=7, counted_to=3)
    assert await replays.get(replay.id) == replay
    assert await replays.get("rpl_unknown") is None


async def test_replay_of_a_subscription_that_is_gone_is_refused(replays):
    with pytest.raises(SubscriptionGoneError, match=SUB):
        await begun(replays)


async def test_replays_end_with_their_subscription(subscriptions, replays):
    await subscriptions.add(new_subscription())
    replay = await begun(replays)
    stretch = await replays.look(replay, replay.position, ALL)
    await subscriptions.remove(SUB, NOW)
    assert await replays.get(replay.id) is None
    assert await replays.queue(replay, stretch, LATER) is None
    assert await replays.next_at(LATER) is None
    with pytest.raises(SubscriptionGoneError):
        await replays.look(replay, replay.position, ALL)


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
async def test_pages_hold_every_replay_of_a_subscription_once_newest_first(subscriptions, replays, limit):
    await subscriptions.add(new_subscription(1))
    await subscriptions.add(new_subscription(2))
    for number in range(1, 6):
        await begun(replays, number)
    await begun(replays, 9, subscription_id=subscription_id(2))
    seen, after = [], None
    while True:
        page = await replays.find(SUB, limit, after)
        seen += [replay.id for replay in page.rows]
        if page.next_after is None:
            break
        after = page.next_after
    assert seen == [f"rpl_{number:04d}" for number in (5, 4, 3, 2, 1)]


async def test_span_and_types_bound_what_is_sent_again(database, subscriptions, jobs, replays):
    await tell(jobs)
    await subscriptions.add(new_subscription())
    for number, (since, until, wanted, expected) in enumerate(
        [
            (at(-10), at(-1), ("job.*",), []),
            (at(0), at(0), ("job.*",), ["job.running"]),
            (at(1), at(60), ("job.*",), ["job.succeeded"]),
            (at(0), at(60), ("job.succeeded", "job.failed"), ["job.succeeded"]),
            (at(61), at(70), ("job.*",), []),
        ]
    ):
        replay = await begun(replays, number, since=since, until=until, events=wanted)
        _, ids = await count_by_looking(replays, replay)
        outcomes = await run(replays, replay)
        assert [row.event_type for outcome in outcomes for row in outcome.inserted] == expected
        assert [row.event_id for outcome in outcomes for row in outcome.inserted] == ids
        await database.write(lambda connection: connection.execute(delete(DELIVERIES)) and None)


async def test_labels_are_those_of_the_event_though_the_job_is_gone(subscriptions, jobs, deliveries, replays):
    await tell(jobs, 1, tags=("hero",))
    await tell(jobs, 2, provider="decart", tags=("hero",))
    await tell(jobs, 3, tags=("other",))
    for number in (1, 2, 3):
        assert await jobs.forget(job_id(number))
    await subscriptions.add(new_subscription(providers=("scenario",), kinds=("inference",), tags=("hero",)))
    await run(replays, await begun(replays))
    assert [row.job_id for row in await rows_of(deliveries)] == [job_id(1)] * 2


async def test_filter_that_nothing_passes_is_looked_at_part_by_part(database, subscriptions, replays):
    await fill_feed(database, 2 * HEADINGS + 1)
    await subscriptions.add(new_subscription())
    nothing = await begun(replays, 1, events=("job.failed",))
    assert await count_by_looking(replays, nothing) == ([0, 0, 0], [])
    everything = await begun(replays, 2)
    sizes, ids = await count_by_looking(replays, everything, 10 * HEADINGS)
    assert sizes == [HEADINGS, HEADINGS, 1]
    assert len(set(ids)) == 2 * HEADINGS + 1


async def test_labels_are_found_in_however_many_bodies(database, subscriptions, replays):
    ids = await fill_feed(database, 2 * BODIES + 1)
    await subscriptions.add(new_subscription(1, tags=("hero",)))
    await subscriptions.add(new_subscription(2, providers=("scenario",)))
    for number, expected in ((1, []), (2, ids)):
        replay = await begun(replays, number, subscription_id=subscription_id(number))
        for most in (BODIES - 1, BODIES, ALL):
            _, found = await count_by_looking(replays, replay, most)
            assert found == expected


async def test_span_is_found_though_the_feed_is_not_quite_in_the_order_of_time(database, subscriptions, replays):
    job = new_job(status=Status.RUNNING)
    # Stored in this order: 30 was read long before it was written.
    seconds = [0, 10, 40, 20, 60, 30, 70, 50, 80]
    events = [progress_event(replace(job, announcements=n), at(each)) for n, each in enumerate(seconds)]
    await database.write(lambda connection: insert_events(connection, events))
    await subscriptions.add(new_subscription())
    for number, (since, until) in enumerate([(0, 80), (30, 50), (35, 55), (20, 20), (61, 69), (81, 90)]):
        replay = await begun(replays, number, since=at(since), until=at(until))
        _, ids = await count_by_looking(replays, replay)
        inside = [event.id for event, each in zip(events, seconds, strict=True) if since <= each <= until]
        assert ids == inside


async def test_span_is_narrowed_down_to_its_part_of_the_feed(database, replays):
    await fill_feed(database, 3)
    await fill_feed(database, 3, start=10_000_000)
    await fill_feed(database, 3, start=20_000_000)
    assert await replays.span(at(9000), at(11_000)) == (3, 6)
    assert await replays.span(NOW, at(30_000)) == (0, 9)
    assert await replays.span(at(1000), at(9000)) == (0, 0)


async def test_due_are_those_whose_time_has_come_and_those_that_are_not_counted(subscriptions, replays):
    await subscriptions.add(new_subscription())
    assert await replays.next_at(NOW) is None
    await begun(replays, 1, next_at=at(5))
    await begun(replays, 2, next_at=at(3))
    await begun(replays, 3, next_at=at(9), status=ReplayStatus.DONE, finished_at=NOW)
    assert await replays.due(at(2), ALL) == ()
    assert [replay.id for replay in await replays.due(at(5), ALL)] == ["rpl_0002", "rpl_0001"]
    assert [replay.id for replay in await replays.due(at(5), 1)] == ["rpl_0002"]
    assert await replays.next_at(NOW) == at(3)
    await begun(replays, 4, next_at=at(20), counted_to=0)
    assert [replay.id for replay in await replays.due(at(2), ALL)] == ["rpl_0004"]
    assert await replays.next_at(NOW) == NOW


async def test_each_stretch_is_counted_once_though_two_processes_count_and_another_queues(
    database, subscriptions, replays
):
    await fill_feed(database, 10)
    await subscriptions.add(new_subscription())
    replay = await begun(replays, counted_to=0)
    first = rules.count(replay, await replays.look(replay, 0, 6))
    rest = rules.count(first, await replays.look(first, 6, 6))
    await step(replays, replay, 2)
    for before, after in ((replay, first), (first, rest), (replay, first), (first, rest)):
        await replays.record_count(before, after)
    counted = await replays.get(replay.id)
    assert (counted.total, counted.counted_to, counted.queued) == (10, None, 2)


async def test_replays_that_were_done_long_ago_are_forgotten_a_few_at_a_time(subscriptions, replays):
    await subscriptions.add(new_subscription())
    for number in range(1, 4):
        await begun(replays, number, status=ReplayStatus.DONE, finished_at=at(number))
    await begun(replays, 4)
    assert await replays.forget(at(3), 1) == 1
    assert await replays.forget(at(3), ALL) == 1
    assert [replay.id for replay in (await replays.find(SUB, ALL)).rows] == ["rpl_0004", "rpl_0003"]
