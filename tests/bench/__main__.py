"""What the engine costs beside bare clients and beside what users write today, and what it does in a second.

    python -m tests.bench [polls] [today] [deliveries] [flow] [pending] [retention] [replicas]

Everything runs on loopback against the same far side, a process of its own. Costs are of CPU (all threads of the
process) and are compared round by round in one run, by the median of the ratios: the machine may have others to serve.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests.bench.engine import deliver_burst, poll_burst, subscribe
from tests.bench.flow import completions
from tests.bench.loops import bare_client, bare_polls, bare_posts, todays_loops, todays_scheduler
from tests.bench.machine import far_side, log_as_in_production, machine, ratio, run, service, side_by_side
from tests.bench.pending import measure
from tests.bench.replicas import load_of
from tests.bench.retention import hold
from tests.postgres import Server
from tracker.quickening import spare_searches

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS = 5
TODAYS_ROUNDS = 1
"""They take long."""
COUNT = 2000
FEW, MANY = 400, 1000
"""Jobs in today's ways; so many APScheduler jobs as are many would not come to an end in two minutes."""
PENDING = (1_000, 100_000, 1_000_000)
PENDING_ROUNDS = 3
REPLICA_ROUNDS = 3
COMPLETIONS = 3000
SLOTS = 256
PER_SUBSCRIBER = 4
SUBSCRIBERS = 20


def print_costs(console: Console, title: str, figures: dict[str, list[float]], first: str) -> None:
    """Prints what each costs, and how many times as much or as little the first one costs."""
    table = Table(title=title)
    for column in ("", "CPU", f"{first} ÷ it", "it ÷ " + first):
        table.add_column(column, justify="right")
    for name, found in figures.items():
        there, back = ratio(figures[first], found), ratio(found, figures[first])
        table.add_row(name, f"{1000 * statistics.median(found):.3f} ms", f"{there:.2f}", f"{back:.1f}")
    console.print(table)


async def polls(console: Console) -> None:
    """A poll of the whole engine, of a bare loop, and of today's ways."""
    rates = []

    async with far_side() as url, service(url) as running, bare_client(SLOTS) as client:
        # An account has its budget a second after the start.
        await asyncio.sleep(1.2)
        spare_searches()

        async def engine() -> float:
            used, took = await poll_burst(running, COUNT)
            rates.append(1 / took)
            return used

        works = {
            "engine": engine,
            "bare loop": lambda: bare_polls(client, url, COUNT, SLOTS),
        }
        await engine()
        rates.clear()
        print_costs(console, "A poll", await side_by_side(ROUNDS, works), "engine")
    console.print(f"polls per second of one process: {statistics.median(rates):.0f}, at best {max(rates):.0f}")


async def today(console: Console) -> None:
    """A poll of the whole engine, and of what users write today."""
    async with far_side() as url, service(url) as running:
        await asyncio.sleep(1.2)
        spare_searches()

        async def engine() -> float:
            used, _ = await poll_burst(running, COUNT)
            return used

        works = {
            "engine": engine,
            f"{FEW} loops on one httpx.AsyncClient": lambda: todays_loops(url, FEW),
            f"{FEW} APScheduler jobs on one httpx.AsyncClient": lambda: todays_scheduler(url, FEW),
            f"{MANY} loops on one httpx.AsyncClient": lambda: todays_loops(url, MANY),
        }
        await engine()
        print_costs(console, "A poll today", await side_by_side(TODAYS_ROUNDS, works), "engine")


async def deliveries(console: Console) -> None:
    """A delivery of the whole engine, and of a bare loop."""
    async with far_side() as url, service(url) as running, bare_client(SLOTS) as client:
        subscriptions = await subscribe(running, [f"{url}/ok/{number}" for number in range(SUBSCRIBERS)])
        spare_searches()
        works = {
            "delivery": lambda: _cpu_of_deliveries(running, subscriptions),
            "bare loop": lambda: bare_posts(client, url, COUNT, SUBSCRIBERS * PER_SUBSCRIBER),
        }
        await deliver_burst(running, subscriptions, COUNT)
        print_costs(console, "A delivery", await side_by_side(ROUNDS, works), "delivery")


async def _cpu_of_deliveries(running: object, subscriptions: Sequence[object]) -> float:
    used, _ = await deliver_burst(running, subscriptions, COUNT)  # type: ignore[arg-type]
    return used


