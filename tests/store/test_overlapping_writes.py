"""What two replicas write at the same time comes out as if one had come after the other."""

import asyncio
import threading
from dataclasses import replace

import pytest
from sqlalchemy import event

from store.deliveries import Deliveries
from store.deliveries import DeliveryFilter as By
from store.jobs import Jobs
from store.keys import Keys, LastAdminKeyError
from store.records import ApiKey, DeliveryStatus, Order, Scope, SubscriptionStatus
from store.subscriptions import Subscriptions
from tracker.rules.fanout import deliveries_of

from .builders import (
    ALL,
    NOW,
    RULES,
    at,
    attempt_due,
    attempted,
    claim_deliveries,
    claim_jobs,
    lanes_of,
    longest_due,
    new_job,
    new_subscription,
    poll_due,
    polled,
    subscription_id,
)

GUARD = 10
SUBSCRIBER = subscription_id(1)
_BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.fixture
def database_url(postgres_url):
    return postgres_url


@pytest.fixture
def other(database_url, open_database):
    """Another replica's connection to the same database."""
    return open_database(database_url)


@pytest.fixture
def third(database_url, open_database):
    """One that looks."""
    return open_database(database_url)


class Overlap:
    """A write of one replica that is held just before its commit, while another one writes."""

    def __init__(self, database, third, write):
        self._may_commit, self._commits = threading.Event(), threading.Event()
        self._third = third
        event.listen(database._writer, "commit", self._hold, once=True)
        self._first = asyncio.create_task(write)

    def _hold(self, _connection):
        self._commits.set()
        assert self._may_commit.wait(GUARD)

    async def with_(self, write):
        """Has the other write come as far as it can, and then both to their ends; returns what both came to."""
        assert await asyncio.to_thread(self._commits.wait, GUARD)
        second = asyncio.create_task(write)
        while not (second.done() or await self._third.read(_is_blocked)):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0)
        self._may_commit.set()
        async with asyncio.timeout(GUARD):
            return await asyncio.gather(self._first, second, return_exceptions=True)


def _is_blocked(connection):
    return connection.exec_driver_sql(_BLOCKED).scalar() > 0


@pytest.fixture
def overlap(database, third):
    """Two writes at once: `database`'s, which is about to be committed, and one of `other`'s."""

    async def overlapping(first, second):
        return await Overlap(database, third, first).with_(second)

    return overlapping


@pytest.fixture
def others_deliveries(other):
    return Deliveries(other, RULES)


async def find_all(deliveries):
    return (await deliveries.find(By(), ALL)).rows


@pytest.mark.parametrize("polls_first", [True, False])
async def test_delivery_is_not_left_behind_one_that_arrives_meanwhile(
    database, other, jobs, subscriptions, deliveries, overlap, polls_first
):
    await subscriptions.add(new_subscription(order=Order.PER_JOB))
    await jobs.register(new_job())
    await poll_due(jobs, "running")
    (flying,) = await claim_deliveries(deliveries, SUBSCRIBER)
    (job,) = await claim_jobs(jobs, at(60))
    poller, deliverer = (database, other) if polls_first else (other, database)
    poll = Jobs(poller, deliveries_of, longest_due).record([polled(job, "succeeded", at(60))])
    attempt = Deliveries(deliverer, RULES).record([attempted(flying.delivery, 200, at(60))])
    await overlap(*((poll, attempt) if polls_first else (attempt, poll)))
    (last,) = await claim_deliveries(deliveries, SUBSCRIBER, at(60))
    assert last.delivery.event_type == "job.succeeded"


async def test_delivery_is_not_left_behind_when_the_order_is_given_up_meanwhile(
    other, jobs, subscriptions, deliveries, overlap
):
    await subscriptions.add(new_subscription(order=Order.PER_JOB))
    await jobs.register(new_job())
    await poll_due(jobs, "running")
    (job,) = await claim_jobs(jobs, at(60))
    unordered = Subscriptions(other).change(SUBSCRIBER, lambda before: replace(before, order=Order.NONE))
    await overlap(jobs.record([polled(job, "succeeded", at(60))]), unordered)
    assert len(await claim_deliveries(deliveries, SUBSCRIBER, at(60))) == 2


