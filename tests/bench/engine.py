"""The whole engine at work, for the benchmarks: jobs that wait, bursts of polls and of deliveries."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Any

from store.records import Filter, Job, Secret, Status, Subscription
from store.rows import job_row
from store.tables import JOBS
from tests.bench.machine import cpu
from tracker.rules.events import subscription_test_event
from tracker.rules.fanout import to_subscription
from tracker.rules.signing import new_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tracker.service import Service

_NUMBER = count(1)
_AT_ONCE = 5000
_LONG = timedelta(days=1)
_WAIT = timedelta(hours=2)


def jobs_at_work(running: Service, how_many: int, due_at: datetime, prefix: str = "run") -> list[Job]:
    """Jobs of Decart's that were found running half a minute ago; those with the prefix `end` are over by now."""
    since = running.surroundings.now() - timedelta(seconds=30)
    return [
        Job(
            running.surroundings.new_id("job"),
            *("decart", "job", "default", f"{prefix}-{next(_NUMBER):010d}"),
            run=1,
            created_at=since,
            updated_at=since,
            timeout_at=since + _LONG,
            next_poll_at=due_at,
            status=Status.RUNNING,
            provider_status="processing",
            sequence=1,
            status_since=since,
            started_at=since,
            last_polled_at=since,
            polls=1,
        )
        for _ in range(how_many)
    ]


async def put_in(running: Service, jobs: Sequence[Job]) -> None:
    """Stores jobs as they are."""
    for start in range(0, len(jobs), _AT_ONCE):
        rows = [job_row(job) for job in jobs[start : start + _AT_ONCE]]
        await running._database.write(lambda connection, rows=rows: connection.execute(JOBS.insert(), rows) and None)


async def reached(counter: Any, count: float) -> None:
    """Returns once a counter of the service's metrics stands at so much."""
    while counter.get() < count:  # noqa: ASYNC110 - a counter wakes nobody
        await asyncio.sleep(0.01)


async def poll_again(running: Service, jobs: Sequence[Job]) -> tuple[float, float]:
    """Has these jobs, which are stored, polled once, all due at once: seconds of CPU and of time for each."""
    polled = running.metrics._polls("decart", "ok")._value
    now = running.surroundings.now()
    # What was planned before is polled later: only these are due.
    later = JOBS.update().where(JOBS.c.next_poll_at.is_not(None)).values(next_poll_at=now + _WAIT)
    first, last = jobs[0].remote_id, jobs[-1].remote_id
    due = JOBS.update().where(JOBS.c.remote_id.between(first, last)).values(next_poll_at=now, not_before=None)
    before = polled.get()
    await running._database.write(lambda connection: [connection.execute(each) for each in (later, due)] and None)
    return await _burst(polled, before, len(jobs), running.poll_beat.wake) or await poll_again(running, jobs)


async def _burst(counter: Any, before: float, how_many: int, wake: Callable[[], None]) -> tuple[float, float] | None:
    """Seconds of CPU and of time for each of so many; None: the sweep has woken the loop before its time."""
    await asyncio.sleep(0.3)
    is_early, began, used = counter.get() > before, perf_counter(), cpu()
    wake()
    await reached(counter, before + how_many)
    return None if is_early else ((cpu() - used) / how_many, (perf_counter() - began) / how_many)


async def poll_burst(running: Service, how_many: int) -> tuple[float, float]:
    """Has so many jobs polled that were polled before and are still at work, as most polls find them.

    Seconds of CPU and of time for each.
    """
    jobs = jobs_at_work(running, how_many, running.surroundings.now() + _WAIT)
    await put_in(running, jobs)
    await poll_again(running, jobs)
    return await poll_again(running, jobs)


async def subscribe(running: Service, urls: Sequence[str], *, ends: bool = False) -> list[Subscription]:
    """One subscription for each URL; with `ends` to the ends of the jobs that are tagged `s` and its number."""
    now = running.surroundings.now()
    secrets = (Secret(new_secret(bytes(range(33)))),)
    filters = [
        Filter(("job.succeeded",), tags=(f"s{number}",)) if ends else Filter(("job.*",)) for number in range(len(urls))
    ]
    made = [
        Subscription(running.surroundings.new_id("sub"), url, wanted, secrets, now, now)
        for url, wanted in zip(urls, filters, strict=True)
    ]
    for subscription in made:
        await running.subscriptions.add(subscription)
    return made


async def deliver_burst(running: Service, subscriptions: Sequence[Subscription], how_many: int) -> tuple[float, float]:
    """Has so many events delivered, all committed before: seconds of CPU and of time for each."""
    now = running.surroundings.now()
    delivered = running.metrics._attempts("delivered")._value
    before = delivered.get()
    for start in range(0, how_many, 500):
        announced = []
        for number in range(start, min(start + 500, how_many)):
            subscription = subscriptions[number % len(subscriptions)]
            event = subscription_test_event(subscription.id, str(next(_NUMBER)), now)
            event = replace(event, body=event.body[:-1] + b',"padding":"' + b"x" * 1000 + b'"}')
            announced.append(running.deliveries.add_test(event, to_subscription(event, subscription)))
        await asyncio.gather(*announced)
    burst = await _burst(delivered, before, how_many, running.deliver_beat.wake)
    return burst or await deliver_burst(running, subscriptions, how_many)
