"""Finding deliveries by what they are, page by page."""

import pytest

from store.deliveries import DeliveryFilter
from store.records import DeliveryStatus

from .builders import ALL, at, attempt_due, job_id, new_job, new_subscription, new_test, poll_due, subscription_id


@pytest.fixture
async def eight(jobs, deliveries, subscriptions):
    """Two subscriptions were told of two events of each of two jobs; one of them has got its own."""
    await subscriptions.add(new_subscription(1))
    await subscriptions.add(new_subscription(2))
    await jobs.register(new_job(1))
    await jobs.register(new_job(2))
    await poll_due(jobs, "running")
    await poll_due(jobs, "succeeded", at(60))
    await attempt_due(deliveries, subscription_id(1), 200, at(61))
    return (await deliveries.find(DeliveryFilter(), ALL)).rows


async def found(deliveries, **wanted):
    return list((await deliveries.find(DeliveryFilter(**wanted), ALL)).rows)


async def test_deliveries_are_listed_newest_first(eight):
    ids = [delivery.id for delivery in eight]
    assert (len(ids), ids) == (8, sorted(ids, reverse=True))
    assert eight[0].created_at > eight[-1].created_at


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [
        ("subscription_id", subscription_id(2), 4),
        ("job_id", job_id(1), 4),
        ("subscription_id", "sub_unknown", 0),
        ("job_id", "job_unknown", 0),
        ("event_id", "evt_unknown", 0),
    ],
)
async def test_filter_finds_what_it_says(deliveries, eight, name, value, count):
    expected = [delivery for delivery in eight if getattr(delivery, name) == value]
    assert await found(deliveries, **{name: value}) == expected
    assert len(expected) == count


async def test_deliveries_of_an_event_are_found(deliveries, eight):
    expected = [delivery for delivery in eight if delivery.event_id == eight[0].event_id]
    assert len(expected) == 2
    assert await found(deliveries, event_id=eight[0].event_id) == expected


@pytest.mark.parametrize(
    ("statuses", "count"),
    [
        ((DeliveryStatus.DELIVERED,), 4),
        ((DeliveryStatus.PENDING,), 4),
        ((DeliveryStatus.PENDING, DeliveryStatus.DELIVERED), 8),
        ((DeliveryStatus.BLOCKED,), 0),
    ],
)
async def test_deliveries_are_found_by_status(deliveries, eight, statuses, count):
    expected = [delivery for delivery in eight if delivery.status in statuses]
    assert len(expected) == count
    assert await found(deliveries, statuses=statuses) == expected


async def test_filters_of_all_sorts_hold_together(deliveries, eight):
    wanted = next(delivery for delivery in eight if delivery.status is DeliveryStatus.DELIVERED)
    names = {name: getattr(wanted, name) for name in ("subscription_id", "job_id", "event_id")}
    assert await found(deliveries, **names, statuses=(DeliveryStatus.DELIVERED,)) == [wanted]
    assert await found(deliveries, **names, statuses=(DeliveryStatus.PENDING,)) == []


@pytest.mark.parametrize("limit", [1, 3, 8, 9])
async def test_pages_hold_every_delivery_once_while_others_arrive(deliveries, eight, limit):
    seen, after = [], None
    while True:
        page = await deliveries.find(DeliveryFilter(), limit, after)
        seen += page.rows
        if page.next_after is None:
            break
        after = page.next_after
        await deliveries.add_test(*new_test(new_subscription(1), after, at(120)))
    assert seen == list(eight)
