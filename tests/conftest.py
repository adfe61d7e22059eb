"""What the tests share: a clock that is moved by hand, and dice that always fall the same way."""

from __future__ import annotations

import itertools
import os
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from store.database import Database
from tests.postgres import Server
from tracker.demo.stage import set_up
from tracker.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_LONGEST = ("test_replicas.py", "test_crash.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: many tests wait for other processes."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


@pytest.fixture(scope="session")
def state_home(tmp_path_factory):
    return tmp_path_factory.mktemp("state")


@pytest.fixture(autouse=True)
def no_keys_of_the_developer(monkeypatch, state_home):
    """Keys that a first start keeps for the command line stay out of the developer's own folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(state_home))


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 1, 1, 12, tzinfo=UTC))


@pytest.fixture
def surroundings(clock: Clock) -> Surroundings:
    """The fake clock, jitter in the middle (delays as they are written), entropy that counts."""
    counter = itertools.count(1)
    return Surroundings(now=clock, jitter=lambda: 0.5, entropy=lambda size: next(counter).to_bytes(size, "big"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One PostgreSQL server for all tests; whoever stops it starts it again."""
    with Server() as server:
        yield server


on_both_back_ends = pytest.mark.parametrize("back_end", ["sqlite", "postgres"], indirect=True)
"""For a test of the whole service that is to run on PostgreSQL too; it takes `back_end`, before its `stage`."""


@pytest.fixture
def back_end(request: pytest.FixtureRequest) -> dict[str, str]:
    """The setting that leads to the test's back end: to a file, unless the test says otherwise."""
    name = "postgres_url" if getattr(request, "param", "sqlite") == "postgres" else "file_url"
    return {"TRACKER_DATABASE_URL": request.getfixturevalue(name)}


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file that was migrated and is empty: to make one takes longer than many a test."""
    path = tmp_path_factory.mktemp("new") / "tracker.db"
    Database.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def file_url(new_database: Path, tmp_path: Path) -> str:
    """A database file whose schema is up to date."""
    return f"sqlite:///{shutil.copy(new_database, tmp_path / 'stage.db')}"


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """A database on that server whose schema is up to date."""
    url = postgres.new_url()
    yield url
    postgres.drop(url)


@pytest.fixture
async def stage(surroundings, back_end):
    """A service with simulated providers and a receiver, all of which do nothing by themselves."""
    async with set_up(surroundings, overrides=back_end, is_ticking=False, is_learning=False) as stage:
        yield stage