async def flow(console: Console) -> None:
    """Completions per second, and how soon their webhooks come at half of that."""
    most, _ = await completions(COUNT)
    half = most / 2
    _, delays = await completions(int(10 * half), half)
    p50, p99 = (1000 * delays[int(share * (len(delays) - 1))] for share in (0.5, 0.99))
    console.print(f"completions per second, from poll to webhook: {most:.0f}")
    console.print(f"answer → webhook at {half:.0f} completions a second: p50 {p50:.0f} ms, p99 {p99:.0f} ms")


async def pending(console: Console) -> None:
    """A poll beside a thousand, a hundred thousand and a million jobs."""
    rounds = [{count: await measure(count, 10) for count in PENDING} for _ in range(PENDING_ROUNDS)]
    table = Table(title="500 due a second, beside so many jobs")
    for column in ("jobs", "CPU per poll", "÷ a thousand", "resident", "÷ a thousand", "start-up", "polls/s"):
        table.add_column(column, justify="right")
    for count in PENDING:
        found = {name: [each[count][name] for each in rounds] for name in ("cpu", "resident", "start", "rate")}
        first = {name: [each[PENDING[0]][name] for each in rounds] for name in found}
        middle = {name: statistics.median(values) for name, values in found.items()}
        ratios = {name: f"{ratio(values, first[name]):.2f}" for name, values in found.items()}
        cost, memory = f"{1000 * middle['cpu']:.3f} ms", f"{middle['resident'] / 1e6:.0f} MB"
        times = (f"{middle['start']:.2f} s", f"{middle['rate']:.0f}")
        table.add_row(f"{count:,}", cost, ratios["cpu"], memory, ratios["resident"], *times)
    console.print(table)


async def retention(console: Console) -> None:
    """How long the writer is held by the deletion of 20,000 old jobs and all of theirs."""
    held, took = await hold(20_000, 100, 40)
    of_work = ("with deletions, of CPU", sorted(held.cpu))
    for name, times in (("with deletions", sorted(held.retention)), of_work, ("without", sorted(held.others))):
        figures = [1000 * times[int(share * (len(times) - 1))] for share in (0.5, 0.99, 1)]
        said = "p50 {:.0f} ms, p99 {:.0f} ms, longest {:.0f} ms".format(*figures)
        console.print(f"the writer's transactions {name}: {len(times)}, {said}")
    console.print(f"rows deleted: {held.deleted}, in {took:.0f} s, beside 100 completions a second")


async def replicas(console: Console) -> None:
    """Completions per second of two replicas on one PostgreSQL beside those of one."""
    table = Table(title=f"{COMPLETIONS} completions on PostgreSQL, without fsync")
    for column in ("replicas", "completions/s", "CPU each: replicas", "PostgreSQL", "far side", "cores kept busy"):
        table.add_column(column, justify="right")
    with Server() as server:
        rounds = [[await load_of(replicas, server, COMPLETIONS) for replicas in (1, 2)] for _ in range(REPLICA_ROUNDS)]
    for number, loads in enumerate(zip(*rounds, strict=True), 1):
        middle = sorted(loads, key=lambda load: load.rate)[REPLICA_ROUNDS // 2]
        shares = [f"{1000 * each:.2f} ms" for each in (middle.replicas, middle.postgres, middle.far_side)]
        table.add_row(str(number), f"{middle.rate:.0f}", *shares, f"{middle.cores:.2f} of {os.cpu_count()}")
    console.print(table)
    one, two = zip(*rounds, strict=True)
    said = f"{ratio([each.rate for each in two], [each.rate for each in one]):.2f}"
    console.print(f"two ÷ one: {said}; where no core is left over, two can do no more than one")


PARTS = {
    "polls": polls,
    "today": today,
    "deliveries": deliveries,
    "flow": flow,
    "pending": pending,
    "retention": retention,
    "replicas": replicas,
}


async def main(names: Sequence[str]) -> None:
    """Runs the parts that are named, or all."""
    console = Console(width=120)
    console.print(machine())
    for name in names or PARTS:
        await PARTS[name](console)


if __name__ == "__main__":
    if unknown := set(sys.argv[1:]) - set(PARTS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    log_as_in_production()
    run(main(sys.argv[1:]))
