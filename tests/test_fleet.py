"""A replica among others: when it has a part, when it has none, and what it takes over."""

from contextlib import closing

import pytest

from store.database import Database
from store.jobs import Jobs
from store.records import PollShare
from store.replicas import Replicas
from tracker.fleet import EVERY, LEASE, VALID, Fleet
from tracker.rules.fanout import deliveries_of
from tracker.rules.parts import NOTHING, WHOLE

from .store.builders import NOW, longest_due, new_job


@pytest.fixture
def database(tmp_path):
    with closing(Database.open(f"sqlite:///{tmp_path}/tracker.db")) as database:
        yield database


@pytest.fixture
def jobs(database):
    return Jobs(database, deliveries_of, longest_due)


def share(lanes):
    return PollShare(lanes, 10, NOW)


class Member:
    """A replica of a fleet; all share one database here, and report under their own names."""

    def __init__(self, database, name, surroundings):
        self.fits = True
        self.told = self.changed = 0
        self.name, self._database = name, database
        self.fleet = Fleet(Replicas(database), surroundings, lambda: self.fits, self._tell, self._change)

    async def report(self):
        self._database.process_id = self.name
        return await self.fleet.tick()

    async def leave(self):
        self._database.process_id = self.name
        await self.fleet.leave()

    def part(self, whole=10):
        return self.fleet.part_of("account").of(whole)

    def _tell(self):
        self.told += 1

    def _change(self):
        self.changed += 1


@pytest.fixture
def members(database, surroundings):
    return [Member(database, name, surroundings) for name in "ab"]


async def test_who_has_not_reported_has_no_part(members):
    assert members[0].fleet.part_of("account") == NOTHING
    assert not members[0].fleet.is_member


async def test_who_is_alone_has_the_whole_at_once_and_reports_again_soon(members, clock):
    assert await members[0].report() == clock() + EVERY
    assert members[0].fleet.part_of("account") == WHOLE
    assert members[0].fleet.is_member


async def test_who_comes_later_waits_until_room_is_made(members):
    first, second = members
    await first.report()
    await second.report()
    assert (first.part(), second.part()) == (10, 0), "who has nothing under way has made room at once"
    await first.report()
    assert (first.part(), second.part()) == (5, 0), "it takes less at once, and makes room when that is all it has"
    await first.report()
    await second.report()
    assert (first.part(), second.part()) == (5, 5)


async def test_no_room_is_made_while_more_is_under_way_than_the_part(members):
    first, second = members
    await first.report()
    await second.report()
    first.fits = False
    for _ in range(3):
        await first.report()
        await second.report()
    assert (first.part(), second.part()) == (5, 0)
    first.fits = True
    await first.report()
    await second.report()
    assert second.part() == 5


async def test_what_was_seen_too_long_ago_is_not_trusted(members, clock):
    await members[0].report()
    clock.advance(VALID.total_seconds())
    assert members[0].fleet.part_of("account") == NOTHING
    await members[0].report()
    assert members[0].fleet.part_of("account") == WHOLE
    assert VALID < LEASE


async def test_who_leaves_is_left_nothing_and_the_others_get_it(members):
    first, second = members
    for member in (first, second, first, first, second):
        await member.report()
    await second.leave()
    assert second.part() == 0
    await first.report()
    assert first.part() == 10


async def test_leases_of_one_that_is_gone_are_taken_over(members, jobs):
    first, second = members
    await first.report()
    await second.report()
    await jobs.register(new_job())
    lanes = tuple(lane.name for lane in await jobs.lanes())
    assert len((await jobs.claim([share(lanes)], NOW, NOW + LEASE)).jobs) == 1
    await first.report()
    assert (await jobs.claim([share(lanes)], NOW, NOW + LEASE)).jobs == ()
    await second.leave()
    await first.report()
    assert len((await jobs.claim([share(lanes)], NOW, NOW + LEASE)).jobs) == 1


async def test_others_are_told_of_a_newcomer_and_of_room_and_of_nothing_else(members):
    first, second = members
    for _ in range(4):
        await first.report()
    await second.report()
    before = first.told, second.told
    for _ in range(4):
        await first.report()
        await second.report()
    assert before == (1, 1), "newcomers"
    assert (first.told, second.told) == (2, 1), "the first has made room for the second"
    assert first.changed == 8
