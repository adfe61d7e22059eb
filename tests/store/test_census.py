"""Counting what there is: all of it, each once, and along indexes alone."""

import pytest
from sqlalchemy import event

from store.census import census_of
from store.deliveries import Deliveries, DeliveryFilter
from store.records import Census, DeliveryStatus, Order, Status

from .builders import (
    ALL,
    RULES,
    at,
    attempt_due,
    claim_deliveries,
    claim_jobs,
    new_job,
    new_subscription,
    poll_due,
    polled,
    subscription_id,
)

EMPTY = Census({}, 0, 0, 0)


async def counted(deliveries, *statuses):
    return len((await deliveries.find(DeliveryFilter(statuses=statuses), ALL)).rows)


async def agrees(database, deliveries):
    """Whether the counts are those of the lists."""
    census = await census_of(database)
    assert census.pending == await counted(deliveries, DeliveryStatus.PENDING)
    assert census.exhausted == await counted(deliveries, DeliveryStatus.EXHAUSTED)
    assert census.blocked == await counted(deliveries, DeliveryStatus.BLOCKED)
    return census


async def test_where_there_is_nothing_nothing_is_counted(database):
    assert await census_of(database) == EMPTY


async def test_jobs_are_counted_by_provider_and_status(database, jobs):
    for number, names in enumerate([{}, {"kind": "upscale"}, {"account": "team-a"}, {"provider": "decart"}], start=1):
        await jobs.register(new_job(number, **names))
    assert (await census_of(database)).jobs == {"scenario": {Status.QUEUED: 3}, "decart": {Status.QUEUED: 1}}
    first, second, third, fourth = await claim_jobs(jobs)
    await jobs.record([polled(first, "running"), polled(second, "failed"), polled(third, "failed", at(5000))])
    counts = (await census_of(database)).jobs
    assert counts["scenario"] == {Status.RUNNING: 1, Status.FAILED: 2}
    assert counts["decart"] == {Status.QUEUED: 1}
    await jobs.forget(fourth.id)
    assert (await census_of(database)).jobs.keys() == {"scenario"}


async def test_deliveries_are_counted_as_the_lists_show_them(database, jobs, deliveries, subscriptions):
    await subscriptions.add(new_subscription(1))
    await subscriptions.add(new_subscription(2, order=Order.PER_JOB))
    await jobs.register(new_job())
    await poll_due(jobs, "running")
    await poll_due(jobs, "action_required", at(20))
    await poll_due(jobs, "succeeded", at(40))
    # Of the second one's three deliveries two wait behind the first.
    assert (await agrees(database, deliveries)).pending == 6
    await claim_deliveries(deliveries, subscription_id(2), at(50))
    assert (await agrees(database, deliveries)).pending == 6
    await attempt_due(deliveries, subscription_id(1), 500, at(50), schedule=())
    assert (await agrees(database, deliveries)).exhausted == 3


async def test_blocked_deliveries_are_counted(database, jobs, deliveries, subscriptions):
    await subscriptions.add(new_subscription())
    await jobs.register(new_job())
    await poll_due(jobs, "succeeded")
    await attempt_due(deliveries, subscription_id(1), None)
    assert (await agrees(database, deliveries)).blocked == 1


@pytest.fixture
def plans(sqlite_url, open_database):
    """Runs something on a file, and tells how SQLite goes about each statement of it."""
    database = open_database(sqlite_url)

    async def plans(work):
        asked = []
        event.listen(database._reader, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
        await work(database)
        statements = [each for each in asked if each[0] != "BEGIN"]
        return await database.read(
            lambda connection: [
                row[3]
                for text, parameters in statements
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)
            ]
        )

    return plans


async def test_counting_looks_at_indexes_alone(plans):
    steps = await plans(census_of)
    reads = [step for step in steps if " jobs" in step or " deliveries" in step]
    of_jobs = [step for step in reads if "jobs" in step]
    assert of_jobs
    assert all("COVERING INDEX jobs_by_facet" in step for step in of_jobs)
    of_deliveries = [step for step in reads if "deliveries" in step]
    indexes = ("deliveries_given_up", "deliveries_due", "deliveries_leased", "deliveries_behind")
    assert [sum(f"INDEX {index}" in step for step in of_deliveries) for index in indexes] == [1, 1, 1, 1]
    assert len(of_deliveries) == len(indexes)


@pytest.mark.parametrize("statuses", [("exhausted",), ("blocked", "exhausted")])
async def test_list_of_what_was_given_up_skips_what_arrived(plans, statuses):
    async def work(database):
        wanted = DeliveryFilter(statuses=tuple(map(DeliveryStatus, statuses)))
        await Deliveries(database, RULES).find(wanted, ALL)

    steps = await plans(work)
    assert steps == ["SCAN deliveries USING INDEX deliveries_given_up"]
