"""What the metrics cost: each poll, each attempt, and a scrape beside much that is pending.

    uv run python -m tests.bench.counting

Loops run side by side, with the counters and with nothing in their place; the best of several rounds counts.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import httpx

from store.records import Attempt, AttemptResult, Delivery, Job, Status
from store.rows import delivery_row, job_row
from store.tables import DELIVERIES, EVENTS, JOBS
from tracker.metrics import Metrics
from tracker.rules import retry
from tracker.rules.reading import Reading
from tracker.rules.schedule import Timing
from tracker.rules.track import decide
from tracker.service import Service
from tracker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from store.records import AttemptOutcome, PollOutcome

# ruff: noqa: T201 - it prints what it measures

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 20_000
ROUNDS = 7
KEY = "a-key-for-the-benchmark"


def a_job(number: int = 1) -> Job:
    times = {"created_at": NOW, "updated_at": NOW, "timeout_at": NOW + timedelta(days=1), "next_poll_at": NOW}
    return Job(f"job_{number:08d}", "scenario", "job", "default", f"r{number}", 1, **times)


def a_delivery(number: int = 1) -> Delivery:
    whom = ("job_1", None, "https://a.example", "https://a.example/hook")
    return Delivery(f"dlv_{number:08d}", f"evt_{number:08d}", "job.succeeded", *whom, NOW, NOW, NOW)


def a_poll(reading: Reading) -> PollOutcome:
    return decide(a_job(), reading, Timing(1, 3), NOW + timedelta(seconds=4), 0.5)


def an_attempt() -> AttemptOutcome:
    attempt = Attempt("att_1", "dlv_1", 1, NOW, 20, AttemptResult.DELIVERED, 200)
    return retry.decide(a_delivery(), attempt, (5.0,), NOW + timedelta(seconds=1), 0.5)


def microseconds(work: Callable[[], Any]) -> float:
    """The best time of one call, in many."""
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        for _ in range(COUNT):
            work()
        times.append(perf_counter() - start)
    return min(times) / COUNT * 1e6


def count_side_by_side() -> None:
    metrics = Metrics(["scenario"])
    running = [a_poll(Reading(Status.RUNNING, "in-progress"))]
    ended = [a_poll(Reading(Status.SUCCEEDED, "success", finished_at=NOW + timedelta(seconds=3)))]
    attempts = [an_attempt()]

    def uncounted(*_: object) -> None:
        pass

    nothing = microseconds(lambda: (uncounted("scenario"), uncounted(running)))
    decision = microseconds(lambda: a_poll(Reading(Status.RUNNING, "in-progress")))
    print(f"to decide on a poll, for comparison: {decision:.2f} µs")
    works: dict[str, Callable[[], Any]] = {
        "to count a poll": lambda: (metrics.asked("scenario"), metrics.polled(running)),
        "to count a poll that finds the end": lambda: (metrics.asked("scenario"), metrics.polled(ended)),
        "to count an attempt that arrives": lambda: metrics.attempted(attempts),
    }
    for name, work in works.items():
        print(f"{name}: {microseconds(work) - nothing:.2f} µs")


def fill(connection: Connection, count: int) -> None:
    """Leaves so many jobs and deliveries waiting."""
    connection.execute(JOBS.insert(), [job_row(a_job(number)) for number in range(count)])
    event = {"type": "job.succeeded", "timestamp": NOW, "job_id": None, "sequence": None, "body": b"{}"}
    connection.execute(EVENTS.insert(), [{**event, "id": f"evt_{number:08d}"} for number in range(count)])
    rows = [delivery_row(replace(a_delivery(number), job_id=None)) for number in range(count)]
    connection.execute(DELIVERIES.insert(), rows)


async def scrape_beside(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environ = {"TRACKER_DATABASE_URL": f"sqlite:///{Path(folder) / 'tracker.db'}", "TRACKER_API_KEY": KEY}
        async with Service(Settings.from_environment(environ), is_ticking=False) as service:
            await service._database.write(lambda connection: fill(connection, count))
            transport = httpx.ASGITransport(app=service.app)
            headers = {"authorization": f"Bearer {KEY}"}
            async with httpx.AsyncClient(transport=transport, base_url="http://tracker", headers=headers) as client:
                times = []
                for _ in range(30):
                    start = perf_counter()
                    answer = await client.get("/metrics")
                    times.append(perf_counter() - start)
        print(f"a scrape beside {count} jobs and deliveries: {min(times) * 1e3:.1f} ms, {len(answer.content)} bytes")


async def main() -> None:
    count_side_by_side()
    for count in (1000, 100_000):
        await scrape_beside(count)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
