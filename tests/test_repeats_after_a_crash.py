"""The service is killed while calls are under way: they are carried out once, and who follows is told of each once."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from contextlib import asynccontextmanager

import httpx
import pytest

from tracker.client import AsyncTracker
from tracker.client.flows.terms import Surroundings

KEY = "an-admin-key-of-the-operator"
CALLS = 20
KILLED_AFTER = (1, 9, 22, 33)
"""How many of the 40 calls were answered when the service is killed, in each of its lives."""


@pytest.fixture
def environ(tmp_path):
    return os.environ | {
        "TRACKER_DATABASE_URL": f"sqlite:///{tmp_path / 'tracker.db'}",
        "TRACKER_PORT": "0",
        "TRACKER_API_KEY": KEY,
        "TRACKER_ALLOWED_NETWORKS": "127.0.0.0/8",
    }


@asynccontextmanager
async def service(environ):
    """The service as a process, and a client of it; it is killed in the end unless it was before."""
    program = (sys.executable, "-m", "tracker", "up")
    process = await asyncio.create_subprocess_exec(*program, env=environ, stderr=asyncio.subprocess.PIPE)
    try:
        url = await greeting_of(process)
        headers = {"authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as client:
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def greeting_of(process):
    """Where the service listens, once it does."""
    said = b""
    while line := await process.stderr.readline():
        said += line
        if found := re.match(r"Tracker listens on (http://\S+)", line.decode()):
            return found[1]
    return pytest.fail(said.decode())


@pytest.fixture
def callback_url():
    """Where nobody answers, and nobody else will."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{deaf.getsockname()[1]}/hook"


def calls_of(life, tested, callback_url):
    """The calls that are made in one life of the service: (idempotency key, path, body)."""
    tests = [(f"test-{life}-{number}", f"/v1/subscriptions/{tested}/test", None) for number in range(CALLS)]
    body = {"callback_url": callback_url}
    new = [(f"new-{life}-{number}", "/v1/subscriptions", body) for number in range(CALLS)]
    return [call for pair in zip(tests, new, strict=True) for call in pair]


async def make(client, calls, answered=lambda _count: None):
    """Makes all calls at once; returns the answers that came, by their keys."""
    answers = {}

    async def make_one(key, path, body):
        try:
            response = await client.post(path, json=body, headers={"idempotency-key": key})
        except httpx.TransportError:
            return
        answers[key] = response
        answered(len(answers))

    await asyncio.gather(*(make_one(*call) for call in calls))
    return answers


async def subscribe(client, callback_url):
    return (await client.post("/v1/subscriptions", json={"callback_url": callback_url})).json()["id"]


async def rows(client, path):
    return (await client.get(path, params={"limit": 200})).json()["data"]


async def test_calls_are_carried_out_once_whenever_the_service_is_killed(environ, callback_url):
    first, again, calls, tested = {}, {}, [], None
    for life, killed_after in enumerate((*KILLED_AFTER, None)):
        async with service(environ) as (process, client):
            again |= await make(client, calls)
            tested = tested or await subscribe(client, callback_url)
            calls = calls_of(life, tested, callback_url)
            if killed_after:
                first |= await make(client, calls, lambda n, k=killed_after, p=process: n == k and p.kill())
                assert await process.wait() < 0
            else:
                deliveries = await rows(client, f"/v1/deliveries?subscription_id={tested}")
                subscriptions = await rows(client, "/v1/subscriptions")
    assert len(first) >= sum(KILLED_AFTER)
    assert len(again) == 2 * CALLS * len(KILLED_AFTER), "nothing is blocked by what was under way"
    for key, answer in first.items():
        assert (again[key].status_code, again[key].content) == (answer.status_code, answer.content)
    made = {answer.json()["id"] for answer in again.values()}
    assert len(made) == len(again)
    assert made == {row["id"] for row in [*deliveries, *subscriptions]} - {tested}


@pytest.fixture
def port():
    """A port for all lives of the service."""
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def follow(tracker, after, told):
    """Passes on the ids of the events that the stream tells, across all breaks."""
    async for event in tracker.events.stream(after=after, types=["subscription.test"]):
        told.put_nowait(event.id)


async def test_stream_across_kills_tells_every_event_once_and_in_order(environ, callback_url, port):
    environ, told, calls = environ | {"TRACKER_PORT": str(port)}, asyncio.Queue(), []
    async with AsyncTracker(f"http://127.0.0.1:{port}", KEY, surroundings=Surroundings(dice=lambda: 0.1)) as tracker:
        async with service(environ) as (_, client):
            tested = await subscribe(client, callback_url)
            start = (await client.get("/v1/events")).json()["next_cursor"]
            following = asyncio.create_task(follow(tracker, start, told))
            await make(client, [("first", f"/v1/subscriptions/{tested}/test", None)])
            followed = [await asyncio.wait_for(told.get(), 60)]
        for killed_after in (12, None):
            async with service(environ) as (process, client):
                await make(client, calls)
                calls = [(f"{killed_after}-{n}", f"/v1/subscriptions/{tested}/test", None) for n in range(30)]
                await make(client, calls, lambda n, k=killed_after, p=process: n == k and p.kill())
                if killed_after is None:
                    feed = [event["id"] for event in await feed_behind(client, start)]
                    followed += [await asyncio.wait_for(told.get(), 60) for _ in feed[1:]]
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert followed == feed
    assert len(set(feed)) == len(feed) == 61
    assert told.empty()


async def feed_behind(client, cursor):
    parameters = {"after": cursor, "type": "subscription.test", "limit": 200}
    return (await client.get("/v1/events", params=parameters)).json()["data"]
