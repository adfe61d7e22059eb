"""Requests per finished job: many jobs by one request, against one GET per job.

    uv run python -m tests.bench.many_at_once [JOBS …]

The whole service polls a simulated Scenario on a clock that is moved by hand, so the figures do not depend on the
machine. Jobs take 30 to 90 s and are registered over 10 s; the list is sound, or poor: with short and empty pages, and
rows that arrive 4 s late. A delay is from a job's end to its detection.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import statistics
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from rich.console import Console
from rich.table import Table

from tests.conftest import Clock
from tests.flow import live
from tracker.demo.simulators import Listing, scenario_scripts
from tracker.demo.stage import Stage, set_up
from tracker.providers.catalog import load_descriptions
from tracker.surroundings import Surroundings

if TYPE_CHECKING:
    from tracker.providers.description import Description, Kind

USUAL_JOBS = (1, 10, 100, 1000)
POOR = Listing(page_size=70, late_seconds=4.0, empty_every=5, short_every=3)


@dataclass(frozen=True)
class Measured:
    """What one way of asking came to."""

    requests_per_job: float
    mean_delay: float
    longest_delay: float
    wrong: int


async def measure(count: int, *, has_list: bool, listing: Listing | None = None, seed: int = 1) -> Measured:
    """Lets so many jobs live and be polled to their ends."""
    clock = Clock(datetime(2026, 1, 1, 12, tzinfo=UTC))
    dice = random.Random(seed)  # noqa: S311 - a simulation
    numbers = itertools.count(1)
    surroundings = Surroundings(clock, dice.random, lambda size: next(numbers).to_bytes(size, "big"))
    ample = {"TRACKER_SCENARIO_REQUESTS_PER_SECOND": "10000", "TRACKER_SCENARIO_CONCURRENT": "10000"}
    async with set_up(
        surroundings, _descriptions(has_list=has_list), ample, is_ticking=False, is_learning=False
    ) as stage:
        if listing is not None:
            stage.world.listings["scenario"] = listing
        await _live_together(stage, clock, count, dice)
        return await _measured(stage, count)


async def _live_together(stage: Stage, clock: Clock, count: int, dice: random.Random) -> None:
    for group in range(10):
        for number in range(group * count // 10, (group + 1) * count // 10):
            outcome = scenario_scripts.failure if dice.random() < 0.1 else scenario_scripts.success
            stage.world.add("scenario", "job", outcome(dice.uniform(30, 90)), job_id=f"r{number}")
            body = {"provider": "scenario", "remote_id": f"r{number}"}
            (await stage.client.post("/v1/jobs", json=body)).raise_for_status()
        await live(stage, clock, 1)
    await live(stage, clock, 120)


async def _measured(stage: Stage, count: int) -> Measured:
    delays, wrong = [], 0
    for job in await _all_jobs(stage):
        remote = stage.world.jobs[job["remote_id"]]
        wrong += job["status"] != ("succeeded" if remote.script[-1].status == "success" else "failed")
        detected = datetime.fromisoformat(job["last_polled_at"])
        delays.append((detected - remote.finished_at).total_seconds())
    return Measured(stage.world.requests / count, statistics.fmean(delays), max(delays), wrong)


async def _all_jobs(stage: Stage) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = []
    page: dict[str, Any] = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
        page = (await stage.client.get("/v1/jobs", params={"limit": 200, **cursor})).json()
        jobs += page["data"]
    return jobs


def _descriptions(*, has_list: bool) -> list[Description]:
    known = load_descriptions(None)
    return known if has_list else [each.model_copy(update={"kinds": _without_lists(each)}) for each in known]


def _without_lists(description: Description) -> dict[str, Kind]:
    return {name: kind.model_copy(update={"list": None}) for name, kind in description.kinds.items()}


async def main(counts: tuple[int, ...]) -> None:
    """Prints the table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    table = Table(title="Requests per finished job; delay from end to detection, mean / longest, in seconds")
    for column in ("jobs", "one GET per job", "delay", "list", "delay", "poor list", "delay", "÷", "÷ poor", "wrong"):
        table.add_column(column, justify="right")
    for count in counts:
        alone = await measure(count, has_list=False)
        listed = await measure(count, has_list=True)
        poor = await measure(count, has_list=True, listing=POOR)
        cells = [str(count)]
        for each in (alone, listed, poor):
            cells += [f"{each.requests_per_job:.2f}", f"{each.mean_delay:.2f} / {each.longest_delay:.2f}"]
        ratios = [f"{alone.requests_per_job / each.requests_per_job:.1f}" for each in (listed, poor)]
        table.add_row(*cells, *ratios, str(alone.wrong + listed.wrong + poor.wrong))
    Console(width=160).print(table)


if __name__ == "__main__":
    asyncio.run(main(tuple(int(text) for text in sys.argv[1:]) or USUAL_JOBS))
