"""What the tests share: a clock that is moved by hand, and dice that always fall the same way."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from tracker.demo.stage import set_up
from tracker.surroundings import Surroundings


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


@pytest.fixture
async def stage(surroundings):
    """A service with simulated providers and a receiver, all of which do nothing by themselves."""
    async with set_up(surroundings, is_ticking=False, is_learning=False) as stage:
        yield stage
