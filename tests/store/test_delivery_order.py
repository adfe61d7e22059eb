"""The order that a subscription wants the deliveries of one job in, and what newer events make of older ones."""

from dataclasses import replace

import pytest

from store.deliveries import DeliveryFilter
from store.records import DeliveryStatus, Order

from .builders import (
    ALL,
    NOW,
    at,
    attempt_due,
    attempted,
    claim_deliveries,
    job_id,
    lanes_of,
    new_job,
    new_subscription,
    new_test,
    poll_due,
    subscription_id,
)

D = DeliveryStatus
ORDERED = subscription_id(1)


@pytest.fixture
def subscribe(subscriptions):
    async def add(order, number=1):
        await subscriptions.add(new_subscription(number, order=order))

    return add


async def waiting(deliveries, now=NOW):
    """The types of the events that could be claimed now, for the subscription under test."""
    claimed = [
        each for again in (False, True) for each in await claim_deliveries(deliveries, ORDERED, now, is_retry=again)
    ]
    await deliveries.release(each.delivery for each in claimed)
    return [each.delivery.event_type for each in claimed]


async def statuses(deliveries, number=1):
    rows = (await deliveries.find(DeliveryFilter(subscription_id=ORDERED, job_id=job_id(number)), ALL)).rows
    return {row.event_type: row.status for row in rows}


async def run_through(jobs, *steps):
    """Registers a job and polls it until its end, a minute between polls."""
    await jobs.register(new_job())
    for number, status in enumerate(steps):
        await poll_due(jobs, status, at(60 * number))


async def test_without_an_order_all_of_a_jobs_deliveries_go_at_once(jobs, deliveries, subscribe):
    await subscribe(Order.NONE)
    await run_through(jobs, "queued", "running", "succeeded")
    assert await waiting(deliveries, at(120)) == ["job.queued", "job.running", "job.succeeded"]


@pytest.mark.parametrize("http_status", [200, 500])
async def test_per_job_the_next_goes_when_the_one_before_has_ended(jobs, deliveries, subscribe, http_status):
    await subscribe(Order.PER_JOB)
    await run_through(jobs, "queued", "running", "succeeded")
    for expected in ("job.queued", "job.running", "job.succeeded"):
        assert await waiting(deliveries, at(120)) == [expected]
        await attempt_due(deliveries, ORDERED, http_status, at(120), schedule=())
    assert await waiting(deliveries, at(120)) == []
    ended = D.DELIVERED if http_status == 200 else D.EXHAUSTED
    assert set((await statuses(deliveries)).values()) == {ended}


async def test_per_job_nothing_passes_one_that_is_under_way_or_waits_to_be_retried(jobs, deliveries, subscribe):
    await subscribe(Order.PER_JOB)
    await run_through(jobs, "queued")
    (flying,) = await claim_deliveries(deliveries, ORDERED)
    await poll_due(jobs, "running", at(60))
    assert await waiting(deliveries, at(60)) == []
    await deliveries.record([attempted(flying.delivery, 500, at(61))])
    assert [(lane.first_try_at, lane.retry_at) for lane in await lanes_of(deliveries, at(61))] == [(None, at(66))]
    assert await waiting(deliveries, at(61)) == []
    assert await waiting(deliveries, at(66)) == ["job.queued"]


async def test_per_job_other_jobs_go_on(jobs, deliveries, subscribe):
    await subscribe(Order.PER_JOB)
    await run_through(jobs, "queued", "running")
    await jobs.register(new_job(2))
    await poll_due(jobs, "succeeded", at(61))
    claimed = await claim_deliveries(deliveries, ORDERED, at(61))
    assert [(each.delivery.job_id, each.delivery.event_type) for each in claimed] == [
        (job_id(1), "job.queued"),
        (job_id(2), "job.succeeded"),
    ]


