"""API keys, and the service's own secrets."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from store.keys import Keys, LastAdminKeyError
from store.records import ApiKey, Scope
from store.secrets import Secrets

from .builders import NOW, at

KEY = ApiKey("key_1", "the shop", Scope.WRITE, "digest of the key", NOW)


@pytest.fixture
def secrets(database):
    return Secrets(database)


@pytest.mark.parametrize("scope", Scope)
async def test_key_is_stored_as_it_is(keys, scope):
    key = replace(KEY, scope=scope, last4="abcd", expires_at=at(60), last_used_at=at(-60))
    await keys.add(key)
    assert await keys.get(key.id) == key
    assert await keys.unrevoked() == (key,)
    assert await keys.get("key_unknown") is None


async def test_keys_are_listed_page_by_page_the_newest_first(keys):
    made = [replace(KEY, id=f"key_{number}", digest=f"digest {number}") for number in range(1, 6)]
    for key in made:
        await keys.add(key)
    first = await keys.find(2)
    second = await keys.find(2, first.next_after)
    last = await keys.find(2, second.next_after)
    assert [key.id for page in (first, second, last) for key in page.rows] == [f"key_{n}" for n in (5, 4, 3, 2, 1)]
    assert last.next_after is None


async def test_revoked_key_is_kept_and_still_counts_as_made(keys):
    await keys.add(KEY)
    revoked = replace(KEY, revoked_at=at(1))
    assert await keys.revoke(KEY.id, at(1), must_leave_admin=True) == revoked
    assert await keys.revoke(KEY.id, at(2), must_leave_admin=True) == revoked
    assert await keys.get(KEY.id) == revoked
    assert await keys.unrevoked() == ()
    assert not await keys.add_first(replace(KEY, id="key_2", digest="other"))


async def test_unknown_key_is_not_revoked(keys):
    assert await keys.revoke("key_unknown", NOW, must_leave_admin=True) is None


OTHERS = {
    "none": None,
    "revoked": {"revoked_at": NOW},
    "expired": {"expires_at": at(1)},
    "of another scope": {"scope": Scope.WRITE},
}


@pytest.mark.parametrize("other", OTHERS)
async def test_last_admin_key_is_not_revoked(keys, other):
    admin = replace(KEY, scope=Scope.ADMIN)
    await keys.add(admin)
    if OTHERS[other]:
        await keys.add(replace(admin, id="key_2", digest="another", **OTHERS[other]))
    with pytest.raises(LastAdminKeyError, match="key_1 is the last admin key"):
        await keys.revoke("key_1", at(1), must_leave_admin=True)
    assert await keys.get("key_1") == admin
    assert (await keys.revoke("key_1", at(1), must_leave_admin=False)).revoked_at == at(1)


async def test_admin_key_is_revoked_where_another_is_left(keys):
    for number in (1, 2):
        await keys.add(replace(KEY, id=f"key_{number}", digest=f"digest {number}", scope=Scope.ADMIN))
    answers = await asyncio.gather(
        *(keys.revoke(f"key_{number}", at(1), must_leave_admin=True) for number in (1, 2)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [ApiKey, LastAdminKeyError]


async def test_last_use_is_never_an_earlier_one(keys):
    for number in (1, 2):
        await keys.add(replace(KEY, id=f"key_{number}", digest=f"digest {number}"))
    await keys.note_uses({"key_1": at(5), "key_2": at(7), "key_unknown": at(9)})
    await keys.note_uses({"key_1": at(6), "key_2": at(6)})
    assert [key.last_used_at for key in (await keys.find(10)).rows] == [at(7), at(6)]


async def test_first_key_is_the_first(keys):
    assert await keys.add_first(KEY)
    assert not await keys.add_first(replace(KEY, id="key_2", digest="other"))
    assert await keys.get("key_2") is None


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
    assert await Keys(open_database(database_url)).get(KEY.id) == KEY
