"""How much it costs that much is pending: so many jobs in a process of its own, of which 500 are due each second.

    python -m tests.bench.pending JOBS SECONDS

Prints one line of JSON. A thousand of the jobs are polled every two seconds; the others wait for hours.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from store.rows import job_row
from store.tables import JOBS
from tests.bench.engine import jobs_at_work
from tests.bench.machine import cpu, far_side, log_as_in_production, run, service
from tracker.quickening import spare_searches

if TYPE_CHECKING:
    from sqlalchemy import Connection

AT_WORK = 1000
_EVERY = 2
_FIRST_SECONDS = 5


def two_seconds_apart(folder: Path) -> Path:
    """A folder with Decart's description in which every poll follows the one before after two seconds."""
    known = (Path(__file__).parents[2] / "tracker/providers/decart.toml").read_text("utf-8")
    head, _, _ = known.partition("[kinds.job.timing]")
    described = folder / "providers"
    described.mkdir(exist_ok=True)
    timing = f"[kinds.job.timing]\ninterval = {_EVERY}\nminimum = {_EVERY}\nmax_delay = {_EVERY}\n"
    (described / "decart.toml").write_text(head + timing, "utf-8")
    return described


def fill(connection: Connection, pattern: dict[str, Any], how_many: int) -> None:
    """Copies a job so many times, with other ids, in the database itself."""
    connection.execute(JOBS.insert(), pattern)
    names = [f'"{column.name}"' for column in JOBS.columns if column.computed is None]
    fresh = {'"id"': "'job_' || printf('%026d', n)", '"remote_id"': "'idle-' || printf('%010d', n)"}
    chosen = ", ".join(fresh.get(name, name) for name in names)
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)"
    copied = f"INSERT INTO jobs ({', '.join(names)}) {numbers} SELECT {chosen} FROM jobs, numbers WHERE id = :id"  # noqa: S608 - our own columns
    connection.execute(text(copied), {"last": how_many - 1, "id": pattern["id"]})


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def measure(how_many: int, seconds: float) -> dict[str, float]:
    """CPU per poll, polls per second, memory and start-up time."""
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as made:
        folder = Path(made)
        described = two_seconds_apart(folder)
        async with service(folder=folder, providers=described, is_ticking=False) as running:
            later = running.surroundings.now() + timedelta(hours=6)
            (pattern,) = jobs_at_work(running, 1, later)
            idle = how_many - AT_WORK
            if idle:
                await running._database.write(lambda connection: fill(connection, job_row(pattern), idle))
            now = running.surroundings.now()
            for number, job in enumerate(jobs_at_work(running, AT_WORK, now)):
                due = job.but(next_poll_at=now + timedelta(seconds=_EVERY * number / AT_WORK))
                await running._database.write(
                    lambda connection, due=due: connection.execute(JOBS.insert(), job_row(due)) and None
                )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.pending", str(folder), str(described), str(seconds)),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
    found: dict[str, float] = json.loads(said)
    return found


async def _serve(folder: Path, described: Path, seconds: float) -> dict[str, float]:
    async with far_side() as url:
        began = perf_counter()
        async with service(url, folder, providers=described) as running:
            started = perf_counter() - began
            spare_searches()
            polled = running.metrics._polls("decart", "ok")._value
            await asyncio.sleep(_FIRST_SECONDS)
            before, began, used = polled.get(), perf_counter(), cpu()
            await asyncio.sleep(seconds)
            polls, used, took = polled.get() - before, cpu() - used, perf_counter() - began
            return {"cpu": used / polls, "rate": polls / took, "resident": resident(), "start": started}


if __name__ == "__main__":
    log_as_in_production()
    print(json.dumps(run(_serve(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))))  # noqa: T201 - to the process that asked
