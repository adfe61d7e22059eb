"""`tracker listen` against the real service, as a process: the webhooks that a subscriber gets, across a restart."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

from tests.flow import fetch, live, register
from tracker.demo import receiver
from tracker.demo.receiver import Inbox
from tracker.demo.server import serve
from tracker.demo.simulators import scenario_scripts
from tracker.rules.signing import new_secret

GUARD = 60


@asynccontextmanager
async def listening(stage, url, *options, **environ):
    """`tracker listen` as a process, from when it is ready."""
    settings = {"TRACKER_URL": url, "TRACKER_API_KEY": stage.service.settings.api_key}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tracker", "listen", *options),
        env=os.environ | settings | environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await said(process, "Ready")
        yield process
    finally:
        process.kill()
        await process.communicate()


async def said(process, words):
    """Waits for a line on stderr that begins so."""
    async with asyncio.timeout(GUARD):
        while not (line := await process.stderr.readline()).startswith(words.encode()):
            assert line, f"It ended and never said {words!r}."


async def live_with(stage, clock, *names):
    """Jobs that are tracked, with webhooks for all that happens to them, and end."""
    for name in names:
        stage.world.add("scenario", "job", scenario_scripts.success(2), job_id=name)
        await register(stage, provider="scenario", remote_id=name, events=["job.*"])
    await live(stage, clock, 30)


async def test_listener_gets_the_bytes_that_a_subscriber_gets_across_a_restart(stage, clock):
    secret = new_secret(secrets.token_bytes(33))
    inbox = Inbox(lambda: datetime.now(UTC), secret)
    async with AsyncExitStack() as stack, serve(receiver.app(inbox)) as local:
        async with serve(stage.service.app) as url:
            port = urlsplit(url).port
            options = ("--forward-to", f"{local}/hook")
            process = await stack.enter_async_context(listening(stage, url, *options, TRACKER_LISTEN_SECRET=secret))
            await live_with(stage, clock, "r1")
            await arrived(inbox, stage)
        # The service is away, and what happens meanwhile is told when it is back.
        await said(process, "The stream of events broke")
        await live_with(stage, clock, "r2", "r3")
        async with serve(stage.service.app, port=port):
            await said(process, "The stream of events is open again")
            await live_with(stage, clock, "r4")
            await arrived(inbox, stage)
            await stack.aclose()
    feed = (await fetch(stage, "/v1/events?limit=200"))["data"]
    assert [arrival.webhook_id for arrival in inbox.arrivals] == [event["id"] for event in feed]
    assert {arrival.error for arrival in inbox.arrivals} == {None}
    sent = {arrival.webhook_id: arrival for arrival in stage.inbox.arrivals}
    assert len(sent) == len(feed) >= 12
    for arrival in inbox.arrivals:
        as_subscriber = sent[arrival.webhook_id]
        assert arrival.body == as_subscriber.body
        assert own_headers(arrival) == own_headers(as_subscriber)


async def arrived(inbox, stage):
    """Returns once the listener has had all that the feed holds."""
    count = len((await fetch(stage, "/v1/events?limit=200"))["data"])
    async with asyncio.timeout(GUARD):
        await inbox.until(lambda arrivals: len(arrivals) >= count)


def own_headers(arrival):
    """What the webhook says of itself, whenever it is sent and by whom it is signed."""
    return {name: arrival.headers[name] for name in ("webhook-id", "content-type", "user-agent", "content-length")}
