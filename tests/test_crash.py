"""Killed at any moment and started again on the same file, the service loses nothing and invents nothing."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import sys
from collections import Counter, defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

import tracker.providers
from store.database import Database
from store.deliveries import Deliveries, DeliveryFilter
from store.events import Events
from store.job_filter import JobFilter
from store.jobs import Jobs
from tracker.demo import receiver
from tracker.demo.receiver import Inbox
from tracker.demo.server import serve
from tracker.demo.simulators import World, decart, scenario_scripts, wondercat
from tracker.demo.stage import serve_simulators
from tracker.rules.fanout import deliveries_of
from tracker.rules.schedule import most_overdue
from tracker.rules.signing import new_secret

from .store.builders import RULES

JOBS, KILLS = 200, 20
# Each job is polled once at least and announced once, so that all kills come before there is nothing left to do.
MOST_REQUESTS_TO_A_KILL = 2 * JOBS // KILLS
API_KEY = "key-of-the-crash-test"
SECRET = new_secret(bytes(range(33)))


@dataclass
class Process:
    """`tracker up` as a process that is killed after so many more requests, and started again."""

    environ: dict[str, str]
    log: Path
    dice: random.Random
    kills: int = 0
    requests_left: int = 0
    started: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self) -> None:
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tracker", "up", env=self.environ, stdout=log, stderr=log
            )
        self.started.append(process)
        self.requests_left = self.dice.randint(1, MOST_REQUESTS_TO_A_KILL)

    def notice_request(self, _request: object = None) -> None:
        """Somebody was asked or told something: the moment to strike may have come."""
        self.requests_left -= 1
        if self.requests_left == 0 and self.kills < KILLS:
            self.kills += 1
            self.started[-1].kill()

    async def keep_up(self) -> None:
        """Starts the service again whenever it was killed."""
        while self.kills < KILLS:
            await self.start()
            assert await self.started[-1].wait() == -signal.SIGKILL, self.log.read_text()
        await self.start()

    async def stop(self) -> int:
        self.started[-1].terminate()
        return await self.started[-1].wait()


@pytest.fixture
def environ(tmp_path) -> dict[str, str]:
    """Providers as they are, but polled many times a second; callbacks tried again soon."""
    folder = tmp_path / "providers"
    folder.mkdir()
    for name in ("scenario", "wondercat", "decart"):
        text = Path(tracker.providers.__path__[0], f"{name}.toml").read_text("utf-8")
        text = re.sub(r"^(cap|typical|delay_per_poll) = .*\n", "", text, flags=re.MULTILINE)
        text = re.sub(r"^multiplier = .*\n", "", text, flags=re.MULTILINE)
        text = re.sub(r"^interval = .*$", "interval = 0.25\nmax_delay = 0.5", text, flags=re.MULTILINE)
        (folder / f"{name}.toml").write_text(text, "utf-8")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")},
        "TRACKER_PROVIDERS_DIR": str(folder),
        "TRACKER_DATABASE_URL": f"sqlite:///{tmp_path}/t.db",
        "TRACKER_API_KEY": API_KEY,
        "TRACKER_CALLBACK_SECRET": SECRET,
        "TRACKER_ALLOWED_NETWORKS": "127.0.0.0/8",
        "TRACKER_RETRY_SCHEDULE": ",".join(["200ms"] * 50),
    }


async def test_no_event_is_lost_or_doubled_by_kills_at_random_moments(environ, tmp_path):
    seed = random.SystemRandom().randrange(10**9)
    print("seed", seed)  # noqa: T201 - pytest shows it when the test fails
    dice = random.Random(seed)  # noqa: S311 - it shuffles, it hides nothing
    world = World(lambda: datetime.now(UTC))
    inbox = Inbox(world.now, SECRET)
    process = Process(environ, tmp_path / "log", dice)
    async with AsyncExitStack() as stack:
        environ |= await stack.enter_async_context(serve_simulators(world))
        callbacks = await stack.enter_async_context(serve(receiver.app(inbox)))
        port = free_port()
        environ["TRACKER_PORT"] = str(port)
        world.asked = inbox.arrived = process.notice_request
        upkeep = asyncio.create_task(process.keep_up())
        try:
            async with asyncio.timeout(240):
                await register_all(world, dice, f"http://127.0.0.1:{port}", callbacks)
            await asyncio.wait_for(upkeep, 240)
            async with asyncio.timeout(120):
                await inbox.until(lambda arrivals: len(finals(arrivals)) == JOBS)
            await settle(f"http://127.0.0.1:{port}")
            assert await process.stop() == 0
        finally:
            upkeep.cancel()
            if process.started[-1].returncode is None:
                process.started[-1].kill()
    assert process.kills == KILLS
    await check_store(environ["TRACKER_DATABASE_URL"], world, inbox)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def register_all(world: World, dice: random.Random, url: str, callbacks: str) -> None:
    """Registers every job, again and again until the service has said that it has it."""
    makers = [
        ("scenario", "job", scenario_scripts.success),
        ("scenario", "job", scenario_scripts.failure),
        ("wondercat", "inference", lambda seconds: wondercat.success("inference", seconds)),
        ("decart", "job", decart.success),
    ]
    headers = {"authorization": f"Bearer {API_KEY}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=5) as client:
        for number in range(JOBS):
            provider, kind, make = dice.choice(makers)
            job = world.add(provider, kind, make(dice.uniform(0.2, 8)), job_id=f"r{number}")
            body = {
                "provider": provider,
                "kind": kind,
                "remote_id": job.id,
                "callback_url": f"{callbacks}/{job.id}",
                "events": ["job.*"],
            }
            assert (await post_until_answered(client, body)) in (200, 201)


async def post_until_answered(client: httpx.AsyncClient, body: dict[str, object]) -> int:
    while True:
        try:
            return (await client.post("/v1/jobs", json=body)).status_code
        except httpx.TransportError:
            # The service is down; the connection is refused until it listens again.
            await asyncio.sleep(0.02)


async def settle(url: str) -> None:
    """Returns once no delivery is pending any more: the last attempts are written after they arrived."""
    headers = {"authorization": f"Bearer {API_KEY}"}
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=5) as client,
        asyncio.timeout(60),
    ):
        while (await client.get("/v1/deliveries?status=pending")).json()["data"]:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


def finals(arrivals) -> set[str]:
    ends = ("job.succeeded", "job.failed", "job.canceled", "job.expired")
    return {arrival.path for arrival in arrivals if arrival.json["type"] in ends}


async def check_store(url: str, world: World, inbox: Inbox) -> None:
    """Compares what the store says with what the world was and with what arrived."""
    bodies = defaultdict(set)
    for arrival in inbox.arrivals:
        assert arrival.error is None
        bodies[arrival.webhook_id].add(arrival.body)
    assert all(len(same) == 1 for same in bodies.values()), "a repeat carries the same bytes"
    database = Database.open(url)
    try:
        jobs, events = Jobs(database, deliveries_of, most_overdue), Events(database)
        deliveries = Deliveries(database, RULES)
        told: Counter[str] = Counter()
        page = await jobs.find(JobFilter(), 1000)
        assert len(page.rows) == JOBS
        for job in page.rows:
            await check_job(job, world, jobs, events, told)
        assert set(told) == set(bodies), "what was announced arrived, and nothing else did"
        assert set(told.values()) == {1}
        assert {d.status.value for d in (await deliveries.find(DeliveryFilter(), 10_000)).rows} == {"delivered"}
        assert await jobs.recover_leases(None) == 0, "SIGTERM gives every lease back"
        assert await deliveries.recover_leases(None) == 0
    finally:
        database.close()


async def check_job(job, world: World, jobs: Jobs, events: Events, told: Counter[str]) -> None:
    history = await jobs.history(job.id)
    assert [row.sequence for row in history] == list(range(1, len(history) + 1))
    assert [row.status.is_final for row in history] == [False] * (len(history) - 1) + [True]
    expected = "failed" if world.jobs[job.remote_id].script[-1].status == "failure" else "succeeded"
    assert job.status.value == expected
    announced = list(reversed((await events.of_job(job.id, 200)).rows))
    told.update(event.id for event in announced)
    transitions = [event for event in announced if event.type not in ("job.progress", "job.step")]
    assert [event.type for event in transitions] == [f"job.{row.status.value}" for row in history]
