"""Subscriptions, and who is told of an event: those that match at the moment of the transaction."""

import pytest

from store.deliveries import DeliveryFilter
from store.records import DeliveryStatus, Secret, SubscriptionStatus

from .builders import (
    ALL,
    NOW,
    at,
    attempt_due,
    claim_jobs,
    job_id,
    lanes_of,
    new_job,
    new_subscription,
    new_test,
    poll_due,
    polled,
    subscription_id,
)

FULL_SUBSCRIPTION = new_subscription(
    events=("job.*", "subscription.disabled"),
    providers=("scenario",),
    kinds=("inference", "training"),
    tags=("red",),
    description="The shop's receiver, ümlaut",
    headers={"x-shop": "a, b"},
    secrets=(Secret("whsec_bmV3"), Secret("whsec_b2xk", at(0.123456))),
    status=SubscriptionStatus.PAUSED,
    status_reason="a holiday",
)


async def told(deliveries):
    """Who has a delivery, and how many."""
    rows = (await deliveries.find(DeliveryFilter(), ALL)).rows
    subscribers = sorted(delivery.subscriber for delivery in rows)
    return {subscriber: subscribers.count(subscriber) for subscriber in subscribers}


async def test_subscription_is_stored_as_it_is(subscriptions):
    await subscriptions.add(FULL_SUBSCRIPTION)
    assert await subscriptions.get(FULL_SUBSCRIPTION.id) == FULL_SUBSCRIPTION


async def test_unknown_subscription_is_none(subscriptions):
    assert await subscriptions.get("sub_unknown") is None


async def test_secrets_and_headers_stay_out_of_the_text_of_a_subscription():
    assert "bmV3" not in repr(FULL_SUBSCRIPTION)
    assert "x-shop" not in repr(FULL_SUBSCRIPTION)


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
async def test_pages_hold_every_subscription_once_while_others_arrive(subscriptions, limit):
    for number in range(1, 6):
        await subscriptions.add(new_subscription(number))
    seen, after = [], None
    while True:
        page = await subscriptions.find(limit, after)
        seen += [subscription.id for subscription in page.rows]
        if page.next_after is None:
            break
        after = page.next_after
        await subscriptions.add(new_subscription(100 + len(seen)))
    assert seen == [subscription_id(number) for number in (5, 4, 3, 2, 1)]


async def test_removed_subscription_is_gone_and_gets_nothing_more(subscriptions, jobs, deliveries):
    await subscriptions.add(new_subscription())
    assert await subscriptions.remove(subscription_id(1), NOW)
    assert await subscriptions.get(subscription_id(1)) is None
    await jobs.register(new_job())
    await poll_due(jobs, "running")
    assert await told(deliveries) == {}


async def test_unknown_subscription_cannot_be_removed(subscriptions):
    assert not await subscriptions.remove("sub_unknown", NOW)


async def test_removal_cancels_what_waits_and_keeps_what_ended(subscriptions, deliveries):
    await subscriptions.add(new_subscription(1))
    await subscriptions.add(new_subscription(2))
    await deliveries.add_test(*new_test(new_subscription(1), "first"))
    await attempt_due(deliveries, subscription_id(1), 200)
    await deliveries.add_test(*new_test(new_subscription(1), "second", at(1)))
    await deliveries.add_test(*new_test(new_subscription(2), "other"))
    await subscriptions.remove(subscription_id(1), at(2))
    removed = (await deliveries.find(DeliveryFilter(subscription_id=subscription_id(1)), ALL)).rows
    assert [each.status for each in removed] == [DeliveryStatus.CANCELED, DeliveryStatus.DELIVERED]
    assert [each.next_attempt_at for each in removed] == [None, None]
    assert [lane.subscriber for lane in await lanes_of(deliveries)] == [subscription_id(2)]


