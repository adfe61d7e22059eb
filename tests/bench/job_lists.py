"""Lists of jobs: a million jobs against a thousand, by every filter of `GET /v1/jobs`, alone and in every pair.

    uv run python -m tests.bench.job_lists [--jobs 1000000]

Both databases are read in turn, first pages and pages from the middle of the month on, and each case is the median of
seven calls of `Jobs.find`. Where a thousand jobs have fewer rows to show than the limit, the million are asked for as
many (at least one), so that the times compare.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from store.ids import first_id, milliseconds
from store.job_filter import JobFilter
from store.jobs import Jobs
from store.records import Status
from tests.bench.many_jobs import MONTH, NOW, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW = 1000
LIMITS = (1, 50, 200)
CALLS = 7
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONG_AGO = NOW - MONTH + DAY
MIDDLE = first_id("job", milliseconds(NOW - MONTH / 2))

FILTERS: dict[str, dict[str, Any]] = {
    "provider=scenario": {"providers": ("scenario",)},
    "provider=decart": {"providers": ("decart",)},
    "provider=unheard-of": {"providers": ("unheard-of",)},
    "kind=job": {"kinds": ("job",)},
    "kind=training": {"kinds": ("training",)},
    "account=default": {"accounts": ("default",)},
    "account=team-a": {"accounts": ("team-a",)},
    "status=succeeded": {"statuses": (Status.SUCCEEDED,)},
    "status=failed": {"statuses": (Status.FAILED,)},
    "status=canceled": {"statuses": (Status.CANCELED,)},
    "status=expired": {"statuses": (Status.EXPIRED,)},
    "status=running": {"statuses": (Status.RUNNING,)},
    "status=action_required": {"statuses": (Status.ACTION_REQUIRED,)},
    "status=queued|failed": {"statuses": (Status.QUEUED, Status.FAILED)},
    "remote_id=remote-500": {"remote_ids": ("remote-500",)},
    "remote_id=unheard-of": {"remote_ids": ("unheard-of",)},
    "tag=hero": {"labels": (("tag", "hero"),)},
    "tag=plain": {"labels": (("tag", "plain"),)},
    "tag=calm": {"labels": (("tag", "calm"),)},
    "tag=early": {"labels": (("tag", "early"),)},
    "tag=rare": {"labels": (("tag", "rare"),)},
    "tag=unheard-of": {"labels": (("tag", "unheard-of"),)},
    "metadata.customer=c7": {"labels": (("metadata.customer", "c7"),)},
    "metadata.order=500": {"labels": (("metadata.order", "500"),)},
    "metadata.tier=gold": {"labels": (("metadata.tier", "gold"),)},
    "created_after=1 h ago": {"created_after": NOW - HOUR},
    "created_after=29 d ago": {"created_after": LONG_AGO},
    "created_before=29 d ago": {"created_before": LONG_AGO},
    "created_before=1 h ago": {"created_before": NOW - HOUR},
    "finished_after=1 h ago": {"finished_after": NOW - HOUR},
    "finished_after=29 d ago": {"finished_after": LONG_AGO},
    "finished_before=29 d ago": {"finished_before": LONG_AGO},
    "finished_before=1 h ago": {"finished_before": NOW - HOUR},
}


@dataclass(frozen=True)
class Measured:
    """The seconds that a page takes among few and among many jobs."""

    name: str
    page: str
    limit: int
    few: float
    many: float

    @property
    def ratio(self) -> float:
        return self.many / self.few


def cases() -> Iterator[tuple[str, JobFilter]]:
    """No filter, each filter, and each pair that can be asked for."""
    yield "none", JobFilter()
    yield from ((name, JobFilter(**wanted)) for name, wanted in FILTERS.items())
    for (one, some), (other, others) in combinations(FILTERS.items(), 2):
        (field,), (another,) = some, others
        if field != another:
            yield f"{one} & {other}", JobFilter(**some, **others)
        elif field == "labels":
            yield f"{one} & {other}", JobFilter(labels=some[field] + others[field])


async def measure(few: Jobs, many: Jobs, name: str, wanted: JobFilter) -> list[Measured]:
    """Times all pages of a case on both."""
    measured = []
    for page, after in (("first", None), ("middle", MIDDLE)):
        for limit in LIMITS:
            rows = len((await few.find(wanted, limit, after)).rows)
            calls = ((few, limit), (many, max(rows, 1)))
            for jobs, asked in calls:
                await jobs.find(wanted, asked, after)
            times = [[await _seconds(jobs, wanted, asked, after) for jobs, asked in calls] for _ in range(CALLS)]
            measured.append(Measured(name, page, limit, *map(statistics.median, zip(*times, strict=True))))
    return measured


async def _seconds(jobs: Jobs, wanted: JobFilter, limit: int, after: str | None) -> float:
    start = time.perf_counter()
    await jobs.find(wanted, limit, after)
    return time.perf_counter() - start


def show(measured: list[Measured], count: int) -> None:
    """Prints the tables: by limit and page, and the worst cases."""
    console = Console(width=140)
    table = Table(
        title=f"Jobs.find among {count} jobs ÷ among {FEW}, over {len({each.name for each in measured})} filters"
    )
    for column in ("page", "limit", "median ms", "median ratio", "worst ratio", "over 3"):
        table.add_column(column, justify="right")
    for page, limit in dict.fromkeys((each.page, each.limit) for each in measured):
        some = [each for each in measured if (each.page, each.limit) == (page, limit)]
        ratios = [each.ratio for each in some]
        milliseconds_ = statistics.median(each.many for each in some) * 1000
        over = f"{sum(ratio > 3 for ratio in ratios)} of {len(some)}"
        table.add_row(
            page, str(limit), f"{milliseconds_:.2f}", f"{statistics.median(ratios):.2f}", f"{max(ratios):.2f}", over
        )
    console.print(table)
    worst = Table(title="The worst cases")
    for column in ("filters", "page", "limit", f"{FEW}: ms", f"{count}: ms", "ratio"):
        worst.add_column(column, justify="left" if column == "filters" else "right")
    for each in sorted(measured, key=lambda each: each.ratio, reverse=True)[:20]:
        times = (f"{each.few * 1000:.2f}", f"{each.many * 1000:.2f}", f"{each.ratio:.2f}")
        worst.add_row(each.name, each.page, str(each.limit), *times)
    console.print(worst)


async def main(count: int) -> None:
    """Fills both databases, measures, and prints the tables."""
    with tempfile.TemporaryDirectory() as folder:
        databases = [fill(Path(folder), each) for each in (FEW, count)]
        few, many = (Jobs(database, lambda *_: (), lambda *_: ()) for database in databases)
        measured = [each for name, wanted in cases() for each in await measure(few, many, name, wanted)]
        for database in databases:
            database.close()
    show(measured, count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Lists of many jobs against lists of a thousand.")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    asyncio.run(main(parser.parse_args().jobs))
