"""What the engine is measured beside: bare client loops on the same transport, and what users write today."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
import httpx
import orjson
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from yarl import URL

from tests.bench.machine import cpu

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_HEADERS = {"accept": "application/json", "x-api-key": "a-key", "user-agent": "bare"}
_NO_TIMERS = aiohttp.ClientTimeout(total=None)
_BODY = b'{"padding":"' + b"x" * 1300 + b'"}'
_PATIENT = httpx.Timeout(600)
_ROUNDS = 1
"""Times that a job of today's loops is polled: a thousand of them keep a processor busy for a minute."""


@asynccontextmanager
async def bare_client(connections: int) -> AsyncIterator[aiohttp.ClientSession]:
    """The engine's transport with nothing around it."""
    connector = aiohttp.TCPConnector(limit=connections)
    jar, ours = aiohttp.DummyCookieJar(), ("accept", "accept-encoding", "user-agent", "content-type")
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar, skip_auto_headers=ours) as session:
        yield session


async def bare_polls(session: aiohttp.ClientSession, url: str, how_many: int, at_once: int) -> float:
    """Seconds of CPU for each GET, with its deadline and its JSON, of loops that do nothing else."""
    numbers = iter(range(how_many))

    async def loop() -> None:
        for number in numbers:
            async with (
                asyncio.timeout(30),
                session.get(URL(f"{url}/v1/jobs/run-{number:010d}"), headers=_HEADERS, timeout=_NO_TIMERS) as answer,
            ):
                orjson.loads(await answer.read())

    return await _cpu_of(loop, at_once, how_many)


async def bare_posts(session: aiohttp.ClientSession, url: str, how_many: int, at_once: int) -> float:
    """Seconds of CPU for each POST of a body as large as a webhook's, of loops that do nothing else."""
    numbers = iter(range(how_many))

    async def loop() -> None:
        for _ in numbers:
            async with (
                asyncio.timeout(15),
                session.post(URL(f"{url}/ok"), data=_BODY, headers=_HEADERS, timeout=_NO_TIMERS) as answer,
            ):
                await answer.read()

    return await _cpu_of(loop, at_once, how_many)


async def _cpu_of(loop: object, at_once: int, how_many: int) -> float:
    used = cpu()
    await asyncio.gather(*(loop() for _ in range(at_once)))  # type: ignore[operator]
    return (cpu() - used) / how_many


async def todays_loops(url: str, jobs: int) -> float:
    """Seconds of CPU for each poll of one `while True` per job, on one plain `httpx.AsyncClient`."""
    async with httpx.AsyncClient(timeout=_PATIENT, trust_env=False) as client:

        async def wait_for_end(number: int) -> None:
            for _ in range(_ROUNDS):
                answer = await client.get(f"{url}/v1/jobs/run-{number:010d}", headers=_HEADERS)
                assert answer.json()["status"] == "processing"
                await asyncio.sleep(1)

        used = cpu()
        await asyncio.gather(*(wait_for_end(number) for number in range(jobs)))
        return (cpu() - used) / (jobs * _ROUNDS)


async def todays_scheduler(url: str, jobs: int) -> float:
    """Seconds of CPU for each poll of one APScheduler job per job, on one plain `httpx.AsyncClient`."""
    polled, all_polled = 0, asyncio.Event()
    scheduler = AsyncIOScheduler()
    async with httpx.AsyncClient(timeout=_PATIENT, trust_env=False) as client:

        async def poll(number: int) -> None:
            nonlocal polled
            answer = await client.get(f"{url}/v1/jobs/run-{number:010d}", headers=_HEADERS)
            assert answer.json()["status"] == "processing"
            polled += 1
            if polled >= jobs * _ROUNDS:
                all_polled.set()

        for number in range(jobs):
            at_once = datetime.now(UTC)
            scheduler.add_job(
                poll, "interval", args=[number], seconds=60, next_run_time=at_once, misfire_grace_time=None
            )
        used = cpu()
        scheduler.start()
        await all_polled.wait()
        used = (cpu() - used) / polled
        scheduler.shutdown(wait=False)
    return used