async def test_subscription_that_comes_after_an_event_is_not_told_of_it(subscriptions, jobs, deliveries):
    await jobs.register(new_job())
    await poll_due(jobs, "running")
    await subscriptions.add(new_subscription())
    assert await told(deliveries) == {}
    await poll_due(jobs, "succeeded", at(60))
    assert await told(deliveries) == {subscription_id(1): 1}


async def test_subscription_that_comes_during_a_poll_is_told_what_that_poll_shows(subscriptions, jobs, deliveries):
    await jobs.register(new_job())
    (job,) = await claim_jobs(jobs)
    outcome = polled(job, "running")
    await subscriptions.add(new_subscription(1))
    await jobs.record([outcome])
    assert await told(deliveries) == {subscription_id(1): 1}


async def test_subscription_that_goes_during_a_poll_is_told_nothing_of_it(subscriptions, jobs, deliveries):
    await subscriptions.add(new_subscription(1))
    await jobs.register(new_job())
    (job,) = await claim_jobs(jobs)
    await subscriptions.remove(subscription_id(1), NOW)
    await jobs.record([polled(job, "running")])
    assert await told(deliveries) == {}


@pytest.mark.parametrize("status", SubscriptionStatus)
async def test_subscription_collects_deliveries_whatever_its_status(subscriptions, jobs, deliveries, status):
    await subscriptions.add(new_subscription(status=status))
    await jobs.register(new_job())
    await poll_due(jobs, "running")
    (delivery,) = (await deliveries.find(DeliveryFilter(), ALL)).rows
    assert (delivery.status, delivery.next_attempt_at) == (DeliveryStatus.PENDING, NOW)


@pytest.mark.parametrize(
    ("wish", "count"),
    [
        ({"events": ("job.*",)}, 2),
        ({"events": ("*",)}, 2),
        ({"events": ("job.succeeded",)}, 1),
        ({"events": ("job.running", "job.succeeded")}, 2),
        ({"events": ("job.failed", "subscription.*")}, 0),
        ({"providers": ("scenario", "decart")}, 2),
        ({"providers": ("decart",)}, 0),
        ({"kinds": ("inference",)}, 2),
        ({"kinds": ("training",)}, 0),
        ({"tags": ("blue", "red")}, 2),
        ({"tags": ("blue",)}, 0),
        ({"events": ("job.succeeded",), "providers": ("scenario",), "kinds": ("inference",), "tags": ("red",)}, 1),
        ({"providers": ("scenario",), "tags": ("blue",)}, 0),
    ],
)
async def test_subscription_is_told_what_passes_its_filter(subscriptions, jobs, deliveries, wish, count):
    await subscriptions.add(new_subscription(**wish))
    await jobs.register(new_job(tags=("red", "green")))
    await poll_due(jobs, "running")
    await poll_due(jobs, "succeeded", at(60))
    assert sum((await told(deliveries)).values()) == count


async def test_all_that_match_are_told_and_nobody_else(subscriptions, jobs, deliveries):
    wishes = [{}, {"events": ("job.failed",)}, {"providers": ("scenario",)}, {"tags": ("blue",)}]
    for number, wish in enumerate(wishes, start=1):
        await subscriptions.add(new_subscription(number, **wish))
    await jobs.register(new_job(callback_url="https://own.example/hook", callback_events=("job.running",)))
    recorded = await poll_due(jobs, "running")
    assert await told(deliveries) == {subscription_id(1): 1, subscription_id(3): 1, "https://own.example": 1}
    assert recorded.deliveries == 3


async def test_each_job_of_a_batch_is_told_to_those_that_want_it(subscriptions, jobs, deliveries):
    await subscriptions.add(new_subscription(1, providers=("scenario",)))
    await subscriptions.add(new_subscription(2, providers=("decart",)))
    await jobs.register(new_job(1, provider="scenario"))
    await jobs.register(new_job(2, provider="decart"))
    await poll_due(jobs, "running")
    rows = (await deliveries.find(DeliveryFilter(), ALL)).rows
    assert {(row.job_id, row.subscriber) for row in rows} == {(job_id(n), subscription_id(n)) for n in (1, 2)}
