"""What a replay makes of a stretch of the feed: all of it in one transaction, and each event once."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import delete, update

from store.records import DeliveryStatus, Order, ReplayStatus, SubscriptionStatus
from store.replays import Replays
from store.tables import DELIVERIES, EVENTS
from tracker.rules import replay as rules

from .builders import (
    ALL,
    at,
    attempt_due,
    attempted,
    claim_deliveries,
    job_id,
    new_job,
    new_subscription,
    new_test,
    poll_due,
    subscription_id,
)
from .replaying import LATER, SUB, begun, fill_feed, rows_of, run, step, tell


async def test_delivered_webhooks_wait_again_with_their_ids_and_attempts(subscriptions, jobs, deliveries, replays):
    await subscriptions.add(new_subscription())
    await tell(jobs)
    await attempt_due(deliveries, SUB, 200, at(61))
    before = await rows_of(deliveries)
    (outcome,) = await run(replays, await begun(replays))
    after = await rows_of(deliveries)
    assert [row.id for row in after] == [row.id for row in before] == [row.id for row in outcome.requeued]
    for row in after:
        assert (row.status, row.next_attempt_at, row.delivered_at) == (DeliveryStatus.PENDING, LATER, None)
        assert (row.attempts, row.schedule_from) == (1, 1)
    attempts = await deliveries.attempts([row.id for row in after])
    assert [len(made) for made in attempts.values()] == [1, 1]
    done = outcome.replay
    assert (done.status, done.queued, done.total, done.finished_at) == (ReplayStatus.DONE, 2, 2, LATER)
    assert await replays.get(done.id) == done


async def test_what_comes_again_goes_behind_first_tries_and_in_the_order_of_the_feed(
    subscriptions, jobs, deliveries, replays
):
    await subscriptions.add(new_subscription(1))
    await tell(jobs)
    await attempt_due(deliveries, SUB, 200, at(61))
    await subscriptions.add(new_subscription(2))
    for subscriber in (SUB, subscription_id(2)):
        await run(replays, await begun(replays, int(subscriber[-1]), subscription_id=subscriber))
    for subscriber in (SUB, subscription_id(2)):
        assert await claim_deliveries(deliveries, subscriber, LATER) == ()
        again = await claim_deliveries(deliveries, subscriber, LATER, is_retry=True)
        assert [each.delivery.event_type for each in again] == ["job.running", "job.succeeded"]


async def test_younger_subscription_is_told_what_happened_before_it(subscriptions, jobs, deliveries, replays, events):
    await tell(jobs, callback_url="https://own.example/hook", callback_events=("job.*",))
    await subscriptions.add(new_subscription())
    (outcome,) = await run(replays, await begun(replays))
    rows = await rows_of(deliveries)
    assert [(row.event_type, row.created_at, row.next_attempt_at) for row in rows] == [
        ("job.running", LATER, LATER),
        ("job.succeeded", LATER, LATER),
    ]
    assert list(outcome.inserted) == list(rows)
    told = (await events.of_job(job_id(1), ALL)).rows[::-1]
    claimed = await claim_deliveries(deliveries, SUB, LATER, is_retry=True)
    assert [(each.delivery.event_id, each.body) for each in claimed] == [(event.id, event.body) for event in told]


async def test_what_waits_or_is_under_way_is_left_alone_and_counts(subscriptions, jobs, deliveries, replays):
    await subscriptions.add(new_subscription())
    await tell(jobs)
    (under_way,) = await claim_deliveries(deliveries, SUB, at(61), count=1)
    before = await rows_of(deliveries)
    (outcome,) = await run(replays, await begun(replays))
    assert (outcome.requeued, outcome.inserted, outcome.replay.queued) == ((), (), 2)
    assert await rows_of(deliveries) == before
    await deliveries.record([attempted(under_way.delivery, 200, at(62))])
    assert [row.status for row in await rows_of(deliveries)] == [DeliveryStatus.DELIVERED, DeliveryStatus.PENDING]


async def test_delivery_that_ended_while_it_is_under_way_is_not_sent_twice_at_a_time(
    database, subscriptions, jobs, deliveries, replays
):
    await subscriptions.add(new_subscription())
    await tell(jobs)
    await claim_deliveries(deliveries, SUB, at(61))
    ended = update(DELIVERIES).values(status="canceled", next_attempt_at=None)
    await database.write(lambda connection: connection.execute(ended) and None)
    await run(replays, await begun(replays))
    assert {row.status for row in await rows_of(deliveries)} == {DeliveryStatus.CANCELED}


async def test_only_what_did_not_arrive_is_sent_again_if_that_is_asked_for(subscriptions, jobs, deliveries, replays):
    await subscriptions.add(new_subscription())
    for number, http_status in enumerate((200, 500, None), start=1):
        await tell(jobs, number)
        await attempt_due(deliveries, SUB, http_status, at(61), schedule=())
    statuses = [row.status.value for row in await rows_of(deliveries)]
    assert sorted(statuses) == sorted(["delivered", "exhausted", "blocked"] * 2)
    (outcome,) = await run(replays, await begun(replays, only_failed=True))
    assert outcome.replay.queued == 4
    by_job = {row.job_id: row.status.value for row in await rows_of(deliveries)}
    assert by_job == {job_id(1): "delivered", job_id(2): "pending", job_id(3): "pending"}


async def test_events_that_tell_of_no_job_are_sent_again_to_whom_they_were_sent(subscriptions, deliveries, replays):
    for number in (1, 2):
        await subscriptions.add(new_subscription(number, events=("*",)))
        await deliveries.add_test(*new_test(new_subscription(number)))
        await attempt_due(deliveries, subscription_id(number), 200)
    await run(replays, await begun(replays, events=("*",)))
    assert [row.status for row in await rows_of(deliveries)] == [DeliveryStatus.PENDING]
    assert [row.status for row in await rows_of(deliveries, subscription_id(2))] == [DeliveryStatus.DELIVERED]


async def test_order_of_a_job_is_kept_for_a_subscription_that_wants_it(subscriptions, jobs, deliveries, replays):
    await subscriptions.add(new_subscription(order=Order.PER_JOB))
    for number in (1, 2):
        await tell(jobs, number)
    for _ in ("job.running", "job.succeeded"):
        await attempt_due(deliveries, SUB, 200, at(61))
    assert {row.status for row in await rows_of(deliveries)} == {DeliveryStatus.DELIVERED}
    await run(replays, await begun(replays))
    for expected in ("job.running", "job.succeeded"):
        claimed = await claim_deliveries(deliveries, SUB, LATER, is_retry=True)
        assert {(each.delivery.job_id, each.delivery.event_type) for each in claimed} == {
            (job_id(number), expected) for number in (1, 2)
        }
        await deliveries.record([attempted(each.delivery, 200, LATER) for each in claimed])


@pytest.mark.parametrize("was_told", [False, True])
async def test_who_wants_the_latest_is_sent_that_alone(subscriptions, jobs, deliveries, replays, was_told):
    latest = new_subscription(order=Order.LATEST)
    if was_told:
        await subscriptions.add(latest)
    await jobs.register(new_job())
    for status, seconds in (("running", 0), ("action_required", 60), ("running", 120)):
        await poll_due(jobs, status, at(seconds))
        if was_told:
            await attempt_due(deliveries, SUB, 200, at(seconds + 1))
    if not was_told:
        await subscriptions.add(latest)
    before = [row.status for row in await rows_of(deliveries)]
    assert set(before) <= {DeliveryStatus.DELIVERED}
    await run(replays, await begun(replays))
    outdated = DeliveryStatus.DELIVERED if was_told else DeliveryStatus.SUPERSEDED
    assert [row.status for row in await rows_of(deliveries)] == [outdated, outdated, DeliveryStatus.PENDING]


@pytest.mark.parametrize("status", SubscriptionStatus)
async def test_subscription_collects_its_replay_whatever_its_status(subscriptions, jobs, deliveries, replays, status):
    await tell(jobs)
    await subscriptions.add(new_subscription(status=status))
    (outcome,) = await run(replays, await begun(replays))
    assert (outcome.replay.status, len(await rows_of(deliveries))) == (ReplayStatus.DONE, 2)


@pytest.mark.parametrize("most", [1, 7, 50])
async def test_replay_that_is_read_anew_after_each_stretch_queues_each_event_once(
    database, subscriptions, deliveries, replays, most
):
    ids = await fill_feed(database, 60)
    await subscriptions.add(new_subscription())
    replay = await begun(replays, total=60)
    queued = []
    while (replay := await replays.get(replay.id)).status is ReplayStatus.RUNNING:
        outcome = await step(replays, replay, most, replay.next_at)
        assert len(outcome.inserted) <= most
        queued += [row.event_id for row in outcome.inserted]
        assert outcome.replay.queued == len(queued)
    assert queued == ids
    assert sorted(row.event_id for row in await rows_of(deliveries)) == sorted(ids)


async def test_stretch_that_was_queued_already_is_not_queued_by_another_process(
    database, subscriptions, deliveries, replays
):
    await fill_feed(database, 10)
    await subscriptions.add(new_subscription())
    replay = await begun(replays)
    stretch = await replays.look(replay, replay.position, 4)
    both = await asyncio.gather(*(replays.queue(replay, stretch, LATER) for _ in range(2)))
    assert [outcome is None for outcome in both] == [False, True]
    assert (await replays.get(replay.id)).queued == len(await rows_of(deliveries)) == 4


async def test_stretch_whose_writing_fails_leaves_nothing_of_itself(database, subscriptions, deliveries, replays):
    ids = await fill_feed(database, 10)
    await subscriptions.add(new_subscription())
    replay = await begun(replays)

    def queue_the_impossible(*stretch):
        outcome = rules.queue(*stretch)
        return replace(outcome, replay=replace(outcome.replay, queued=-1))

    broken = Replays(database, rules.is_near, rules.is_replayed, queue_the_impossible, rules.LARGEST_BACKLOG)
    with pytest.raises(Exception, match="replays_counts"):
        await step(broken, replay, 4)
    assert await rows_of(deliveries) == ()
    assert await replays.get(replay.id) == replay
    await run(replays, replay, 4)
    assert sorted(row.event_id for row in await rows_of(deliveries)) == sorted(ids)


async def test_event_that_is_forgotten_before_it_is_queued_is_passed_over(database, subscriptions, replays):
    ids = await fill_feed(database, 3)
    await subscriptions.add(new_subscription())
    replay = await begun(replays, total=3)
    stretch = await replays.look(replay, replay.position, ALL)
    gone = delete(EVENTS).where(EVENTS.c.id == ids[1])
    await database.write(lambda connection: connection.execute(gone) and None)
    outcome = await replays.queue(replay, stretch, LATER)
    assert [row.event_id for row in outcome.inserted] == [ids[0], ids[2]]
    assert (outcome.replay.queued, outcome.replay.total) == (2, 2)


async def test_much_that_is_due_already_holds_a_replay_back_until_it_is_sent(
    database, subscriptions, deliveries, replays
):
    await fill_feed(database, rules.LARGEST_BACKLOG + 100)
    await subscriptions.add(new_subscription())
    replay = await begun(replays, rate=1000.0)
    for _ in range(7):
        replay = (await step(replays, replay, 200, replay.next_at)).replay
    assert (replay.queued, replay.status) == (rules.LARGEST_BACKLOG, ReplayStatus.RUNNING)
    claimed = await claim_deliveries(deliveries, SUB, replay.next_at, rules.LARGEST_BACKLOG, is_retry=True)
    await deliveries.record([attempted(each.delivery, 200, replay.next_at) for each in claimed])
    (outcome,) = await run(replays, replay, 200)
    assert outcome.replay.queued == rules.LARGEST_BACKLOG + 100
