"""Waiting deliveries: their lanes, taking leases on them, listing them, and asking for one again."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from store.deliveries import DeliveryFilter, SubscriptionGoneError, insert_deliveries
from store.records import AttemptOutcome, DeliveryStatus, Lane, Share, SubscriptionStatus

from .builders import (
    ALL,
    LEASE,
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

FIRST, SECOND = subscription_id(1), subscription_id(2)


@pytest.fixture
async def first(subscriptions):
    subscription = new_subscription(1)
    await subscriptions.add(subscription)
    return subscription


@pytest.fixture
async def second(subscriptions):
    subscription = new_subscription(2)
    await subscriptions.add(subscription)
    return subscription


@pytest.fixture
def send(deliveries):
    """Stores test events for a subscription, one for each of these seconds, and returns their deliveries."""

    async def add(subscription, *seconds):
        tests = [new_test(subscription, str(second), at(second)) for second in seconds]
        for event, delivery in tests:
            await deliveries.add_test(event, delivery)
        return [delivery for _, delivery in tests]

    return add


def ids(claimed):
    return [each.delivery.id for each in claimed]


async def test_new_delivery_is_stored_as_it_is(deliveries, first, send):
    (delivery,) = await send(first, 0)
    assert await deliveries.get(delivery.id) == delivery


async def test_unknown_delivery_is_none(deliveries):
    assert await deliveries.get("dlv_unknown") is None


async def test_lanes_tell_first_tries_from_retries(deliveries, first, second, send):
    await send(first, 0)
    await attempt_due(deliveries, FIRST, 500)
    await send(first, 3, 2)
    await send(second, 1)
    assert await lanes_of(deliveries) == (Lane(FIRST, at(2), at(5)), Lane(SECOND, at(1), None))


async def test_nothing_waits_in_no_lane(deliveries, first, send):
    await send(first, 0)
    await attempt_due(deliveries, FIRST, 200)
    assert await lanes_of(deliveries) == ()


async def test_delivery_under_way_is_in_no_lane(deliveries, first, send):
    await send(first, 0, 1)
    await claim_deliveries(deliveries, FIRST, NOW)
    assert await lanes_of(deliveries) == (Lane(FIRST, at(1), None),)


@pytest.mark.parametrize("status", [SubscriptionStatus.PAUSED, SubscriptionStatus.DISABLED])
async def test_subscription_that_is_not_active_has_no_lane(deliveries, subscriptions, first, send, status):
    idle = new_subscription(2, status=status)
    await subscriptions.add(idle)
    await send(idle, 0)
    await send(first, 1)
    assert await lanes_of(deliveries) == (Lane(FIRST, at(1), None),)


async def test_callbacks_of_one_origin_share_a_lane(deliveries, jobs):
    for number, path in ((1, "a"), (2, "b")):
        url = f"https://own.example:8443/{path}"
        await jobs.register(new_job(number, callback_url=url, callback_events=("job.*",)))
    await poll_due(jobs, "succeeded")
    assert await lanes_of(deliveries) == (Lane("https://own.example:8443", NOW, None),)
    claimed = await claim_deliveries(deliveries, "https://own.example:8443")
    assert {each.url for each in claimed} == {"https://own.example:8443/a", "https://own.example:8443/b"}


async def test_claimed_delivery_has_all_that_an_attempt_needs(deliveries, first):
    event, delivery = new_test(first)
    await deliveries.add_test(event, delivery)
    (claimed,) = await claim_deliveries(deliveries, FIRST)
    assert claimed.delivery == replace(delivery, lease_epoch=1)
    assert (claimed.url, claimed.body) == (first.callback_url, event.body)
    assert (claimed.secrets, claimed.headers) == (first.secrets, first.headers)


async def test_claimed_callback_of_a_job_has_its_own_address_and_no_secret(deliveries, jobs, events):
    url = "https://own.example/hook?job=1"
    await jobs.register(new_job(callback_url=url, callback_events=("job.succeeded",)))
    await poll_due(jobs, "succeeded")
    (claimed,) = await claim_deliveries(deliveries, "https://own.example")
    assert (claimed.url, claimed.secrets, claimed.headers) == (url, (), {})
    assert claimed.body == (await events.of_job(job_id(1), 1)).rows[0].body


async def test_each_share_is_claimed_to_its_count_the_longest_due_first(deliveries, first, second, send):
    late, early, middle = await send(first, -1, -3, -2)
    others = await send(second, -5, -4)
    claimed = await deliveries.claim([Share(FIRST, False, 2), Share(SECOND, False, 5)], NOW, at(60))
    assert ids(claimed) == [early.id, middle.id, *(delivery.id for delivery in others)]
    assert ids(await claim_deliveries(deliveries, FIRST)) == [late.id]


async def test_retries_are_claimed_the_longest_due_first(deliveries, first, send):
    sent = await send(first, 0, 1, 2)
    for delivery, second in zip(sent, (9, 3, 1), strict=True):
        await attempt_due(deliveries, FIRST, 500, delivery.next_attempt_at, schedule=(float(second),))
    for expected in ((2, 1), (0,)):
        claimed = await claim_deliveries(deliveries, FIRST, at(60), 2, is_retry=True)
        assert ids(claimed) == [sent[each].id for each in expected]


async def test_deliveries_that_are_not_due_are_not_claimed(deliveries, first, send):
    due, _ = await send(first, 5, 6)
    assert await claim_deliveries(deliveries, FIRST, at(4)) == ()
    assert ids(await claim_deliveries(deliveries, FIRST, at(5))) == [due.id]


async def test_share_of_retries_claims_no_first_try_and_the_other_way_round(deliveries, first, send):
    (retried,) = await send(first, 0)
    await attempt_due(deliveries, FIRST, 500)
    (fresh,) = await send(first, 1)
    assert ids(await claim_deliveries(deliveries, FIRST, at(99))) == [fresh.id]
    assert ids(await claim_deliveries(deliveries, FIRST, at(99), is_retry=True)) == [retried.id]


async def test_claimed_delivery_is_not_claimed_again(deliveries, first, send):
    await send(first, 0)
    assert len(await claim_deliveries(deliveries, FIRST)) == 1
    assert await claim_deliveries(deliveries, FIRST) == ()


async def test_claim_of_no_shares_or_of_a_stranger_is_nothing(deliveries):
    assert await deliveries.claim([], NOW, at(60)) == ()
    assert await claim_deliveries(deliveries, "sub_unknown") == ()


async def test_released_delivery_is_due_at_once(deliveries, first, send):
    await send(first, 0, 1)
    one, two = await claim_deliveries(deliveries, FIRST, at(1))
    await deliveries.release([two.delivery])
    await deliveries.release([])
    (again,) = await claim_deliveries(deliveries, FIRST, at(1))
    assert again.delivery == replace(two.delivery, lease_epoch=2)
    assert await deliveries.recover_leases(None) == 2
    assert ids(await claim_deliveries(deliveries, FIRST, at(1))) == ids([one, two])


async def test_lost_lease_cannot_be_released(deliveries, first, send):
    await send(first, 0)
    (lost,) = await claim_deliveries(deliveries, FIRST)
    await deliveries.recover_leases(None)
    await claim_deliveries(deliveries, FIRST)
    await deliveries.release([lost.delivery])
    assert await claim_deliveries(deliveries, FIRST) == ()


async def test_only_leases_that_ran_out_are_recovered(deliveries, first, send):
    await send(first, 0, 5)
    await claim_deliveries(deliveries, FIRST, NOW)
    await claim_deliveries(deliveries, FIRST, at(5))
    assert await deliveries.recover_leases(NOW + LEASE - LEASE / 60) == 0
    assert await deliveries.recover_leases(NOW + LEASE) == 1
    assert len(await claim_deliveries(deliveries, FIRST, at(5))) == 1


async def end_as(deliveries, delivery, status):
    """Brings a claimed delivery to a status by way of an attempt."""
    outcome = attempted(delivery, 500)
    delivered_at = NOW if status is DeliveryStatus.DELIVERED else None
    next_attempt_at = outcome.delivery.next_attempt_at if status is DeliveryStatus.PENDING else None
    times = {"delivered_at": delivered_at, "next_attempt_at": next_attempt_at}
    await deliveries.record([AttemptOutcome(replace(outcome.delivery, status=status, **times), outcome.attempt)])


@pytest.mark.parametrize("status", DeliveryStatus)
async def test_delivery_of_any_status_may_be_retried_by_hand(deliveries, first, send, status):
    (sent,) = await send(first, 0)
    (claimed,) = await claim_deliveries(deliveries, FIRST)
    await end_as(deliveries, claimed.delivery, status)
    again = await deliveries.retry(sent.id, at(2))
    begins_at = 0 if status is DeliveryStatus.PENDING else 1
    due = {"attempts": 1, "next_attempt_at": at(2), "updated_at": at(2), "forced_at": at(2)}
    assert again == replace(claimed.delivery, schedule_from=begins_at, **due)
    assert again == await deliveries.get(sent.id)
    assert await lanes_of(deliveries) == (Lane(FIRST, None, at(2)),)
    await attempt_due(deliveries, FIRST, 200, at(3), is_retry=True)
    assert [attempt.number for attempt in (await deliveries.attempts([sent.id]))[sent.id]] == [1, 2]


async def test_delivery_under_way_is_not_retried_by_hand(deliveries, first, send):
    (sent,) = await send(first, 0)
    (claimed,) = await claim_deliveries(deliveries, FIRST)
    assert await deliveries.retry(sent.id, at(1)) == claimed.delivery == await deliveries.get(sent.id)
    assert await claim_deliveries(deliveries, FIRST, at(2)) == ()


async def test_retry_of_an_unknown_delivery_is_none(deliveries):
    assert await deliveries.retry("dlv_unknown", NOW) is None


async def test_delivery_whose_subscription_is_gone_stays_canceled(deliveries, subscriptions, first, send):
    (orphan,) = await send(first, 0)
    await subscriptions.remove(FIRST, at(1))
    with pytest.raises(SubscriptionGoneError, match=FIRST):
        await deliveries.retry(orphan.id, at(2))
    canceled = replace(orphan, status=DeliveryStatus.CANCELED, next_attempt_at=None, updated_at=at(1))
    assert await deliveries.get(orphan.id) == canceled
    assert await lanes_of(deliveries) == ()


async def test_subscription_that_is_gone_gets_no_test(deliveries, first, subscriptions, send):
    await subscriptions.remove(FIRST, NOW)
    with pytest.raises(SubscriptionGoneError, match=FIRST):
        await send(first, 0)
    assert (await deliveries.find(DeliveryFilter(), ALL)).rows == ()


async def test_event_is_told_to_a_subscriber_once(deliveries, database, first, second):
    event, delivery = new_test(first)
    await deliveries.add_test(event, delivery)
    twin = replace(delivery, id="dlv_twin")
    with pytest.raises(IntegrityError):
        await database.write(lambda connection: insert_deliveries(connection, [twin]))
    other = replace(twin, subscription_id=second.id, subscriber=second.id)
    await database.write(lambda connection: insert_deliveries(connection, [other]))
    assert len((await deliveries.find(DeliveryFilter(event_id=event.id), ALL)).rows) == 2