async def test_events_of_one_poll_are_delivered_in_sequence(jobs, deliveries, subscribe):
    await subscribe(Order.PER_JOB)
    await jobs.register(new_job())
    await poll_due(jobs, "running", progress=0.5)
    await poll_due(jobs, "succeeded", at(60))
    told = []
    for _ in range(3):
        (each,) = await claim_deliveries(deliveries, ORDERED, at(60))
        told.append(each.delivery.event_type)
        await deliveries.record([attempted(each.delivery, 200, at(60))])
    assert told == ["job.running", "job.progress", "job.succeeded"]


async def test_latest_supersedes_what_was_not_delivered_before_something_newer_came(jobs, deliveries, subscribe):
    await subscribe(Order.LATEST)
    await run_through(jobs, "queued", "running")
    assert await statuses(deliveries) == {"job.queued": D.SUPERSEDED, "job.running": D.PENDING}
    await poll_due(jobs, "failed", at(120))
    assert await statuses(deliveries) == {
        "job.queued": D.SUPERSEDED,
        "job.running": D.SUPERSEDED,
        "job.failed": D.PENDING,
    }
    assert await waiting(deliveries, at(120)) == ["job.failed"]


async def test_latest_lets_what_is_under_way_end_and_supersedes_it_when_it_fails(jobs, deliveries, subscribe):
    await subscribe(Order.LATEST)
    await run_through(jobs, "queued")
    (flying,) = await claim_deliveries(deliveries, ORDERED)
    await poll_due(jobs, "running", at(60))
    assert await waiting(deliveries, at(60)) == []
    await deliveries.record([attempted(flying.delivery, 500, at(61))])
    assert await statuses(deliveries) == {"job.queued": D.SUPERSEDED, "job.running": D.PENDING}
    assert await waiting(deliveries, at(61)) == ["job.running"]


async def test_the_end_of_a_job_is_never_superseded(jobs, deliveries, subscribe):
    await subscribe(Order.LATEST)
    await run_through(jobs, "succeeded")
    await attempt_due(deliveries, ORDERED, 500)
    assert await statuses(deliveries) == {"job.succeeded": D.PENDING}


@pytest.mark.parametrize("order", Order)
async def test_tests_wait_for_nothing(deliveries, subscribe, subscriptions, order):
    await subscribe(order)
    subscription = await subscriptions.get(ORDERED)
    for nonce in "ab":
        await deliveries.add_test(*new_test(subscription, nonce))
    assert await waiting(deliveries) == ["subscription.test"] * 2


async def set_order(subscriptions, order):
    return await subscriptions.change(ORDERED, lambda one: replace(one, order=order, updated_at=at(200)))


async def test_a_subscription_may_change_its_mind_about_the_order(jobs, deliveries, subscribe, subscriptions):
    await subscribe(Order.NONE)
    await run_through(jobs, "queued", "running", "succeeded")
    assert (await set_order(subscriptions, Order.PER_JOB)).order is Order.PER_JOB
    assert await waiting(deliveries, at(200)) == ["job.queued"]
    await set_order(subscriptions, Order.NONE)
    assert await waiting(deliveries, at(200)) == ["job.queued", "job.running", "job.succeeded"]
    await set_order(subscriptions, Order.LATEST)
    assert await waiting(deliveries, at(200)) == ["job.succeeded"]


async def test_what_is_sent_by_hand_goes_past_the_order(jobs, deliveries, subscribe):
    await subscribe(Order.PER_JOB)
    await run_through(jobs, "queued", "running")
    rows = (await deliveries.find(DeliveryFilter(job_id=job_id(1)), ALL)).rows
    await deliveries.retry(rows[0].id, at(61))
    assert (await deliveries.backlog(at(61))).forced == 1
    (forced,) = await deliveries.claim((), at(61), at(120), forced=5)
    assert forced.delivery.event_type == "job.running"
    await deliveries.record([attempted(forced.delivery, 500, at(61))])
    assert (await deliveries.backlog(at(99))).forced == 0
    assert await waiting(deliveries, at(99)) == ["job.queued"]
