"""What the benchmarks stand on: CPU time, the machine's name, receivers and services to measure."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import statistics
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.logs import configure_logs
from tracker.quickening import run as run  # noqa: PLC0414 - the loop of `tracker up`, for the benchmarks
from tracker.service import Service
from tracker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping


def cpu() -> float:
    """Seconds of CPU that this process has used, with all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def machine() -> str:
    """The hardware and the Python that figures are of."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")
    mhz = next((line.partition(":")[2].strip() for line in lines if line.startswith("cpu MHz")), "?")
    loop = type(asyncio.get_running_loop()).__module__
    return (
        f"{model} at {mhz} MHz, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {loop}"
    )


def log_as_in_production() -> None:
    """Has the log's lines made and written as `tracker up` does, to nowhere."""
    stderr, sys.stderr = sys.stderr, Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    configure_logs("json")
    sys.stderr = stderr


async def side_by_side(rounds: int, works: Mapping[str, Callable[[], Awaitable[float]]]) -> dict[str, list[float]]:
    """The figures of each work, taken in turn, round after round, so that a slow minute is slow for all."""
    figures: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            figures[name].append(await work())
    return figures


def ratio(one: list[float], other: list[float]) -> float:
    """The median of the ratios, round by round."""
    return statistics.median(each / beside for each, beside in zip(one, other, strict=True))


@asynccontextmanager
async def far_side() -> AsyncIterator[str]:
    """Runs provider and subscriber in a process of their own; yields the base URL."""
    async with far_side_process() as (url, _):
        yield url


@asynccontextmanager
async def far_side_process() -> AsyncIterator[tuple[str, int]]:
    """The same; yields the base URL and the id of the process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.sink"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    try:
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def service(
    provider: str = "http://127.0.0.1:9",
    folder: Path | None = None,
    *,
    providers: Path | None = None,
    is_ticking: bool = True,
    **settings: str,
) -> AsyncIterator[Service]:
    """Runs a service whose callbacks may go to loopback, and whose polls go to `provider` without a budget's limit."""
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as made:
        environ = environment(f"sqlite:///{(folder or Path(made)) / 'tracker.db'}", provider) | settings
        environ |= {"TRACKER_PROVIDERS_DIR": str(providers)} if providers else {}
        async with Service(Settings.from_environment(environ), is_ticking=is_ticking) as running:
            yield running


def environment(database: str, provider: str) -> dict[str, str]:
    """The settings of such a service."""
    return {
        "TRACKER_DATABASE_URL": database,
        "TRACKER_API_KEY": "a-key-of-the-benchmark",
        "TRACKER_ALLOWED_NETWORKS": "127.0.0.0/8",
        "DECART_API_KEY": "a-key-of-the-provider",
        "TRACKER_DECART_BASE_URL": provider,
        "TRACKER_DECART_REQUESTS_PER_SECOND": "10000",
        "TRACKER_DECART_CONCURRENT": "10000",
    }
