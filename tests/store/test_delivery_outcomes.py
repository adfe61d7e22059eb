"""Recording attempts: what they make of their deliveries, and subscribers that ask for no more (HTTP 410)."""

from dataclasses import replace

import pytest

from store.attempts import RecordedAttempts
from store.deliveries import DeliveryFilter
from store.records import AttemptResult, DeliveryStatus, Lane, SubscriptionStatus

from .builders import (
    ALL,
    NOW,
    at,
    attempt_due,
    attempted,
    claim_deliveries,
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

D = DeliveryStatus
SUBSCRIBER = subscription_id(1)
ORIGIN = "https://own.example"


@pytest.fixture
async def sent(deliveries, subscriptions):
    """Two deliveries that are due, to one subscription."""
    subscription = new_subscription()
    await subscriptions.add(subscription)
    tests = [new_test(subscription, nonce, at(second)) for nonce, second in (("a", -2), ("b", -1))]
    for event, delivery in tests:
        await deliveries.add_test(event, delivery)
    return [delivery for _, delivery in tests]


@pytest.fixture
async def called_back(jobs, deliveries):
    """A job that runs, and what its own callback waits for: two deliveries."""
    await jobs.register(new_job(callback_url=f"{ORIGIN}/hook", callback_events=("job.*",)))
    await poll_due(jobs, "running", progress=0.5)
    return await find(deliveries, job_id=job_id(1))


async def find(deliveries, **wanted):
    """Deliveries, oldest first."""
    return (await deliveries.find(DeliveryFilter(**wanted), ALL)).rows[::-1]


async def statuses(deliveries, **wanted):
    return [delivery.status for delivery in await find(deliveries, **wanted)]


async def attempts_of(deliveries, delivery):
    return (await deliveries.attempts([delivery.id]))[delivery.id]


async def test_attempt_is_stored_as_it_is(deliveries, sent):
    first, _ = await claim_deliveries(deliveries, SUBSCRIBER)
    outcome = attempted(first.delivery, 500)
    attempt = replace(outcome.attempt, outcome=AttemptResult.TLS, error="expired", response_body="ümlaut")
    await deliveries.record([replace(outcome, attempt=attempt)])
    assert await deliveries.attempts([sent[0].id, sent[1].id]) == {sent[0].id: (attempt,), sent[1].id: ()}


async def test_attempts_are_told_in_their_order(deliveries, sent):
    for second in (0, 10, 400):
        await attempt_due(deliveries, SUBSCRIBER, 500, at(second), is_retry=second > 0)
    assert [attempt.started_at for attempt in await attempts_of(deliveries, sent[0])] == [NOW, at(10), at(400)]


async def test_delivered_is_done(deliveries, sent):
    await attempt_due(deliveries, SUBSCRIBER, 200)
    done = {"status": D.DELIVERED, "attempts": 1, "lease_epoch": 1}
    times = {"next_attempt_at": None, "delivered_at": NOW, "updated_at": NOW}
    assert await deliveries.get(sent[0].id) == replace(sent[0], **done, **times)
    assert await lanes_of(deliveries) == ()


async def test_refused_delivery_is_planned_as_a_retry(deliveries, sent):
    await attempt_due(deliveries, SUBSCRIBER, 500)
    planned = replace(sent[0], attempts=1, next_attempt_at=at(5), updated_at=NOW, lease_epoch=1)
    assert await deliveries.get(sent[0].id) == planned
    assert await lanes_of(deliveries) == (Lane(SUBSCRIBER, None, at(5)),)


@pytest.mark.usefixtures("sent")
async def test_delivery_ends_when_its_tries_are_spent_or_its_address_is_blocked(deliveries):
    first, second = await claim_deliveries(deliveries, SUBSCRIBER)
    await deliveries.record([attempted(first.delivery, 500, schedule=()), attempted(second.delivery, None)])
    assert await statuses(deliveries) == [D.EXHAUSTED, D.BLOCKED]
    assert await lanes_of(deliveries) == ()


async def lose_lease(deliveries):
    await deliveries.recover_leases(None)


async def lose_lease_to_another_claim(deliveries):
    await deliveries.recover_leases(None)
    await claim_deliveries(deliveries, SUBSCRIBER)


async def lose_lease_to_another_attempt(deliveries):
    await deliveries.recover_leases(None)
    await attempt_due(deliveries, SUBSCRIBER, 200)


@pytest.mark.parametrize("lose", [lose_lease, lose_lease_to_another_claim, lose_lease_to_another_attempt])
@pytest.mark.parametrize("http_status", [200, 410, 500])
async def test_attempt_without_its_lease_is_dropped_whole(deliveries, subscriptions, sent, lose, http_status):
    lost, _ = await claim_deliveries(deliveries, SUBSCRIBER)
    await lose(deliveries)
    before = await deliveries.get(sent[0].id), await attempts_of(deliveries, sent[0])
    assert await deliveries.record([attempted(lost.delivery, http_status)]) == RecordedAttempts()
    assert (await deliveries.get(sent[0].id), await attempts_of(deliveries, sent[0])) == before
    assert (await subscriptions.get(SUBSCRIBER)).status is SubscriptionStatus.ACTIVE


@pytest.mark.usefixtures("sent")
async def test_lost_lease_drops_no_other_attempt_of_the_batch(deliveries):
    lost, _ = await claim_deliveries(deliveries, SUBSCRIBER)
    await deliveries.recover_leases(None)
    _, held = await claim_deliveries(deliveries, SUBSCRIBER)
    outcomes = [attempted(lost.delivery, 200), attempted(held.delivery, 200)]
    assert await deliveries.record(outcomes) == RecordedAttempts(tuple(outcomes[1:]))
    assert await statuses(deliveries) == [D.PENDING, D.DELIVERED]


async def test_attempt_is_recorded_once(deliveries, sent):
    first, _ = await claim_deliveries(deliveries, SUBSCRIBER)
    for _ in range(2):
        await deliveries.record([attempted(first.delivery, 500)])
    assert len(await attempts_of(deliveries, sent[0])) == 1


async def test_nothing_to_record_is_nothing(deliveries):
    assert await deliveries.record([]) == RecordedAttempts()
    assert await deliveries.attempts([]) == {}


@pytest.mark.parametrize("status", SubscriptionStatus)
async def test_410_disables_the_subscription_and_says_why(deliveries, subscriptions, status):
    subscription = new_subscription(status=status)
    await subscriptions.add(subscription)
    await deliveries.add_test(*new_test(subscription))
    await attempt_due(deliveries, SUBSCRIBER, 410, at(3))
    kept = await subscriptions.get(SUBSCRIBER)
    assert (kept.status, kept.updated_at) == (SubscriptionStatus.DISABLED, at(3))
    assert "410" in kept.status_reason


@pytest.mark.usefixtures("sent")
async def test_410_keeps_the_deliveries_of_the_subscription_waiting(deliveries):
    first, _ = await claim_deliveries(deliveries, SUBSCRIBER)
    await deliveries.record([attempted(first.delivery, 410)])
    assert await statuses(deliveries) == [D.PENDING, D.PENDING]
    assert await lanes_of(deliveries) == ()


@pytest.mark.usefixtures("sent")
async def test_410_to_the_last_try_ends_the_delivery_and_disables(deliveries, subscriptions):
    await attempt_due(deliveries, SUBSCRIBER, 410, schedule=())
    assert await statuses(deliveries) == [D.EXHAUSTED, D.EXHAUSTED]
    assert (await subscriptions.get(SUBSCRIBER)).status is SubscriptionStatus.DISABLED


@pytest.mark.usefixtures("sent")
async def test_disabled_subscription_goes_on_to_collect(deliveries, jobs):
    await attempt_due(deliveries, SUBSCRIBER, 410)
    await jobs.register(new_job())
    await poll_due(jobs, "running")
    assert await statuses(deliveries, job_id=job_id(1)) == [D.PENDING]
    assert await lanes_of(deliveries) == ()


@pytest.mark.usefixtures("called_back")
async def test_410_of_a_jobs_callback_ends_it_and_cancels_what_waits(deliveries, jobs):
    first, _ = await claim_deliveries(deliveries, ORIGIN)
    await deliveries.record([attempted(first.delivery, 410, at(3))])
    assert (await jobs.get(job_id(1))).callback_ended_at == at(3)
    for delivery in await find(deliveries):
        assert (delivery.status, delivery.next_attempt_at, delivery.updated_at) == (D.CANCELED, None, at(3))
    assert await lanes_of(deliveries) == ()


@pytest.mark.usefixtures("called_back")
async def test_callback_that_ended_gets_no_later_event(deliveries, jobs):
    await attempt_due(deliveries, ORIGIN, 410)
    assert (await poll_due(jobs, "succeeded", at(60))).deliveries == 0
    assert await statuses(deliveries) == [D.CANCELED, D.CANCELED]


@pytest.mark.usefixtures("called_back")
async def test_callback_that_ends_during_a_poll_gets_nothing_of_that_poll(deliveries, jobs):
    (polling,) = await claim_jobs(jobs, at(60))
    await attempt_due(deliveries, ORIGIN, 410, at(61))
    assert (await jobs.record([polled(polling, "succeeded", at(62))])).deliveries == 0
    assert (await jobs.get(job_id(1))).callback_ended_at == at(61)


@pytest.mark.usefixtures("called_back")
async def test_410_of_a_callback_leaves_other_jobs_and_subscriptions_alone(deliveries, jobs, subscriptions):
    await subscriptions.add(new_subscription())
    await jobs.register(new_job(2, callback_url=f"{ORIGIN}/hook", callback_events=("job.*",)))
    await poll_due(jobs, "failed", at(60))
    claimed = await claim_deliveries(deliveries, ORIGIN, at(60))
    ours = next(each.delivery for each in claimed if each.delivery.job_id == job_id(1))
    await deliveries.record([attempted(ours, 410, at(60))])
    assert set(await statuses(deliveries, subscription_id=SUBSCRIBER)) == {D.PENDING}
    assert (await jobs.get(job_id(2))).callback_ended_at is None
    others = [each.status for each in await find(deliveries, job_id=job_id(2)) if each.subscription_id is None]
    assert others == [D.PENDING]


@pytest.mark.usefixtures("called_back")
async def test_410_of_a_forgotten_jobs_callback_cancels_what_waits(deliveries, jobs):
    await jobs.forget(job_id(1))
    first, _ = await claim_deliveries(deliveries, ORIGIN)
    await deliveries.record([attempted(first.delivery, 410)])
    assert await statuses(deliveries) == [D.CANCELED, D.CANCELED]


@pytest.mark.usefixtures("called_back")
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("http_status", "status"), [(200, D.DELIVERED), (500, D.CANCELED), (410, D.CANCELED)])
async def test_delivery_that_is_canceled_under_way_is_not_tried_again(deliveries, together, http_status, status):
    first, second = await claim_deliveries(deliveries, ORIGIN)
    outcomes = [attempted(first.delivery, 410, at(1)), attempted(second.delivery, http_status, at(2))]
    for batch in [outcomes] if together else [[each] for each in outcomes]:
        await deliveries.record(batch)
    ended = await deliveries.get(second.delivery.id)
    assert (ended.status, ended.next_attempt_at, ended.attempts) == (status, None, 1)
    assert len(await attempts_of(deliveries, second.delivery)) == 1
    assert await deliveries.recover_leases(None) == 0


@pytest.mark.parametrize(("http_status", "status"), [(200, D.DELIVERED), (500, D.CANCELED), (410, D.CANCELED)])
async def test_delivery_whose_subscription_goes_under_way_is_not_tried_again(
    deliveries, subscriptions, sent, http_status, status
):
    first, _ = await claim_deliveries(deliveries, SUBSCRIBER)
    await subscriptions.remove(SUBSCRIBER, at(1))
    recorded = await deliveries.record([attempted(first.delivery, http_status, at(2))])
    assert [each.delivery.status for each in recorded.kept] == [status]
    assert await statuses(deliveries) == [status, D.CANCELED]
    assert len(await attempts_of(deliveries, sent[0])) == 1
