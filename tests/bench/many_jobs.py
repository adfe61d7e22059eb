"""Databases of many jobs, made row by row for the benchmarks: a month of work, with its corners.

Some values are common, some rare, some nobody has; and some common ones never meet: Decart's jobs never fail, what is
tagged "calm" has succeeded, no job is both "hero" and "plain", and only the oldest are "early" or were canceled.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import insert

from store.database import Database
from store.facets import facet_of
from store.ids import time_sorted_id
from store.labels import labels_of
from store.records import Job, Status
from store.rows import job_row
from store.tables import JOB_LABELS, JOBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
MONTH = timedelta(days=30)
_CHUNK = 10_000


@dataclass(frozen=True)
class Sort:
    """A kind of job: how often it comes, and the median seconds that it takes."""

    provider: str
    kind: str
    weight: int
    seconds: float


SORTS = (
    Sort("scenario", "job", 30, 20),
    Sort("wondercat", "inference", 20, 15),
    Sort("wondercat", "editor", 5, 60),
    Sort("wondercat", "publish", 2, 10),
    Sort("decart", "job", 20, 60),
    Sort("photogpt", "job", 18, 25),
    Sort("photogpt", "training", 5, 1350),
)


def fill(folder: Path, count: int) -> Database:
    """A new database of so many jobs; it is the same each time."""
    database = Database.open(f"sqlite:///{folder / f'{count}.db'}")
    with database._writer.begin() as connection:
        for jobs in _chunks(some_jobs(count)):
            connection.execute(insert(JOBS), [job_row(job) for job in jobs])
            connection.execute(insert(JOB_LABELS), [row for job in jobs for row in _label_rows(job)])
    return database


def some_jobs(count: int) -> Iterator[Job]:
    """So many jobs, spread evenly over the month before now, the oldest first."""
    dice = random.Random(count)  # noqa: S311 - a simulation
    for number in range(count):
        age = MONTH * (1 - number / count)
        yield _job(number, number / count, NOW - age, dice)


def _job(number: int, share: float, created_at: datetime, dice: random.Random) -> Job:
    sort = dice.choices(SORTS, [each.weight for each in SORTS])[0]
    status = _status(sort, share, dice)
    ended_at = created_at + timedelta(seconds=sort.seconds * dice.lognormvariate(0, 0.4)) if status.is_final else None
    return Job(
        id=time_sorted_id("job", created_at, dice.randbytes(10)),
        provider=sort.provider,
        kind=sort.kind,
        account="default" if dice.random() < 0.8 else "team-a",
        remote_id=f"remote-{number}",
        run=1,
        created_at=created_at,
        updated_at=ended_at or created_at,
        timeout_at=created_at + timedelta(days=1),
        next_poll_at=None if ended_at else NOW,
        params={"projectId": "p1"},
        tags=tuple(_tags(number, share, status, dice)),
        metadata={"customer": f"c{dice.randrange(1000)}", "order": number, "tier": dice.choice(("gold", "free"))},
        status=status,
        provider_status=status.value,
        progress=1.0 if ended_at else 0.5,
        output={"url": f"https://cdn.example/{number}.png"} if status is Status.SUCCEEDED else None,
        sequence=1,
        polls=3,
        started_at=created_at,
        finished_at=ended_at,
        last_polled_at=ended_at,
        reading={"status": status.value, "progress": 1.0, "output": {"url": f"https://cdn.example/{number}.png"}},
    )


def _status(sort: Sort, share: float, dice: random.Random) -> Status:
    if share >= 0.95 and dice.random() < 0.5:
        is_stuck = share < 0.955
        return Status.ACTION_REQUIRED if is_stuck else dice.choice((Status.QUEUED, Status.RUNNING))
    if share < 0.1 and dice.random() < 0.05:
        return Status.CANCELED
    if dice.random() < 0.06 and sort.provider != "decart":
        return Status.FAILED
    return Status.EXPIRED if dice.random() < 0.005 else Status.SUCCEEDED


def _tags(number: int, share: float, status: Status, dice: random.Random) -> Iterator[str]:
    yield "hero" if dice.random() < 0.5 else "plain"
    if status is Status.SUCCEEDED and dice.random() < 0.3:
        yield "calm"
    if share < 0.3:
        yield "early"
    if number % 333_333 == 0:
        yield "rare"


def _label_rows(job: Job) -> list[dict[str, str]]:
    return [
        {"job_id": job.id, "label": label, "value": value, "facet": facet_of(job)} for label, value in labels_of(job)
    ]


def _chunks(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    left = iter(jobs)
    while chunk := list(itertools.islice(left, _CHUNK)):
        yield chunk
