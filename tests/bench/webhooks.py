"""How soon webhooks arrive, what they cost, and what dead subscribers do to the others.

    uv run python -m tests.bench.webhooks [latency] [isolation] [cost]

The service runs in this process on a temporary SQLite file, with its loops as they always are; the receiver is a
process of its own on loopback (tests/bench/sink.py). Latency is from the commit of an event to its arrival there. Cost
is the CPU of this process per delivery (claim, sign, post, judge, record with the attempts log) beside that of a bare
client that posts bodies of the same size by the same transport and does nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import sys
import time
from itertools import count
from typing import TYPE_CHECKING

import httpx
import structlog
from rich.console import Console
from rich.table import Table

from store.records import Filter, Secret, Subscription
from tests.bench.machine import cpu, far_side, machine, service
from tracker.outbound import Limits, Outbound
from tracker.rules.events import subscription_test_event
from tracker.rules.exchange import HttpRequest
from tracker.rules.fanout import to_subscription
from tracker.rules.signing import new_secret
from tracker.sending import KEPT_OF_ANSWER
from tracker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracker.service import Service

RATES = (50, 200, 1000)
SECONDS = 20
SUBSCRIBERS = 100
DEAD = (0, 10, 40)
_NONCE = count()
_DELIVERIES = 5000
_BODY = b"x" * 1200


async def subscribe(running: Service, urls: Sequence[str]) -> list[Subscription]:
    """One subscription for each URL."""
    now = running.surroundings.now()
    made = [
        Subscription(
            running.surroundings.new_id("sub"),
            url,
            Filter(("job.*",)),
            (Secret(new_secret(bytes(range(33)))),),
            now,
            now,
        )
        for url in urls
    ]
    for subscription in made:
        await running.subscriptions.add(subscription)
    return made


async def announce(running: Service, subscription: Subscription) -> tuple[str, float]:
    """Commits an event for one subscription: its id, and the Unix time of the commit."""
    event = subscription_test_event(subscription.id, str(next(_NONCE)), running.surroundings.now())
    await running.deliveries.add_test(event, to_subscription(event, subscription))
    committed = time.time()
    running.deliver_beat.wake()
    return event.id, committed


async def run_at(
    running: Service, url: str, subscriptions: Sequence[Subscription], rate: float, seconds: float
) -> dict[str, list[float]]:
    """Announces events one after the other, to one subscription after the other; the latencies of each."""
    tasks, started = [], time.perf_counter()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(started + number / rate - time.perf_counter(), 0))
        subscription = subscriptions[number % len(subscriptions)]
        tasks.append((subscription.id, asyncio.create_task(announce(running, subscription))))
    committed = [(subscription_id, *await task) for subscription_id, task in tasks]
    await asyncio.sleep(2)
    async with httpx.AsyncClient(trust_env=False) as client:
        arrived = (await client.get(f"{url}/arrivals")).json()
    latencies: dict[str, list[float]] = {}
    for subscription_id, event_id, at in committed:
        latencies.setdefault(subscription_id, []).append(arrived.get(event_id, float("inf")) - at)
    return latencies


def percentiles(latencies: Sequence[float]) -> list[float]:
    """The 50th, 95th and 99th, in milliseconds."""
    ordered = sorted(latencies)
    return [1000 * ordered[min(int(len(ordered) * share), len(ordered) - 1)] for share in (0.5, 0.95, 0.99)]


async def latency(console: Console) -> None:
    """Prints how soon webhooks arrive at several rates."""
    table = Table(title=f"Commit → receiver, {SECONDS} s each, 20 subscriptions")
    for column in ("events/s", "p50", "p95", "p99", "not there after 2 s"):
        table.add_column(column, justify="right")
    for rate in RATES:
        async with far_side() as url, service() as running:
            subscriptions = await subscribe(running, [f"{url}/ok/{number}" for number in range(20)])
            await run_at(running, url, subscriptions, 100, 1)
            found = await run_at(running, url, subscriptions, rate, SECONDS)
        all_of_them = [each for latencies in found.values() for each in latencies]
        cells = [f"{each:.1f} ms" for each in percentiles(all_of_them)]
        table.add_row(str(rate), *cells, str(sum(each == float("inf") for each in all_of_them)))
    console.print(table)


async def isolation(console: Console) -> None:
    """Prints what dead subscribers do to the latencies of the healthy ones."""
    table = Table(title=f"{SUBSCRIBERS} subscriptions, 50 events/s for {3 * SECONDS} s, latencies of the healthy ones")
    for column in ("dead", "p50", "p95", "p99", "÷ none dead"):
        table.add_column(column, justify="right")
    base = None
    for dead in DEAD:
        async with far_side() as url, service() as running:
            paths = ["dead" if number < dead else "ok" for number in range(SUBSCRIBERS)]
            subscriptions = await subscribe(running, [f"{url}/{path}/{n}" for n, path in enumerate(paths)])
            found = await run_at(running, url, subscriptions, 50, 3 * SECONDS)
        healthy = [each for one in subscriptions[dead:] for each in found[one.id]]
        figures = percentiles(healthy)
        base = base or figures[2]
        table.add_row(str(dead), *(f"{each:.1f} ms" for each in figures), f"{figures[2] / base:.2f}x")
    console.print(table)


async def cost(console: Console) -> None:
    """Prints the CPU of a delivery beside that of a bare request."""
    rounds = [(await _cpu_of_deliveries(), await _cpu_of_bare_requests()) for _ in range(3)]
    ours, bare = (statistics.median(each) for each in zip(*rounds, strict=True))
    table = Table(title=f"CPU of this process, {_DELIVERIES} at a time, median of three")
    for column in ("", "per request", "per second and core"):
        table.add_column(column, justify="right")
    table.add_row("delivery", f"{1000 * ours:.3f} ms", f"{1 / ours:.0f}")
    table.add_row("bare client loop", f"{1000 * bare:.3f} ms", f"{1 / bare:.0f}")
    ratios = [one / other for one, other in rounds]
    table.add_row("ratio", f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}")
    console.print(table)


async def _cpu_of_deliveries() -> float:
    async with far_side() as url, service(is_ticking=False) as running:
        subscriptions = await subscribe(running, [f"{url}/ok/{number}" for number in range(20)])
        for number in range(_DELIVERIES // 100):
            batch = [announce(running, subscriptions[(100 * number + n) % 20]) for n in range(100)]
            await asyncio.gather(*batch)
        began = cpu()
        await _deliver_all(running)
        return (cpu() - began) / _DELIVERIES


async def _deliver_all(running: Service) -> None:
    """Ticks as often as the loop asks to, until nothing is due."""
    while await running.deliverer.tick() is not None or running.deliverer._attempts:
        await running.deliverer.drain()


async def _cpu_of_bare_requests() -> float:
    limits = Limits(15, KEPT_OF_ANSWER, cuts=True)
    settings = Settings.from_environment({"TRACKER_ALLOWED_NETWORKS": "127.0.0.0/8"})
    async with far_side() as url, Outbound(256, limits, settings.allowed) as outbound:
        headers = {"content-type": "application/json", "webhook-id": "evt", "user-agent": "bare"}
        request = HttpRequest("POST", f"{url}/ok", headers, _BODY)
        began = cpu()
        for _ in range(_DELIVERIES // 80):
            await asyncio.gather(*(outbound.exchange(request) for _ in range(80)))
        return (cpu() - began) / (_DELIVERIES // 80 * 80)


async def main(names: Sequence[str]) -> None:
    """Runs the parts that are named, or all."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console = Console(width=120)
    console.print(machine())
    for name, part in (("latency", latency), ("isolation", isolation), ("cost", cost)):
        if name in names or not names:
            await part(console)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
