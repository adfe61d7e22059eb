"""Bad lines, restarts, keys: both clients against the real service, or against nothing."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from store.records import ApiKey, Scope
from tests.flow import live
from tracker.client import (
    AsyncTracker,
    ConnectionFailed,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
    TrackerError,
    Unauthorized,
    UnexpectedAnswer,
)
from tracker.client.flows.terms import Surroundings
from tracker.demo.server import serve
from tracker.demo.simulators import World, scenario_scripts
from tracker.demo.stage import Stage, serve_simulators
from tracker.rules.keys import key_digest
from tracker.service import Service
from tracker.settings import Settings

from .conftest import GUARD, AsyncUser, in_background, listening
from .troubled import DONE_BUT_LOST, HUNG_UP, STRANGER, TRUNCATED, refusal

KEY = "an-admin-key-of-the-operator"


@pytest.mark.parametrize(
    "trouble", [HUNG_UP, TRUNCATED, refusal(429, retry_after="0"), refusal(503)], ids=["hung up", "cut", "429", "503"]
)
async def test_passing_trouble_is_not_noticed(remote, line, trouble):
    line.troubles = [trouble, trouble]
    job = await remote.use(remote.tracker.jobs.track, "scenario", "r1")
    keys = {headers["idempotency-key"] for _method, _path, headers in line.seen}
    assert (len(line.seen), len(keys)) == (3, 1)
    line.troubles = [trouble, trouble]
    assert await remote.use(job.refresh) == job


async def test_lost_answer_does_not_make_a_job_twice(remote, line):
    line.troubles = [DONE_BUT_LOST]
    job = await remote.use(remote.tracker.jobs.track, "scenario", "r1")
    assert await remote.take(remote.tracker.jobs.list()) == [job]


async def test_lost_answer_to_a_removal_is_a_removal(remote, line):
    job = await remote.use(remote.tracker.jobs.track, "scenario", "r1")
    line.troubles = [DONE_BUT_LOST]
    await remote.use(job.forget)
    with pytest.raises(NotFound):
        await remote.use(job.refresh)


@pytest.mark.parametrize(("status", "error"), [(429, RateLimited), (503, ServerError)])
async def test_trouble_that_stays_is_told(connect, line, stage, status, error):
    line.troubles = [refusal(status, retry_after="0", x_request_id="req-7")] * 2
    user = connect(line.url, stage.service.settings.api_key, max_retries=1)
    with pytest.raises(
        error, match=rf"^{status} Busy \(GET /v1/jobs/x\): There is no room .* request id req-7"
    ) as caught:
        await user.use(user.tracker.jobs.get, "x")
    assert (caught.value.retry_after, caught.value.request_id) == (0, "req-7")


async def test_fault_of_the_service_is_told_with_the_id_that_its_log_has(connect, stage):
    async def broken(*_arguments):
        raise LookupError

    user = connect(stage.url, stage.service.settings.api_key, max_retries=0)
    stage.service.jobs.find = broken
    for number in range(3):
        with pytest.raises(ServerError, match=r"\. request id req_") as caught:
            await user.take(user.tracker.jobs.list())
        assert caught.value.request_id in caught.value.detail
        # The connection is gone, and nothing is sent by it.
        await user.use(user.tracker.jobs.track, "scenario", f"r{number}")


async def test_stranger_is_told_from_the_service(remote, line):
    line.troubles = [STRANGER]
    with pytest.raises(UnexpectedAnswer, match=f"^{line.url} answered 200 in a form that is not Tracker's"):
        await remote.use(remote.tracker.jobs.get, "x")


async def test_nobody_at_the_other_end_is_told_with_a_way_out(connect):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    user = connect(f"http://127.0.0.1:{port}", KEY, max_retries=1)
    with pytest.raises(ConnectionFailed, match=rf"127\.0\.0\.1:{port} to GET /v1/jobs/x .*`tracker up`.*TRACKER_URL"):
        await user.use(user.tracker.jobs.get, "x")


async def test_service_that_says_nothing_is_given_up_in_time(connect):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        user = connect(f"http://127.0.0.1:{silent.getsockname()[1]}", KEY, max_retries=0, timeout=0.05)
        with pytest.raises(ConnectionFailed, match=r"timed out|Timeout"):
            await user.use(user.tracker.jobs.get, "x")


async def test_key_is_needed_and_never_shown(connect, stage):
    user = connect(stage.url, KEY)
    with pytest.raises(Unauthorized, match="TRACKER_API_KEY") as caught:
        await user.use(user.tracker.jobs.get, "x")
    shown = [str(caught.value), repr(caught.value), repr(user.tracker), repr(user.tracker.jobs.shell.terms)]
    assert not [text for text in shown if KEY in text]


@pytest.mark.parametrize("key", ["two words", "schlüssel-schlüssel", "a\nb"])
def test_key_that_is_none_is_refused_unshown(flavour, key):
    with pytest.raises(TrackerError, match="TRACKER_API_KEY") as caught:
        flavour.client("http://127.0.0.1:1", key)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("127.0.0.1:8000", "must look like"),
        ("ftp://host", "must look like"),
        ("http://", "must look like"),
        ("http://host/?a=1", "must look like"),
        ("http://me:hush@host", "must not hold user info"),
        ("http://ho st:x", "is not a URL"),
    ],
)
def test_url_that_is_none_is_refused(flavour, url, said):
    with pytest.raises(TrackerError, match=said) as caught:
        flavour.client(url, KEY)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("how", [{"timeout": 0}, {"timeout": float("nan")}, {"max_retries": -1}])
def test_terms_that_make_no_sense_are_refused(flavour, how):
    ((name, value),) = how.items()
    with pytest.raises(TrackerError, match=f"{name} is {value!r}"):
        flavour.client("http://127.0.0.1:1", KEY, **how)


async def test_url_and_key_come_from_the_environment(flavour, stage, monkeypatch):
    monkeypatch.setenv("TRACKER_URL", f"{stage.url}/")
    monkeypatch.setenv("TRACKER_API_KEY", stage.service.settings.api_key)
    user = flavour(flavour.client())
    assert stage.url in repr(user.tracker)
    assert await user.take(user.tracker.jobs.list()) == []
    await user.close()


async def test_http_client_of_ones_own_is_used_and_left_open(flavour, stage):
    seen = []

    async def note(request):
        seen.append(request.url.path)

    if flavour is AsyncUser:
        http = httpx.AsyncClient(trust_env=False, event_hooks={"request": [note]})
    else:
        http = httpx.Client(trust_env=False, event_hooks={"request": [lambda request: seen.append(request.url.path)]})
    user = flavour(flavour.client(stage.url, stage.service.settings.api_key, http_client=http))
    job = await user.use(user.tracker.jobs.track, "scenario", "r1")
    await user.close()
    assert not http.is_closed
    assert (await user.use(job.refresh)) == job
    assert seen == ["/v1/jobs", f"/v1/jobs/{job.id}"]
    await user.use(http.aclose if flavour is AsyncUser else http.close)


async def test_key_without_the_scope_is_told(connect, stage):
    now = stage.service.surroundings.now()
    await stage.service.key_ring.add(ApiKey("key_1", "reader", Scope.READ, key_digest(KEY), now))
    user = connect(stage.url, KEY)
    assert await user.take(user.tracker.jobs.list()) == []
    with pytest.raises(PermissionDenied, match=r"scope 'write'.*a key that may do this"):
        await user.use(user.tracker.jobs.track, "scenario", "r1")


class Reborn:
    """A service that can be stopped and started again: the same port, the same database."""

    def __init__(self, folder, environ, surroundings):
        self._environ = environ | {"TRACKER_DATABASE_URL": f"sqlite:///{folder / 'tracker.db'}", "TRACKER_API_KEY": KEY}
        self._surroundings = surroundings
        self._port = 0

    @asynccontextmanager
    async def alive(self):
        """The service and its URL, as long as it runs."""
        settings = Settings.from_environment(self._environ)
        async with AsyncExitStack() as stack:
            service = Service(settings, self._surroundings, is_ticking=False, is_learning=False)
            await stack.enter_async_context(service)
            url = await stack.enter_async_context(serve(service.app, port=self._port))
            self._port = int(url.rpartition(":")[2])
            yield service, url


async def test_wait_survives_a_restart_of_the_service(connect, tmp_path, surroundings, clock):
    world, loop, paused = World(clock), asyncio.get_running_loop(), asyncio.Semaphore(0)
    world.add("scenario", "job", scenario_scripts.success(6), job_id="r1")

    def dice():
        loop.call_soon_threadsafe(paused.release)
        return 0.01

    async with serve_simulators(world) as environ:
        reborn = Reborn(tmp_path, environ, surroundings)
        async with reborn.alive() as (service, url):
            user, bell = connect(url, KEY, surroundings=Surroundings(dice=dice)), listening(service)
            job = await user.use(user.tracker.jobs.track, "scenario", "r1")
            waiting = asyncio.ensure_future(user.use(job.wait, None))
            await asyncio.wait_for(bell.listeners.acquire(), GUARD)
        async with in_background(waiting):
            for _ in range(3):  # the first may be for the answer of a service that stops; then nobody is there
                await asyncio.wait_for(paused.acquire(), GUARD)
            async with reborn.alive() as (service, url):
                bell = listening(service)
                await asyncio.wait_for(bell.listeners.acquire(), GUARD)
                await live(_stage(world, service, url), clock, 60)
                assert (await asyncio.wait_for(waiting, GUARD)).succeeded


def _stage(world, service, url):
    return Stage(world, None, service, url, "", None, "")


async def test_hundreds_may_wait_at_once_on_one_client(stage, clock):
    bell = listening(stage.service)
    stage.world.add("scenario", "job", scenario_scripts.success(6), job_id="r1")
    async with AsyncTracker(stage.url, stage.service.settings.api_key) as tracker:
        job = await tracker.jobs.track("scenario", "r1")
        async with in_background(asyncio.gather(*(job.wait(None) for _ in range(300)))) as waiting:
            for _ in range(300):
                await asyncio.wait_for(bell.listeners.acquire(), GUARD)
            await live(stage, clock, 60)
            assert {done.status for done in await asyncio.wait_for(waiting, GUARD)} == {"succeeded"}
