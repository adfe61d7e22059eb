"""A service on loopback in a thread of its own, for a fuzzer that blocks; and things in it that there are to find."""

import itertools
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

from anyio.from_thread import start_blocking_portal

from tracker.demo.server import serve
from tracker.service import Service
from tracker.surroundings import Surroundings

from ..conftest import Clock
from .steps import KEY, attempt, client_of, fetch, see, subscribe, track


@contextmanager
def running(settings):
    """Serves until the block ends; gives its URL and, by the path of the list, the id of something in each list."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_running(settings)) as served:
        yield served


@asynccontextmanager
async def _running(settings):
    counter = itertools.count(1)
    surroundings = Surroundings(
        now=Clock(datetime(2026, 1, 1, 12, tzinfo=UTC)),
        jitter=lambda: 0.5,
        entropy=lambda size: next(counter).to_bytes(size, "big"),
    )
    async with Service(settings, surroundings, is_ticking=False, is_learning=False) as service:
        ids = await furnish(service)
        async with serve(service.app) as url:
            yield url, ids


async def furnish(service):
    """Makes one of everything; the job has ended, so that nobody waits for it."""
    async with client_of(service, KEY) as client:
        subscription = await subscribe(client, events=["*"], headers={"x-customer": "42"})
        job = await track(client, metadata={"customer": "c"}, tags=["nightly"])
        await see(service, job, "running", progress=0.5)
        await see(service, job, "succeeded", output={"image": "https://cdn.example/1.png"})
        await attempt(service, subscription["id"], 500)
        (delivery, *_) = (await fetch(client, "/v1/deliveries"))["data"]
        replays = f"/v1/subscriptions/{subscription['id']}/replay"
        replay = (await client.post(replays, json={"since": "2026-01-01T00:00:00Z"})).json()
        key = (await client.post("/v1/keys", json={"name": "ci"})).json()
    things = {"jobs": job, "subscriptions": subscription, "deliveries": delivery, "keys": key}
    return {noun: thing["id"] for noun, thing in things.items()} | {"replay_id": replay["id"], "name": "decart"}
