"""The API keys in memory: fresh enough, changed at once, and without a look at the database for each caller."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import timedelta

import pytest

from store.database import Database
from store.keys import Keys
from store.records import ApiKey, Scope
from tracker.key_ring import FRESH, OPERATOR, Caller, KeyRing
from tracker.rules.keys import key_digest

OPERATORS = "an-admin-key-of-the-operator"
KEY = "trk_a-key-of-the-database"
EVERY_USE = timedelta(seconds=60)


class CountingKeys(Keys):
    """Counts how often all keys were read, and can hold a reading up once it has seen what there is."""

    def __init__(self, database):
        super().__init__(database)
        self.reads = 0
        self.has_read = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def unrevoked(self):
        self.reads += 1
        keys = await super().unrevoked()
        self.has_read.set()
        await self.go_on.wait()
        return keys


@pytest.fixture
def keys(tmp_path):
    with closing(Database.open(f"sqlite:///{tmp_path / 'tracker.db'}")) as database:
        yield CountingKeys(database)


@pytest.fixture
def ring(keys, surroundings):
    return KeyRing(keys, surroundings, OPERATORS)


@pytest.fixture
def made(clock):
    def make(key=KEY, id_="key_1", scope=Scope.READ, **changes):
        return ApiKey(id_, "for a test", scope, key_digest(key), clock(), **changes)

    return make


async def test_caller_is_known_by_key(ring, made):
    await ring.add(made())
    assert await ring.caller(KEY) == Caller("key_1", Scope.READ)
    assert await ring.caller(OPERATORS) == OPERATOR
    for stranger in (KEY[:-1], key_digest(KEY), "", "ü"):
        assert await ring.caller(stranger) is None


async def test_operators_key_is_none_where_there_is_none(keys, surroundings):
    ring = KeyRing(keys, surroundings, None)
    assert await ring.caller("") is None
    assert await ring.caller(OPERATORS) is None


async def test_many_callers_cost_one_look(ring, keys, made):
    await ring.add(made())
    callers = await asyncio.gather(*(ring.caller(key) for key in [KEY, "stranger"] * 100))
    assert callers == [Caller("key_1", Scope.READ), None] * 100
    assert keys.reads == 1


async def test_key_that_is_made_or_revoked_here_counts_at_once(ring, made):
    assert await ring.caller(KEY) is None
    await ring.add(made())
    assert await ring.caller(KEY) is not None
    await ring.revoke("key_1")
    assert await ring.caller(KEY) is None


async def test_what_another_process_did_counts_soon(ring, keys, made, clock):
    assert await ring.caller(KEY) is None
    await keys.add(made())
    clock.advance(FRESH.total_seconds() - 0.001)
    assert await ring.caller(KEY) is None
    clock.advance(0.001)
    assert await ring.caller(KEY) is not None
    await keys.revoke("key_1", clock(), must_leave_admin=False)
    clock.advance(FRESH.total_seconds())
    assert await ring.caller(KEY) is None


async def test_clock_that_is_set_back_keeps_nothing_alive(ring, keys, made, clock):
    await ring.add(made())
    assert await ring.caller(KEY) is not None
    await keys.revoke("key_1", clock(), must_leave_admin=False)
    clock.advance(-3600)
    assert await ring.caller(KEY) is None


async def test_what_was_read_before_a_revocation_is_not_believed_after_it(ring, keys, made):
    await ring.add(made())
    keys.go_on.clear()
    slow = asyncio.create_task(ring.caller("stranger"))
    await keys.has_read.wait()
    await ring.revoke("key_1")
    keys.go_on.set()
    assert await slow is None
    assert await ring.caller(KEY) is None


async def test_key_is_known_until_it_expires(ring, made, clock):
    await ring.add(made(expires_at=clock() + timedelta(seconds=2)))
    clock.advance(1.999)
    assert await ring.caller(KEY) is not None
    clock.advance(0.001)
    assert await ring.caller(KEY) is None


async def test_last_use_is_known_at_once_and_written_at_most_once_a_minute(ring, keys, made, clock):
    await ring.add(made())
    first = clock()
    await ring.caller(KEY)
    assert ring.last_used_at(await keys.get("key_1")) == first
    assert (await keys.get("key_1")).last_used_at is None
    assert await ring.write_uses() == 1
    assert (await keys.get("key_1")).last_used_at == first
    clock.advance(EVERY_USE.total_seconds() - 1)
    await ring.caller(KEY)
    assert await ring.write_uses() == 0
    later = clock()
    clock.advance(1)
    assert await ring.write_uses() == 1
    assert (await keys.get("key_1")).last_used_at == later
    clock.advance(3600)
    assert await ring.write_uses() == 0, "it was not used since"


async def test_last_use_is_written_at_the_end_however_soon(ring, keys, made, clock):
    await ring.add(made())
    await ring.caller(KEY)
    await ring.write_uses()
    clock.advance(1)
    await ring.caller(KEY)
    assert await ring.write_uses(is_over=True) == 1
    assert (await keys.get("key_1")).last_used_at == clock()


async def test_refused_key_was_not_used(ring, made, clock):
    await ring.add(made(expires_at=clock()))
    await ring.caller(KEY)
    assert await ring.write_uses(is_over=True) == 0


async def test_revocation_is_told(ring, made):
    told = []
    ring.revoked = told.append
    await ring.add(made())
    await ring.revoke("key_unknown")
    await ring.revoke("key_1")
    assert [key.digest for key in told] == [key_digest(KEY)]