async def test_what_a_removed_subscription_is_told_meanwhile_stops_nobody(
    other, jobs, subscriptions, deliveries, overlap
):
    await subscriptions.add(new_subscription(1))
    await subscriptions.add(new_subscription(2))
    await jobs.register(new_job())
    (job,) = await claim_jobs(jobs)
    _, is_gone = await overlap(jobs.record([polled(job, "succeeded")]), Subscriptions(other).remove(SUBSCRIBER, NOW))
    assert is_gone
    for lane in await lanes_of(deliveries):
        await attempt_due(deliveries, lane.subscriber, 200)
    statuses = {each.subscription_id: each.status for each in await find_all(deliveries)}
    assert statuses == {SUBSCRIBER: DeliveryStatus.CANCELED, subscription_id(2): DeliveryStatus.DELIVERED}
    assert await lanes_of(deliveries) == ()


async def test_delivery_that_is_asked_for_again_while_its_attempt_is_written_keeps_its_attempts(
    jobs, subscriptions, deliveries, others_deliveries, overlap
):
    await subscriptions.add(new_subscription())
    await jobs.register(new_job())
    await poll_due(jobs, "succeeded")
    (flying,) = await claim_deliveries(deliveries, SUBSCRIBER)
    await overlap(
        deliveries.record([attempted(flying.delivery, 200)]), others_deliveries.retry(flying.delivery.id, at(1))
    )
    (again,) = await deliveries.claim((), at(1), at(60), forced=1)
    assert (again.delivery.attempts, again.delivery.schedule_from) == (1, 1)
    await deliveries.record([attempted(again.delivery, 200, at(1))])
    (attempts,) = (await deliveries.attempts([again.delivery.id])).values()
    assert [attempt.number for attempt in attempts] == [1, 2]


async def test_subscription_that_is_disabled_twice_at_once_is_told_of_once(
    jobs, subscriptions, deliveries, others_deliveries, overlap
):
    await subscriptions.add(new_subscription(1))
    await subscriptions.add(new_subscription(2, ("subscription.*",)))
    for number in (1, 2):
        await jobs.register(new_job(number))
    await poll_due(jobs, "succeeded")
    first, second = await claim_deliveries(deliveries, SUBSCRIBER)
    await overlap(
        deliveries.record([attempted(first.delivery, 410)]),
        others_deliveries.record([attempted(second.delivery, 410, at(1))]),
    )
    told = [each for each in await find_all(deliveries) if each.subscription_id == subscription_id(2)]
    assert [each.event_type for each in told] == ["subscription.disabled"]


async def test_job_that_ends_while_a_poll_of_it_is_asked_for_stays_as_it_ended(jobs, other, overlap):
    await jobs.register(new_job())
    (job,) = await claim_jobs(jobs)
    _, told = await overlap(
        jobs.record([polled(job, "succeeded")]), Jobs(other, deliveries_of, longest_due).poll_now(job.id, at(1))
    )
    assert told == await jobs.get(job.id)
    assert told.status == "succeeded"


async def test_poll_that_is_asked_for_comes_no_sooner_than_a_hint_that_is_written_meanwhile(jobs, other, overlap):
    await jobs.register(new_job())
    (job,) = await claim_jobs(jobs)
    hinted = polled(job, "running", retry_after=30.0)
    _, told = await overlap(jobs.record([hinted]), Jobs(other, deliveries_of, longest_due).poll_now(job.id, at(1)))
    assert told.next_poll_at == hinted.job.not_before == at(30)


async def test_changes_of_a_subscription_that_overlap_are_both_kept(subscriptions, other, overlap):
    await subscriptions.add(new_subscription())

    def paused(before):
        return replace(before, status=SubscriptionStatus.PAUSED)

    def described(before):
        return replace(before, description="mine")

    await overlap(subscriptions.change(SUBSCRIBER, paused), Subscriptions(other).change(SUBSCRIBER, described))
    kept = await subscriptions.get(SUBSCRIBER)
    assert (kept.status, kept.description) == (SubscriptionStatus.PAUSED, "mine")


async def test_one_of_two_admin_keys_that_are_revoked_at_once_is_left(keys, other, overlap):
    for name in "ab":
        await keys.add(ApiKey(f"key_{name}", name, Scope.ADMIN, f"digest {name}", NOW))
    _, refused = await overlap(
        keys.revoke("key_a", NOW, must_leave_admin=True), Keys(other).revoke("key_b", NOW, must_leave_admin=True)
    )
    assert isinstance(refused, LastAdminKeyError)
    assert [key.id for key in await keys.unrevoked()] == ["key_b"]
