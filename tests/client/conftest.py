"""What the tests of the client share: the real service on loopback, and both clients behind one handle."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tracker.bell import Bell
from tracker.client import AsyncTracker, Tracker
from tracker.client.flows.terms import Surroundings
from tracker.demo.server import serve
from tracker.demo.stage import set_up

from .troubled import Troubled

GUARD = 20


class SyncUser:
    """A program that blocks; it lives in a thread, so that the service beside it goes on."""

    client = Tracker

    def __init__(self, tracker):
        self.tracker = tracker

    async def use(self, method, *args, **kwargs):
        """What a method returns or raises."""
        return await asyncio.to_thread(method, *args, **kwargs)

    async def take(self, iterator, count=None):
        """What an iterator gives: all, or so many."""
        return await asyncio.to_thread(lambda: list(itertools.islice(iterator, count)))

    async def close(self):
        await asyncio.to_thread(self.tracker.close)


class AsyncUser:
    """A program that awaits."""

    client = AsyncTracker

    def __init__(self, tracker):
        self.tracker = tracker

    async def use(self, method, *args, **kwargs):
        """What a method returns or raises."""
        return await method(*args, **kwargs)

    async def take(self, iterator, count=None):
        """What an iterator gives: all, or so many."""
        taken = []
        async for value in iterator:
            taken.append(value)
            if len(taken) == count:
                break
        await iterator.aclose()
        return taken

    async def close(self):
        await self.tracker.aclose()


class ListeningBell(Bell):
    """Tells when somebody waits for a job."""

    def __init__(self):
        super().__init__()
        self.listeners = asyncio.Semaphore(0)

    def listen(self, job_id):
        self.listeners.release()
        return super().listen(job_id)


def listening(service):
    """Gives a service a bell that tells when somebody waits."""
    service.bell = ListeningBell()
    service.app.state.context = replace(service.app.state.context, bell=service.bell)
    return service.bell


@pytest.fixture
def settings():
    """Settings that a test wants to be otherwise."""
    return {}


@pytest.fixture
async def stage(surroundings, new_database, tmp_path, settings):
    """The real service, with simulated providers, on the clock that is moved by hand."""
    database = shutil.copy(new_database, tmp_path / "tracker.db")
    overrides = {"TRACKER_DATABASE_URL": f"sqlite:///{database}"} | settings
    async with set_up(surroundings, overrides=overrides, is_ticking=False, is_learning=False) as stage:
        yield stage


@pytest.fixture(params=[SyncUser, AsyncUser], ids=["sync", "async"])
def flavour(request):
    return request.param


@pytest.fixture
async def connect(flavour):
    """Opens clients of the flavour; they pause for as good as no time."""
    opened = []

    def connect_one(url, api_key, **how):
        how.setdefault("surroundings", Surroundings(dice=lambda: 0.01))
        opened.append(flavour(flavour.client(url, api_key, **how)))
        return opened[-1]

    yield connect_one
    for user in opened:
        await user.close()


@pytest.fixture
def user(connect, stage):
    """A user of the real service, with the operator's key."""
    return connect(stage.url, stage.service.settings.api_key)


@pytest.fixture
def tracker(user):
    return user.tracker


@pytest.fixture
async def line(stage):
    """The real service behind a line that can be troubled."""
    troubled = Troubled(stage.service.app)
    async with serve(troubled) as url:
        troubled.url = url
        yield troubled


@pytest.fixture
def remote(connect, line, stage):
    """A user at the other end of the line."""
    return connect(line.url, stage.service.settings.api_key)


@asynccontextmanager
async def in_background(awaitable):
    """Something that goes on meanwhile, and does not outlive the test."""
    task = asyncio.ensure_future(awaitable)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
