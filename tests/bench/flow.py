"""From the answer that shows a job's end to its webhook: how many per second, and how soon at half of that."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING

import httpx

from tests.bench.engine import jobs_at_work, put_in, reached, subscribe
from tests.bench.machine import far_side, service
from tracker.quickening import spare_searches
from tracker.rules.ids import derived_id

if TYPE_CHECKING:
    from tracker.service import Service

_SUBSCRIBERS = 50
_AHEAD = timedelta(seconds=2)


async def completions(how_many: int, rate: float | None = None) -> tuple[float, list[float]]:
    """Lets so many jobs end, all at once or so many a second.

    Returns how many were found, written and delivered in a second, and the seconds from answer to webhook, in order.
    """
    async with far_side() as url, service(url) as running:
        await subscribe(running, [f"{url}/ok/{number}" for number in range(_SUBSCRIBERS)], ends=True)
        # An account has its budget a second after the start.
        await asyncio.sleep(1.2)
        spare_searches()
        await _end(running, 200, None)
        return await _measured(running, url, how_many, rate)


async def _measured(running: Service, url: str, how_many: int, rate: float | None) -> tuple[float, list[float]]:
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(f"{url}/answers")
        await client.get(f"{url}/arrivals")
        ends, seconds = await _end(running, how_many, rate)
        answered = (await client.get(f"{url}/answers")).json()
        arrived = (await client.get(f"{url}/arrivals")).json()
    delays = [arrived[event_id] - answered[remote_id] for event_id, remote_id in ends.items()]
    return how_many / seconds, sorted(delays)


async def _end(running: Service, how_many: int, rate: float | None) -> tuple[dict[str, str], float]:
    """Has jobs end; returns their remote ids by the events that tell of it, and the seconds until all were told."""
    delivered = running.metrics._attempts("delivered")._value
    before, start = delivered.get(), running.surroundings.now() + _AHEAD
    jobs = [
        job.but(
            next_poll_at=start + timedelta(seconds=number / rate if rate else 0), tags=(f"s{number % _SUBSCRIBERS}",)
        )
        for number, job in enumerate(jobs_at_work(running, how_many, start, "end"))
    ]
    await put_in(running, jobs)
    running.poll_beat.wake()
    await asyncio.sleep((start - running.surroundings.now()).total_seconds())
    began = perf_counter()
    await reached(delivered, before + how_many)
    return {derived_id("evt", job.id, 2, "job.succeeded"): job.remote_id for job in jobs}, perf_counter() - began
