"""Lists of jobs: a million jobs against a thousand, by every filter of `GET /v1/jobs`, alone and in every pair.

    uv run python -m tests.bench.job_lists [--jobs 1000000]

Both databases are read in turn, first pages and pages from the middle of the month on: by `Jobs.find` all filters and
pairs, by the API each filter alone. A time is the least of five calls, in seconds of CPU: what else goes on on the
machine does not show, and nor would a disk, for the files are in memory by then. Where a thousand jobs have fewer rows
to show than the limit, the million are asked for as many (at least one), so that the times compare.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
from rich.console import Console
from rich.table import Table

from store.ids import first_id, milliseconds
from store.job_filter import JobFilter
from store.records import Status
from tests.bench.many_jobs import MONTH, NOW, fill
from tracker.api.pages import cursor_of
from tracker.rules.payload import rfc3339
from tracker.service import Service
from tracker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from store.jobs import Jobs

FEW = 1000
LIMIT = 50
CALLS = 5
SLOW = 0.1
"""What takes so many seconds is not called again."""

KEY = "key-of-the-operator"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONG_AGO = NOW - MONTH + DAY
MIDDLE = first_id("job", milliseconds(NOW - MONTH / 2))

Find: TypeAlias = Callable[[JobFilter, int, str | None], Awaitable[int]]
"""Shows a page, and tells how many rows it has."""

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
    """The seconds of CPU that a page takes among few and among many jobs."""

    name: str
    page: str
    few: float
    many: float

    @property
    def ratio(self) -> float:
        return self.many / self.few


def alone() -> Iterator[tuple[str, JobFilter]]:
    """No filter, and each filter."""
    yield "none", JobFilter()
    yield from ((name, JobFilter(**wanted)) for name, wanted in FILTERS.items())


def in_pairs() -> Iterator[tuple[str, JobFilter]]:
    """Each pair of filters that can be asked for."""
    for (one, some), (other, others) in combinations(FILTERS.items(), 2):
        (field,), (another,) = some, others
        if field != another:
            yield f"{one} & {other}", JobFilter(**some, **others)
        elif field == "labels":
            yield f"{one} & {other}", JobFilter(labels=some[field] + others[field])


async def measure(few: Find, many: Find, name: str, wanted: JobFilter) -> list[Measured]:
    """Times both pages of a case on both."""
    measured = []
    for page, after in (("first", None), ("middle", MIDDLE)):
        rows = await few(wanted, LIMIT, after)
        times = [
            await _least_seconds(find, wanted, limit, after) for find, limit in ((few, LIMIT), (many, max(rows, 1)))
        ]
        measured.append(Measured(name, page, *times))
    return measured


async def _least_seconds(find: Find, wanted: JobFilter, limit: int, after: str | None) -> float:
    # The first call compiles the statements.
    await find(wanted, limit, after)
    times: list[float] = []
    while len(times) < CALLS and max(times, default=0) < SLOW:
        start = time.process_time()
        await find(wanted, limit, after)
        times.append(time.process_time() - start)
    return min(times)


def by_store(jobs: Jobs) -> Find:
    """Pages as the store finds them."""

    async def find(wanted: JobFilter, limit: int, after: str | None) -> int:
        return len((await jobs.find(wanted, limit, after)).rows)

    return find


def by_api(client: httpx.AsyncClient) -> Find:
    """Pages as the API answers with them, in this process."""

    async def find(wanted: JobFilter, limit: int, after: str | None) -> int:
        query = [*query_of(wanted), ("limit", limit), *([("cursor", cursor_of(after))] if after else [])]
        response = await client.get("/v1/jobs", params=httpx.QueryParams(query))
        return len(response.raise_for_status().json()["data"])

    return find


def query_of(wanted: JobFilter) -> Iterator[tuple[str, str]]:
    """The query that asks for what a filter wants."""
    for field, value in asdict(wanted).items():
        if field == "labels":
            yield from value
        elif isinstance(value, tuple):
            yield from ((field.removesuffix("es" if field == "statuses" else "s"), each) for each in value)
        elif value is not None:
            yield field, rfc3339(value)


def show(title: str, measured: list[Measured], count: int) -> None:
    """Prints the tables: by page, and the worst cases."""
    console = Console(width=120)
    table = Table(title=f"{title}: {len({each.name for each in measured})} filters")
    for column in ("page", f"{FEW}: median ms", f"{count}: median ms", "median ratio", "worst ratio", "over 3"):
        table.add_column(column, justify="right")
    for page in ("first", "middle"):
        some = [each for each in measured if each.page == page]
        few, many, ratio = (statistics.median(values) for values in zip(*map(_figures, some), strict=True))
        over = [each for each in some if each.ratio > 3]
        worst = max(each.ratio for each in some)
        figures = (f"{few:.2f}", f"{many:.2f}", f"{ratio:.2f}", f"{worst:.2f}")
        table.add_row(page, *figures, f"{len(over)} of {len(some)}")
    console.print(table)
    worst_cases = Table(title="The worst cases")
    for column in ("filters", "page", f"{FEW}: ms", f"{count}: ms", "ratio"):
        worst_cases.add_column(column, justify="left" if column == "filters" else "right")
    for each in sorted(measured, key=lambda each: each.ratio, reverse=True)[:12]:
        worst_cases.add_row(each.name, each.page, *(f"{figure:.2f}" for figure in _figures(each)))
    console.print(worst_cases)


def _figures(measured: Measured) -> tuple[float, float, float]:
    return measured.few * 1000, measured.many * 1000, measured.ratio


async def main(count: int, folder: Path) -> None:
    """Fills both databases in a folder, unless they are there, measures, and prints the tables."""
    services = [_service(folder, each) for each in (FEW, count)]
    async with services[0], services[1]:
        stores = [by_store(service.jobs) for service in services]
        show("Jobs.find", [each for case in (*alone(), *in_pairs()) for each in await measure(*stores, *case)], count)
        apis = [by_api(_client(service)) for service in services]
        show("GET /v1/jobs", [each for case in alone() for each in await measure(*apis, *case)], count)


def _service(folder: Path, count: int) -> Service:
    path = folder / f"{count}.db"
    if not path.exists():
        fill(folder, count).close()
    environ = {"TRACKER_DATABASE_URL": f"sqlite:///{path}", "TRACKER_API_KEY": KEY, "TRACKER_RATE_LIMIT": "0"}
    return Service(Settings.from_environment(environ), is_ticking=False)


def _client(service: Service) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=service.app)
    return httpx.AsyncClient(
        transport=transport, base_url="http://tracker", headers={"authorization": f"Bearer {KEY}"}, trust_env=False
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Lists of many jobs against lists of a thousand.")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the databases are kept from run to run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        asyncio.run(main(given.jobs, given.folder or Path(passing)))
