"""API keys, and the service's own secrets."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from store.keys import Keys
from store.records import ApiKey, Scope
from store.secrets import Secrets
from store.tables import API_KEYS

from .builders import NOW, at

KEY = ApiKey("key_1", "the shop", Scope.WRITE, "digest of the key", NOW)


@pytest.fixture
def secrets(database):
    return Secrets(database)


@pytest.mark.parametrize("scope", Scope)
async def test_key_is_found_by_its_digest_as_it_is(keys, scope):
    await keys.add(replace(KEY, scope=scope))
    assert await keys.find(KEY.digest) == replace(KEY, scope=scope)


@pytest.mark.parametrize("digest", ["another", "", "DIGEST OF THE KEY", "digest%"])
async def test_other_digest_finds_no_key(keys, digest):
    await keys.add(KEY)
    assert await keys.find(digest) is None


async def test_revoked_key_is_not_found_and_still_counts_as_made(keys, database):
    await keys.add(KEY)
    revoked = update(API_KEYS).values(revoked_at=at(1))
    await database.write(lambda connection: connection.execute(revoked) and None)
    assert await keys.find(KEY.digest) is None
    assert await keys.has_any()


async def test_first_key_is_the_first(keys):
    assert not await keys.has_any()
    await keys.add(KEY)
    assert await keys.has_any()


async def test_two_keys_never_share_a_digest(keys):
    await keys.add(KEY)
    with pytest.raises(IntegrityError):
        await keys.add(replace(KEY, id="key_2"))


def test_digest_stays_out_of_the_text_of_a_key():
    assert KEY.digest not in repr(KEY)


async def test_secret_is_made_once_and_kept(secrets, database, database_url, open_database):
    assert await secrets.get_or_add("callback", "whsec_first") == "whsec_first"
    assert await secrets.get_or_add("callback", "whsec_second") == "whsec_first"
    assert await secrets.get_or_add("another", "whsec_other") == "whsec_other"
    database.close()
    again = Secrets(open_database(database_url))
    assert await again.get_or_add("callback", "whsec_third") == "whsec_first"


async def test_secret_that_is_asked_for_many_times_at_once_is_one(secrets):
    values = await asyncio.gather(*(secrets.get_or_add("callback", f"whsec_{number}") for number in range(20)))
    assert len(set(values)) == 1


async def test_key_outlives_a_reopening(keys, database, database_url, open_database):
    await keys.add(KEY)
    database.close()
    assert await Keys(open_database(database_url)).find(KEY.digest) == KEY
