"""Completions per second of one `tracker up`, and of two on one PostgreSQL, with the CPU that every process takes."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from tests.bench.engine import jobs_at_work, put_in, subscribe
from tests.bench.machine import environment, far_side_process, service
from tests.test_crash import free_port
from tests.test_replicas import count_of, replicas_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.postgres import Server

_SUBSCRIBERS = 50
_AHEAD = timedelta(seconds=15)
"""Until then the replicas have started and found each other."""

_DELIVERED = "deliveries WHERE status = 'delivered'"


@dataclass(frozen=True)
class Load:
    """Completions per second, and the seconds of CPU that one takes."""

    rate: float
    replicas: float
    postgres: float
    far_side: float

    @property
    def cores(self) -> float:
        """How many cores all of that kept busy."""
        return self.rate * (self.replicas + self.postgres + self.far_side)


async def load_of(replicas: int, server: Server, how_many: int) -> Load:
    """Lets so many jobs end at once, which so many replicas find, write and deliver."""
    database = server.new_url()
    async with AsyncExitStack() as stack:
        provider, far_side = await stack.enter_async_context(far_side_process())
        seconds_ahead = await _fill(database, provider, how_many)
        due_at = perf_counter() + seconds_ahead
        processes = [await stack.enter_async_context(_replica(database, provider)) for _ in range(replicas)]
        await replicas_in(database, replicas)
        parts = (processes, [server.process_id], [far_side])
        await asyncio.sleep(due_at - perf_counter())
        before = [sum(map(_cpu, part)) for part in parts]
        while await asyncio.to_thread(count_of, database, _DELIVERED) < how_many:  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.2)
        took = perf_counter() - due_at
        used = [sum(map(_cpu, part)) - earlier for part, earlier in zip(parts, before, strict=True)]
    server.drop(database)
    return Load(how_many / took, *(each / how_many for each in used))


async def _fill(database: str, provider: str, how_many: int) -> float:
    """Stores jobs that are all due at one time, and are over then; returns the seconds until it."""
    async with service(provider, is_ticking=False, TRACKER_DATABASE_URL=database) as running:
        await subscribe(running, [f"{provider}/ok/{number}" for number in range(_SUBSCRIBERS)], ends=True)
        due_at = running.surroundings.now() + _AHEAD
        jobs = jobs_at_work(running, how_many, due_at, "end")
        await put_in(running, [job.but(tags=(f"s{number % _SUBSCRIBERS}",)) for number, job in enumerate(jobs)])
        return (due_at - running.surroundings.now()).total_seconds()


@asynccontextmanager
async def _replica(database: str, provider: str) -> AsyncIterator[int]:
    """Runs `tracker up` in a process of its own; yields its id."""
    with tempfile.TemporaryFile() as log:
        environ = {"PATH": os.environ["PATH"], **environment(database, provider), "TRACKER_PORT": str(free_port())}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tracker", "up"), env=environ, stdout=log, stderr=log
        )
        try:
            yield process.pid
        finally:
            process.terminate()
            await process.wait()


def _cpu(process: int) -> float:
    """Seconds of CPU that a process and its children have used; it has what those had used that are over."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text("utf-8").split()
    return _own_cpu(process) + sum(_own_cpu(int(child)) for child in children)


def _own_cpu(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
