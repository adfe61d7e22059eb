"""Lanes: where jobs wait, and which of them a share claims."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, event, text

from store.migrations import upgrade
from store.records import PollLane, PollShare

from .builders import ALL, LEASE, NOW, at, claim_due, job_id, new_job, polled

if TYPE_CHECKING:
    from store.database import Database


async def register(jobs, *new):
    for job in new:
        await jobs.register(job)


def lane(account="default", kind="inference", due=NOW, *, is_alone=False):
    name = f"scenario {account} {kind}" + (" alone" if is_alone else "")
    return PollLane(name, "scenario", account, kind, is_alone, due)


async def claimed(jobs, *shares, now=NOW):
    return [job.id for job in (await jobs.claim(shares, now, now + LEASE)).jobs]


async def test_jobs_of_one_account_and_kind_wait_in_one_lane_that_is_due_with_the_first_of_them(jobs):
    await register(
        jobs,
        new_job(1, next_poll_at=at(9)),
        new_job(2, next_poll_at=at(5)),
        new_job(3, account="team-a", next_poll_at=at(7)),
        new_job(4, kind="training", next_poll_at=at(-1)),
        new_job(5, is_alone=True),
    )
    assert set(await jobs.lanes()) == {
        lane(due=at(5)),
        lane("team-a", due=at(7)),
        lane(kind="training", due=at(-1)),
        lane(is_alone=True),
    }


async def test_lane_without_waiting_jobs_is_none(jobs):
    assert await jobs.lanes() == ()
    await register(jobs, new_job(1), new_job(2, kind="training"))
    (first, second) = (await claim_due(jobs, NOW, ALL)).jobs
    assert await jobs.lanes() == ()
    await jobs.record([polled(first, "succeeded"), polled(second, "running", at(1))])
    (left,) = await jobs.lanes()
    assert left.kind == second.kind


async def test_job_moves_to_the_lane_that_its_outcome_says(jobs):
    await register(jobs, new_job())
    (job,) = (await claim_due(jobs, NOW, ALL)).jobs
    outcome = polled(job, "running")
    await jobs.record([replace(outcome, job=replace(outcome.job, is_alone=True, list_misses=3))])
    assert [each.is_alone for each in await jobs.lanes()] == [True]
    assert (await jobs.get(job.id)).list_misses == 3


async def test_share_claims_from_its_lanes_only(jobs):
    await register(jobs, new_job(1), new_job(2, kind="training"), new_job(3, account="team-a"))
    share = PollShare((lane().name, lane("team-a").name), ALL, NOW)
    assert sorted(await claimed(jobs, share)) == [job_id(1), job_id(3)]


async def test_each_share_has_its_own_count(jobs):
    await register(jobs, *(new_job(number, kind="ab"[number % 2]) for number in range(1, 9)))
    shares = [PollShare((lane(kind="a").name,), 1, NOW), PollShare((lane(kind="b").name,), 3, NOW)]
    assert len(await claimed(jobs, *shares)) == 4


async def test_jobs_that_are_due_soon_ride_along_unless_a_hint_forbids(jobs):
    await register(
        jobs,
        new_job(1),
        new_job(2, next_poll_at=at(2)),
        new_job(3, next_poll_at=at(2), not_before=at(2)),
        new_job(4, next_poll_at=at(2), not_before=at(-5)),
        new_job(5, next_poll_at=at(4)),
        new_job(6, not_before=at(3)),
    )
    share = PollShare((lane().name,), ALL, at(3))
    assert sorted(await claimed(jobs, share)) == [job_id(number) for number in (1, 2, 4, 6)]


async def test_more_due_jobs_than_a_share_can_have_are_chosen_by_the_rule(jobs):
    await register(jobs, *map(new_job, range(1, 7)))
    asked = []

    def last_first(waiting, count, now):
        asked.append(({job.id for job in waiting}, count, now))
        return sorted((job.id for job in waiting), reverse=True)[:count]

    jobs._choose = last_first
    assert sorted(await claimed(jobs, PollShare((lane().name,), 2, at(1)), now=at(1))) == [job_id(5), job_id(6)]
    assert asked == [({job_id(number) for number in range(1, 7)}, 2, at(1))]


async def test_claim_tells_the_lanes_as_they_are_now(jobs):
    await register(jobs, new_job(1), new_job(2, next_poll_at=at(9)))
    claim = await jobs.claim([PollShare((lane().name,), ALL, NOW)], NOW, NOW + LEASE)
    assert claim.lanes == (lane(due=at(9)),) == await jobs.lanes()


async def test_what_a_job_remembers_for_its_next_poll_is_kept(jobs):
    await register(jobs, new_job())
    (job,) = (await claim_due(jobs, NOW, ALL)).jobs
    outcome = polled(job, "succeeded")
    changed = replace(outcome.job, etag='"v1"', result_expires_at=at(60), list_misses=2)
    await jobs.record([replace(outcome, job=changed)])
    assert await jobs.get(job.id) == changed


@pytest.fixture
def old_database(sqlite_url):
    """A database of the first schema with a job, its history and its labels."""
    engine = create_engine(sqlite_url)

    @event.listens_for(engine, "connect")
    def enforce_keys(connection, _record):
        connection.execute("PRAGMA foreign_keys=ON")

    with engine.begin() as connection:
        upgrade(connection, "0001")
        columns = {
            **{name: f"'{name}'" for name in ("id", "provider", "kind", "account", "remote_id", "status")},
            **dict.fromkeys(("params", "metadata"), "'{}'"),
            **dict.fromkeys(("tags", "callback_events", "steps"), "'[]'"),
            **dict.fromkeys(("created_at", "updated_at", "timeout_at", "next_poll_at"), "'2026-11-22 10:00:00.000000'"),
            **dict.fromkeys(("sequence", "polls", "announcements", "lease_epoch"), "1"),
            "run": "1",
            "status": "'running'",
        }
        names, values = ", ".join(columns), ", ".join(columns.values())
        connection.execute(text(f"INSERT INTO jobs ({names}) VALUES ({values})"))  # noqa: S608 - our own words
        connection.execute(text("INSERT INTO job_labels VALUES ('id', 'tag', 'hero')"))
        moment = "'2026-11-22 10:00:00.000000'"
        connection.execute(
            text(f"INSERT INTO transitions VALUES ('id', 1, 'running', NULL, 'busy', NULL, {moment}, {moment})")  # noqa: S608 - the same
        )
    engine.dispose()
    return sqlite_url


async def test_database_of_the_first_schema_is_brought_up_to_date_with_all_that_is_in_it(old_database, open_database):
    database: Database = open_database(old_database)
    found = await database.read(
        lambda connection: [
            connection.execute(text("SELECT lane, is_alone, list_misses, etag FROM jobs")).all(),
            connection.execute(text("SELECT count(*) FROM transitions")).scalar(),
            connection.execute(text("SELECT value FROM job_labels")).scalar(),
        ]
    )
    assert found == [[("provider account kind", 0, 0, None)], 1, "hero"]
