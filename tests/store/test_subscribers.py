"""How subscribers answer is remembered with their attempts; who only fails is disabled, and others are told."""

from dataclasses import replace

import pytest

from store.deliveries import DeliveryFilter
from store.records import AttemptResult, DeliveryStatus, Filter, Order, SubscriptionStatus
from tracker.rules.health import BREAKS_AT, FIRST_HOLD, OWN_FAULT_HOLD

from .builders import (
    ALL,
    NOW,
    at,
    attempt_due,
    attempted,
    claim_deliveries,
    new_subscription,
    new_test,
    subscription_id,
)

SUBSCRIBER = subscription_id(1)
DAY = 86_400


@pytest.fixture
async def send(deliveries, subscriptions):
    """Sends tests to the first subscription, due one second after the other."""
    subscription = new_subscription()
    await subscriptions.add(subscription)

    async def add(count, begin=0):
        for number in range(begin, begin + count):
            await deliveries.add_test(*new_test(subscription, str(number), at(number)))

    return add


async def lane(deliveries, now=NOW):
    (found,) = (await deliveries.backlog(now)).lanes
    return found


async def test_a_lane_tells_where_it_leads_and_what_its_subscription_allows(deliveries, subscriptions):
    subscription = new_subscription(max_in_flight=7)
    await subscriptions.add(subscription)
    await deliveries.add_test(*new_test(subscription))
    found = await lane(deliveries)
    assert (found.callback_url, found.max_in_flight, found.held_until) == (subscription.callback_url, 7, None)


async def test_a_breaker_that_opened_stays_open_until_an_attempt_arrives(deliveries, send):
    await send(BREAKS_AT + 1)
    await attempt_due(deliveries, SUBSCRIBER, 500, at(9), schedule=())
    held = (await lane_after_sending(deliveries, send)).held_until
    assert held == at(9 + FIRST_HOLD)
    (trial,) = await claim_deliveries(deliveries, SUBSCRIBER, at(60), count=1)
    await deliveries.record([attempted(trial.delivery, 200, at(61))])
    assert (await lane_after_sending(deliveries, send, begin=60)).held_until is None


async def lane_after_sending(deliveries, send, begin=30):
    await send(2, begin)
    return await lane(deliveries, at(begin))


async def test_an_overloaded_subscriber_is_held_back_as_long_as_it_asks(deliveries, send):
    await send(2)
    first, _ = await claim_deliveries(deliveries, SUBSCRIBER, at(5))
    await deliveries.record([replace(attempted(first.delivery, 429, at(5)), asked_wait=600.0)])
    assert (await lane(deliveries)).held_until == at(605)


async def test_a_fault_of_our_own_uses_up_nothing_and_leaves_one_attempt_to_read(deliveries, send):
    await send(1)
    for second in (0, 20, 40):
        (claimed,) = await claim_deliveries(deliveries, SUBSCRIBER, at(second))
        ours = attempted(claimed.delivery, 500, at(second))
        kept = replace(claimed.delivery, updated_at=at(second), next_attempt_at=at(second + 15))
        attempt = replace(ours.attempt, id=f"att_{second}", outcome=AttemptResult.DNS, http_status=None)
        await deliveries.record([replace(ours, delivery=kept, attempt=attempt, is_ours=True)])
    delivery_id = claimed.delivery.id
    assert (await deliveries.get(delivery_id)).attempts == 0
    assert [each.id for each in (await deliveries.attempts([delivery_id]))[delivery_id]] == ["att_40"]
    assert (await lane(deliveries)).held_until == at(40 + OWN_FAULT_HOLD)
    await attempt_due(deliveries, SUBSCRIBER, 200, at(60))
    attempts = (await deliveries.attempts([delivery_id]))[delivery_id]
    assert [(each.number, each.outcome) for each in attempts] == [(1, AttemptResult.DELIVERED)]


