"""Replicas tell each other that they are there, and take over from those that are not."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from store.records import Replica
from store.replicas import Replicas
from store.tables import REPLICAS

from .builders import (
    NOW,
    attempt_due,
    claim_deliveries,
    claim_jobs,
    new_job,
    new_subscription,
    poll_due,
    polled,
    subscription_id,
)

LEASE = timedelta(seconds=30)


@pytest.fixture
def replicas(database):
    return Replicas(database)


async def report_as(database, name, room=(), lease=LEASE):
    """What another process on the same database would report."""
    own, database.process_id = database.process_id, name
    try:
        return await Replicas(database).report(room, lease)
    finally:
        database.process_id = own


async def test_all_that_are_there_are_seen_with_whom_they_made_room_for(database, replicas):
    assert await replicas.report((), LEASE) == (Replica(replicas.own_id, ()),)
    await report_as(database, "zz", [replicas.own_id])
    assert await replicas.report([replicas.own_id, "zz"], LEASE) == (
        Replica(replicas.own_id, (replicas.own_id, "zz")),
        Replica("zz", (replicas.own_id,)),
    )


async def test_who_has_not_reported_for_long_is_forgotten_and_has_no_room(database, replicas):
    await report_as(database, "zz", lease=-LEASE)
    assert await replicas.report(["zz"], LEASE) == (Replica(replicas.own_id, ()),)


async def test_newcomer_makes_room_for_all_that_are_there(database, replicas):
    await report_as(database, "zz")
    seen = await replicas.report(None, LEASE)
    assert seen == (Replica(replicas.own_id, ("zz",)), Replica("zz", ()))


async def test_own_time_that_was_over_goes_on(replicas):
    await replicas.report((), -LEASE)
    assert [each.id for each in await replicas.report((), LEASE)] == [replicas.own_id]


async def test_who_leaves_is_there_no_more(database, replicas):
    await replicas.report((), LEASE)
    await report_as(database, "zz")
    await replicas.leave()
    assert [each.id for each in await report_as(database, "zz")] == ["zz"]


async def test_leases_of_those_that_are_gone_are_free_and_others_are_not(replicas, jobs):
    await replicas.report((), LEASE)
    await jobs.register(new_job())
    await claim_jobs(jobs)
    assert await replicas.recover_leases() == 0
    assert await claim_jobs(jobs) == ()
    await replicas.leave()
    assert await replicas.recover_leases() == 1
    assert len(await claim_jobs(jobs)) == 1


async def test_delivery_that_was_leased_by_one_that_is_gone_is_due_again(replicas, jobs, deliveries, subscriptions):
    await subscriptions.add(new_subscription())
    await jobs.register(new_job())
    await poll_due(jobs, "running")
    (late,) = await claim_deliveries(deliveries, subscription_id(1))
    assert await replicas.recover_leases() == 1
    await attempt_due(deliveries, subscription_id(1), 200)
    assert await deliveries.attempts([late.delivery.id]) != {}
    assert await claim_deliveries(deliveries, subscription_id(1)) == ()


async def test_who_was_taken_for_gone_cannot_write_over_the_next(replicas, jobs):
    await jobs.register(new_job())
    (paused,) = await claim_jobs(jobs)
    assert await replicas.recover_leases() == 1
    (taken,) = await claim_jobs(jobs)
    assert (await jobs.record([polled(paused, "failed")])).changed_jobs == ()
    assert (await jobs.record([polled(taken, "running")])).changed_jobs == (taken.id,)
    assert [row.status.value for row in await jobs.history(taken.id)] == ["running"]


async def test_time_of_a_replica_is_that_of_the_database(database, replicas):
    await replicas.report((), LEASE)
    # By the clock of this process, which may be wrong, its time would be over.
    await database.write(lambda connection: connection.execute(update(REPLICAS).values(seen_until=NOW)) and None)
    assert [each.id for each in await report_as(database, "zz")] == ["zz"]
