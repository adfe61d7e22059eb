"""One database for each test. A back end is one parameter of `database_url`: every test runs against it too."""

from contextlib import ExitStack, closing

import pytest

from store.database import Database
from store.deliveries import Deliveries
from store.events import Events
from store.jobs import Jobs
from store.keys import Keys
from store.replays import Replays
from store.subscriptions import Subscriptions
from tracker.rules import replay
from tracker.rules.fanout import deliveries_of

from .builders import RULES, longest_due


def sqlite_url_in(folder):
    return f"sqlite:///{folder / 'tracker.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request):
    """Where there is a database of this back end that nobody has used yet."""
    return request.getfixturevalue("file_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def sqlite_url(tmp_path):
    """For what only a file does: it can be locked, missing, or no database at all."""
    return sqlite_url_in(tmp_path)


@pytest.fixture
def open_database():
    """Opens databases, and closes at the end those that the test left open."""
    with ExitStack() as opened:
        yield lambda url: opened.enter_context(closing(Database.open(url)))


@pytest.fixture
def database(database_url, open_database):
    return open_database(database_url)


@pytest.fixture
def jobs(database):
    return Jobs(database, deliveries_of, longest_due)


@pytest.fixture
def deliveries(database):
    return Deliveries(database, RULES)


@pytest.fixture
def subscriptions(database):
    return Subscriptions(database)


@pytest.fixture
def events(database):
    return Events(database)


@pytest.fixture
def replays(database):
    return Replays(database, replay.is_near, replay.is_replayed, replay.queue, replay.LARGEST_BACKLOG)


@pytest.fixture
def keys(database):
    return Keys(database)
