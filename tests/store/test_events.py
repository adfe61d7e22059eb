"""Events in the order of the feed, and how long they stay."""

from dataclasses import replace

import pytest

from store.deliveries import DeliveryFilter
from store.events import Events
from store.records import Status, Step
from tracker.rules.reading import Moment

from .builders import (
    ALL,
    NOW,
    at,
    attempt_due,
    job_id,
    new_job,
    new_subscription,
    new_test,
    poll_due,
    subscription_id,
)

STORY = (
    Moment(Status.QUEUED, "queued", at(-3)),
    Moment(Status.RUNNING, "working", at(-2)),
    Moment(Status.ACTION_REQUIRED, "ask", at(-1)),
)


async def of_job(events, number=1):
    return (await events.of_job(job_id(number), ALL)).rows


async def types_of_job(events, number=1):
    """The types of a job's events, oldest first."""
    return [event.type for event in await of_job(events, number)][::-1]


@pytest.fixture
async def job(jobs):
    await jobs.register(new_job())
    await poll_due(jobs, "running", history=STORY, steps=(Step("s1", "resize", "done"),), progress=0.5)


@pytest.mark.usefixtures("job")
async def test_events_are_kept_in_the_order_in_which_they_are_told(events):
    told = ["job.queued", "job.running", "job.action_required", "job.running", "job.step", "job.progress"]
    assert await types_of_job(events) == told


@pytest.mark.usefixtures("job")
async def test_positions_grow_from_event_to_event_over_all_jobs(events, jobs):
    await jobs.register(new_job(2))
    await poll_due(jobs, "running", at(60))
    first, second = await of_job(events, 1), await of_job(events, 2)
    positions = [event.position for event in (*second, *first)]
    assert positions == sorted(positions, reverse=True)
    assert len(set(positions)) == len(positions)


@pytest.mark.usefixtures("job")
@pytest.mark.parametrize("limit", [1, 2, 4, 6, 7])
async def test_pages_hold_every_event_of_the_job_once_while_others_arrive(events, jobs, limit):
    expected, seen, after, now = await of_job(events), [], None, 60
    while True:
        page = await events.of_job(job_id(1), limit, after)
        seen += page.rows
        if page.next_after is None:
            break
        after, now = page.next_after, now + 60
        await poll_due(jobs, "running" if now % 120 else "action_required", at(now), progress=now / 1000)
    assert seen == list(expected)


async def test_unknown_job_has_no_events(events):
    page = await events.of_job("job_unknown", 10)
    assert (page.rows, page.next_after) == ((), None)


async def test_event_is_stored_byte_for_byte(events, deliveries, subscriptions):
    await subscriptions.add(new_subscription())
    event, delivery = new_test(new_subscription())
    odd = replace(event, body=b'{"type": "\xc3\xbc\x00"}', job_id="job_1", sequence=1)
    await deliveries.add_test(odd, delivery)
    (kept,) = (await events.of_job("job_1", 1)).rows
    assert replace(kept, position=None) == odd


@pytest.mark.usefixtures("job")
async def test_events_of_a_job_that_is_still_there_stay(events):
    before = await of_job(events)
    assert await events.forget(at(10**6), ALL) == 0
    assert await of_job(events) == before


@pytest.mark.usefixtures("job")
async def test_old_events_of_a_job_that_is_gone_are_forgotten(events, jobs):
    await jobs.forget(job_id(1))
    assert await events.forget(NOW, ALL) == 0
    assert await events.forget(at(1), ALL) == 6
    assert await of_job(events) == ()


@pytest.mark.usefixtures("job")
async def test_oldest_events_are_forgotten_first_and_no_more_than_asked(events, jobs):
    await jobs.forget(job_id(1))
    assert await events.forget(at(1), 4) == 4
    assert await types_of_job(events) == ["job.step", "job.progress"]


@pytest.mark.parametrize("span", [1, 2, 5, 6, 7, 8])
@pytest.mark.usefixtures("job")
async def test_old_event_behind_many_that_stay_is_found_however_few_are_looked_at_together(database, jobs, span):
    events = Events(database, span)
    await jobs.register(new_job(2))
    await poll_due(jobs, "running", at(60))
    await poll_due(jobs, "failed", at(120))
    await jobs.forget(job_id(2))
    assert await events.forget(at(60), ALL) == 0
    assert [await events.forget(at(200), 1) for _ in range(3)] == [1, 1, 0]
    assert len(await of_job(events)) >= 6
    assert await of_job(events, 2) == ()


async def test_event_is_forgotten_with_its_deliveries_and_attempts_once_none_waits(
    events, jobs, deliveries, subscriptions
):
    await subscriptions.add(new_subscription())
    await jobs.register(new_job())
    await poll_due(jobs, "succeeded")
    (delivery,) = (await deliveries.find(DeliveryFilter(), ALL)).rows
    await jobs.forget(job_id(1))
    assert await events.forget(at(1), ALL) == 0
    await attempt_due(deliveries, subscription_id(1), 200)
    assert len((await deliveries.attempts([delivery.id]))[delivery.id]) == 1
    assert await events.forget(at(1), ALL) == 2
    assert await deliveries.get(delivery.id) is None
    assert await deliveries.attempts([delivery.id]) == {delivery.id: ()}


async def test_old_test_event_is_forgotten(events, deliveries, subscriptions):
    await subscriptions.add(new_subscription())
    await deliveries.add_test(*new_test(new_subscription()))
    await attempt_due(deliveries, subscription_id(1), 200)
    assert await events.forget(at(1), ALL) == 2
    assert (await deliveries.find(DeliveryFilter(), ALL)).rows == ()


async def test_event_that_many_were_told_of_goes_in_small_batches(events, jobs, deliveries, subscriptions):
    for number in range(5):
        await subscriptions.add(new_subscription(number))
    await jobs.register(new_job())
    await poll_due(jobs, "succeeded")
    for number in range(5):
        await attempt_due(deliveries, subscription_id(number), 200)
    await jobs.forget(job_id(1))
    assert [await events.forget(at(1), 2) for _ in range(4)] == [2, 2, 2, 0]
    assert (await deliveries.find(DeliveryFilter(), ALL)).rows == ()
    assert await of_job(events) == ()


@pytest.mark.usefixtures("job")
async def test_position_of_a_forgotten_event_is_never_given_out_again(events, jobs):
    last = (await of_job(events))[0].position
    await jobs.forget(job_id(1))
    await events.forget(at(1), ALL)
    await jobs.register(new_job(2))
    await poll_due(jobs, "queued")
    assert (await of_job(events, 2))[0].position > last
