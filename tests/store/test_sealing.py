"""What is secret is brought under the key that seals now, and nothing is left of what was there before."""

import resource
import shutil
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from store import tables
from store.dialects import erase_later
from store.errors import StoreError
from store.records import Sealed, Secret
from store.sealing import ROWS_AT_A_TIME, _renew, seal_all
from store.secrets import Secrets
from store.subscriptions import Subscriptions
from store.vault import SealedError, Vault

from .builders import NOW, at, new_subscription, subscription_id

OLD, NEW, OTHER = (bytes([fill]) * 32 for fill in (1, 2, 3))
SECRETS = ("whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB", "whsec_QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC")
HEADERS = {"authorization": "Bearer hush-hush", "x-team": "hush team"}
# Long enough that what is sealed, in base64, does not hold them by chance.
PLAIN = ("whsec_", "whsk_hush", "hush-hush", "hush team", "QUFBQUFB", "QkJCQkJC")
ALL = 10_000


def a_subscription(number=1, vault=None):
    """A subscription with two secrets and two headers, as they are stored by this vault."""
    seal = (vault or Vault()).seal
    secrets = (Secret(seal(SECRETS[0])), Secret(seal(SECRETS[1]), at(60)))
    return new_subscription(number, secrets=secrets, headers={name: seal(value) for name, value in HEADERS.items()})


async def fill(database, vault=None, count=2):
    """Subscriptions, some of which are removed again, and a secret of the service's own."""
    subscriptions = Subscriptions(database)
    for number in range(1, 2 * count + 1):
        await subscriptions.add(a_subscription(number, vault))
    for number in range(1, 2 * count + 1, 2):
        await subscriptions.remove(subscription_id(number), NOW)
    await Secrets(database).get_or_add("own", (vault or Vault()).seal("whsk_hush"))


async def opened(database, vault):
    """All that is secret, as the vault opens it."""
    rows = (await Subscriptions(database).find(ALL)).rows
    told = [
        ([vault.open(each.value) for each in row.secrets], {n: vault.open(v) for n, v in row.headers.items()})
        for row in rows
    ]
    return told, vault.open(await Secrets(database).get_or_add("own", Sealed("none")))


async def stored(database):
    return (await Subscriptions(database).find(ALL)).rows, await Secrets(database).get_or_add("own", Sealed("none"))


def bytes_of(url):
    """All that lies on the disk of a database."""
    path = Path(url.removeprefix("sqlite:///"))
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


EVERYTHING = (list(SECRETS), HEADERS)


@pytest.mark.parametrize("before", [None, Vault([OLD])])
async def test_plain_texts_and_those_under_older_keys_are_sealed_under_the_first(database, before):
    await fill(database, before)
    vault = Vault([NEW, OLD])
    assert await seal_all(database, vault) == 3
    assert await opened(database, Vault([NEW])) == ([EVERYTHING] * 2, "whsk_hush")
    sealed = await stored(database)
    assert await seal_all(database, vault) == 0
    assert await stored(database) == sealed


async def test_only_what_is_secret_changes(database):
    await fill(database)
    (before, _), _ = await stored(database), await seal_all(database, Vault([NEW]))
    for old, new in zip(before, (await stored(database))[0], strict=True):
        plain = [(Vault([NEW]).open(each.value), each.expires_at) for each in new.secrets]
        assert plain == [(each.value, each.expires_at) for each in old.secrets]
        assert (new.id, new.filter, new.updated_at, new.status) == (old.id, old.filter, old.updated_at, old.status)


@pytest.mark.parametrize("vault", [Vault([NEW, OTHER]), Vault()])
async def test_key_that_is_not_there_is_told_before_anything_is_changed(database, vault):
    await fill(database)
    await Subscriptions(database).add(a_subscription(9, Vault([OLD])))
    before = await stored(database)
    with pytest.raises(SealedError, match="TRACKER_ENCRYPTION_KEY"):
        await seal_all(database, vault)
    assert await stored(database) == before


async def test_without_keys_plain_texts_stay_as_they_are(database):
    await fill(database)
    before = await stored(database)
    assert await seal_all(database, Vault()) == 0
    assert await stored(database) == before


async def test_more_rows_than_are_sealed_at_a_time_are_all_sealed(database):
    await fill(database, count=ROWS_AT_A_TIME + 1)
    assert await seal_all(database, Vault([NEW])) == ROWS_AT_A_TIME + 2
    assert await opened(database, Vault([NEW])) == ([EVERYTHING] * (ROWS_AT_A_TIME + 1), "whsk_hush")


async def test_nothing_plain_is_left_on_the_disk_not_even_of_what_was_removed(sqlite_url, open_database):
    database = open_database(sqlite_url)
    await fill(database, count=50)
    assert all(text.encode() in bytes_of(sqlite_url) for text in PLAIN)
    await seal_all(database, Vault([NEW]))
    assert [text for text in PLAIN if text.encode() in bytes_of(sqlite_url)] == []
    await Subscriptions(database).add(a_subscription(1000, Vault([NEW])))
    database.close()
    assert [text for text in PLAIN if text.encode() in bytes_of(sqlite_url)] == []


def as_a_kill_leaves_it(url, folder):
    """A copy of the files as they lie there while the database is open."""
    folder.mkdir()
    for name in ("tracker.db", "tracker.db-wal"):
        shutil.copy(Path(url.removeprefix("sqlite:///")).with_name(name), folder / name)
    return f"sqlite:///{folder / 'tracker.db'}"


SUBSCRIPTION_IDS = [subscription_id(number) for number in range(2, 21, 2)]


@pytest.mark.parametrize(
    ("done", "left"),
    [
        ({tables.SUBSCRIPTIONS.c.id: SUBSCRIPTION_IDS[:4]}, 7),
        ({tables.SUBSCRIPTIONS.c.id: SUBSCRIPTION_IDS}, 1),
        ({tables.SUBSCRIPTIONS.c.id: SUBSCRIPTION_IDS, tables.SECRETS.c.name: ["own"]}, 0),
    ],
)
async def test_what_a_kill_leaves_is_done_by_the_next_start(sqlite_url, open_database, tmp_path, done, left):
    first = open_database(sqlite_url)
    await fill(first, count=10)
    for key, some in done.items():
        await first.write(partial(_renew, vault=Vault([NEW]), key=key, some=some))
    url = as_a_kill_leaves_it(sqlite_url, tmp_path / "killed")
    assert b"whsec_" in bytes_of(url)
    second = open_database(url)
    assert await seal_all(second, Vault([NEW])) == left
    assert await opened(second, Vault([NEW])) == ([EVERYTHING] * 10, "whsk_hush")
    assert [text for text in PLAIN if text.encode() in bytes_of(url)] == []


@pytest.fixture
def small_files():
    """No file of this process may grow beyond a few pages, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    @contextmanager
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


async def test_file_that_cannot_be_cleared_for_lack_of_room_is_told_and_tried_again(
    sqlite_url, open_database, small_files
):
    database = open_database(sqlite_url)
    await fill(database, count=50)
    await database.write(erase_later)
    with small_files(), pytest.raises(StoreError, match="make room, and start again"):
        await database.erase()
    await seal_all(database, Vault([NEW]))
    assert [text for text in PLAIN if text.encode() in bytes_of(sqlite_url)] == []
