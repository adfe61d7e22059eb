"""A service on a database of its own that does nothing by itself, and clients that call its API in this process."""

import shutil
from contextlib import AsyncExitStack, ExitStack

import pytest

from tracker.demo.server import serve
from tracker.service import Service
from tracker.settings import Settings

from .steps import KEY, client_of
from .streams import Stream

CREDENTIALS = {
    "SCENARIO_SDK_API_KEY": "scenario-key",
    "SCENARIO_SDK_API_SECRET": "scenario-secret",
    "WONDERCAT_API_KEY": "wondercat-key",
    "DECART_API_KEY": "decart-key",
    "PHOTOGPT_API_KEY": "photogpt-key",
}


@pytest.fixture
def settings_of(tmp_path, new_database):
    """Settings like an operator's, with changes; an empty variable counts as unset."""
    shutil.copy(new_database, tmp_path / "tracker.db")
    environ = {
        "TRACKER_DATABASE_URL": f"sqlite:///{tmp_path / 'tracker.db'}",
        "TRACKER_API_KEY": KEY,
        "TRACKER_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    return lambda **changes: Settings.from_environment(environ | CREDENTIALS | changes)


@pytest.fixture
async def start(settings_of, surroundings):
    """Starts a service with changed settings."""
    async with AsyncExitStack() as started:

        async def start_one(**changes):
            service = Service(settings_of(**changes), surroundings, is_ticking=False, is_learning=False)
            return await started.enter_async_context(service)

        yield start_one


@pytest.fixture
async def service(start):
    return await start()


@pytest.fixture
async def client(service):
    """Calls with the operator's key."""
    async with client_of(service, KEY) as client:
        yield client


@pytest.fixture
async def stranger(service):
    """Calls without a key."""
    async with client_of(service) as client:
        yield client


@pytest.fixture
async def url(service):
    async with serve(service.app) as url:
        yield url


@pytest.fixture
async def follow(url):
    """Opens streams, which are left at the end."""
    with ExitStack() as stack:

        async def follow(path="/v1/events/stream", status=200, **how):
            stream = await Stream.open(url, path, **how)
            stack.callback(stream.leave)
            assert stream.status == status
            return stream

        yield follow


@pytest.fixture
async def begun(follow):
    """Opens a stream and reads its first block, which says where to go on."""

    async def begun(path="/v1/events/stream", **how):
        stream = await follow(path, **how)
        first = await stream.block()
        assert (first.data, first.comment) == (None, None)
        return stream

    return begun