async def test_what_waits_goes_on_when_the_subscription_is_made_active(deliveries, subscriptions, send):
    await send(BREAKS_AT)
    await attempt_due(deliveries, SUBSCRIBER, 410, at(9))
    assert (await deliveries.backlog(NOW)).lanes == ()
    active = {"status": SubscriptionStatus.ACTIVE, "status_reason": None, "updated_at": at(10)}
    await subscriptions.change(SUBSCRIBER, lambda one: replace(one, **active))
    found = await lane(deliveries)
    assert (found.held_until, found.retry_at is not None) == (None, True)


@pytest.mark.parametrize(
    ("changes", "is_held"),
    [
        ({"description": "another"}, True),
        ({"order": Order.PER_JOB}, True),
        ({"status": SubscriptionStatus.ACTIVE}, True),
        ({"callback_url": "https://another.example/hook"}, False),
    ],
)
async def test_a_change_forgets_how_a_subscriber_has_answered_only_if_it_leads_elsewhere(
    deliveries, subscriptions, send, changes, is_held
):
    await send(BREAKS_AT + 1)
    await attempt_due(deliveries, SUBSCRIBER, 500, at(9))
    await subscriptions.change(SUBSCRIBER, lambda one: replace(one, **changes, updated_at=at(10)))
    assert (await lane(deliveries)).held_until == (at(9 + FIRST_HOLD) if is_held else None)


async def test_from_now_cancels_what_was_collected(deliveries, subscriptions, send):
    await send(3)
    await subscriptions.change(SUBSCRIBER, lambda one: replace(one, updated_at=at(10)), from_now=True)
    rows = (await deliveries.find(DeliveryFilter(), ALL)).rows
    assert {(row.status, row.updated_at) for row in rows} == {(DeliveryStatus.CANCELED, at(10))}


async def test_a_subscription_that_is_gone_is_not_changed(subscriptions):
    assert await subscriptions.change("sub_unknown", lambda one: one) is None


async def fail_for(deliveries, send, seconds):
    """Fails at the begin of a time and at its end."""
    await send(1)
    await attempt_due(deliveries, SUBSCRIBER, 500, schedule=(float(seconds),))
    await attempt_due(deliveries, SUBSCRIBER, 500, at(seconds), is_retry=True, schedule=(float(seconds),))


async def test_who_has_only_failed_for_five_days_is_disabled_and_others_are_told(deliveries, subscriptions, send):
    await subscriptions.add(new_subscription(2, ("subscription.disabled",)))
    await subscriptions.add(new_subscription(3))
    await fail_for(deliveries, send, 5 * DAY)
    disabled = await subscriptions.get(SUBSCRIBER)
    assert disabled.status is SubscriptionStatus.DISABLED
    assert "2026-11-22 10:00" in disabled.status_reason
    (told,) = (await deliveries.find(DeliveryFilter(subscription_id=subscription_id(2)), ALL)).rows
    assert (told.event_type, told.job_id) == ("subscription.disabled", None)
    assert (await deliveries.find(DeliveryFilter(subscription_id=subscription_id(3)), ALL)).rows == ()


async def test_a_shorter_time_disables_nobody(deliveries, subscriptions, send):
    await fail_for(deliveries, send, 5 * DAY - 1)
    assert (await subscriptions.get(SUBSCRIBER)).status is SubscriptionStatus.ACTIVE


async def test_410_is_told_to_others_once(deliveries, subscriptions, send):
    await subscriptions.add(new_subscription(2, ("subscription.*",)))
    await send(2)
    claimed = await claim_deliveries(deliveries, SUBSCRIBER, at(1))
    recorded = await deliveries.record([attempted(each.delivery, 410, at(1)) for each in claimed])
    assert recorded.deliveries == 1
    (row,) = (await deliveries.find(DeliveryFilter(subscription_id=subscription_id(2)), ALL)).rows
    assert row.event_type == "subscription.disabled"


async def test_the_disabled_one_is_not_told_of_itself(deliveries, subscriptions, send):
    await send(1)
    everything = Filter(("*",))
    await subscriptions.change(SUBSCRIBER, lambda one: replace(one, filter=everything))
    await attempt_due(deliveries, SUBSCRIBER, 410)
    rows = (await deliveries.find(DeliveryFilter(subscription_id=SUBSCRIBER), ALL)).rows
    assert [row.event_type for row in rows] == ["subscription.test"]
