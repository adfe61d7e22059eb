"""Three replicas on one PostgreSQL: one is killed, one paused, the server restarts; nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
import signal
import sys
from collections import Counter, defaultdict
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

import tracker.providers
from tests.test_crash import finals, free_port
from tracker.demo import receiver
from tracker.demo.receiver import Inbox
from tracker.demo.server import serve
from tracker.demo.simulators import World, decart
from tracker.fleet import LEASE
from tracker.rules.signing import new_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Receive, Send
    from starlette.types import Scope as AsgiScope

JOBS = 2000
REPLICAS = 3
ORIGINS = 6
"""Each is a subscriber of its own."""

BUDGET = 200
GUARD = 400
API_KEY = "key-of-the-replicas"
SECRET = new_secret(bytes(range(33)))
HEADERS = {"authorization": f"Bearer {API_KEY}"}


@dataclass
class Upstream:
    """Decart as it is simulated, a little slow, and what is seen from its side."""

    app: ASGIApp
    asked: list[float] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    under_way: Counter[str] = field(default_factory=Counter)
    twice_at_once: list[tuple[float, str]] = field(default_factory=list)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        loop, path = asyncio.get_running_loop(), scope["path"]
        self.asked.append(loop.time())
        self.paths.add(path)
        if self.under_way[path]:
            self.twice_at_once.append((loop.time(), path))
        self.under_way[path] += 1
        try:
            await asyncio.sleep(0.02)
            await self.app(scope, receive, send)
        finally:
            self.under_way[path] -= 1

    async def is_asked_so_often(self, count: int) -> None:
        """Returns once so many requests came within a second."""
        while most_within_a_second(self.asked[-count:]) < count:  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.05)


def most_within_a_second(times: Sequence[float]) -> int:
    first, most = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


@dataclass
class Replica:
    """`tracker up` as a process."""

    environ: dict[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environ['TRACKER_PORT']}"

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tracker", "up", env=self.environ, stdout=log, stderr=log
            )

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self) -> int:
        assert self.process is not None
        return await self.process.wait()


def environ_of(url: str, upstream: str, providers: Path) -> dict[str, str]:
    providers.mkdir()
    text = Path(tracker.providers.__path__[0], "decart.toml").read_text("utf-8")
    text = re.sub(r"^(cap|typical|delay_per_poll|multiplier) = .*\n", "", text, flags=re.MULTILINE)
    (providers / "decart.toml").write_text(
        re.sub(r"^interval = .*$", "interval = 5", text, flags=re.MULTILINE), "utf-8"
    )
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")},
        "TRACKER_PROVIDERS_DIR": str(providers),
        "TRACKER_DATABASE_URL": url,
        "TRACKER_API_KEY": API_KEY,
        "TRACKER_CALLBACK_SECRET": SECRET,
        "TRACKER_ALLOWED_NETWORKS": "127.0.0.0/8",
        "TRACKER_RETRY_SCHEDULE": ",".join(["200ms"] * 50),
        "TRACKER_DECART_BASE_URL": f"{upstream}{decart.BASE_PATH}",
        "TRACKER_DECART_REQUESTS_PER_SECOND": str(BUDGET),
        "TRACKER_DECART_CONCURRENT": str(BUDGET),
        "DECART_API_KEY": "simulated-decart",
    }


async def test_nothing_is_lost_or_doubled_whatever_happens_to_replicas_and_database(postgres, tmp_path):
    seed = random.SystemRandom().randrange(10**9)
    print("seed", seed)  # noqa: T201 - pytest shows it when the test fails
    world = World(lambda: datetime.now(UTC))
    inbox = Inbox(world.now, SECRET)
    upstream = Upstream(decart.app(world, "simulated-decart"))
    url = postgres.empty_url()
    async with AsyncExitStack() as stack, asyncio.timeout(GUARD):
        origins = [await stack.enter_async_context(serve(receiver.app(inbox))) for _ in range(ORIGINS)]
        environ = environ_of(url, await stack.enter_async_context(serve(upstream)), tmp_path / "providers")
        replicas = [
            Replica(environ | {"TRACKER_PORT": str(free_port())}, tmp_path / f"log-{number}")
            for number in range(REPLICAS)
        ]
        stack.push_async_callback(kill_all, replicas)
        # All of them migrate the empty database; one does, and the others wait for it.
        await asyncio.gather(*(replica.start() for replica in replicas))
        await replicas_in(url, REPLICAS)
        registering = asyncio.create_task(register_all(world, random.Random(seed), replicas, origins))  # noqa: S311 - it shuffles

        async def so_many_ended(count: int) -> None:
            await inbox.until(lambda arrivals: len(finals(arrivals)) >= count)

        killed, paused, lucky = replicas
        await so_many_ended(JOBS // 10)
        killed.send(signal.SIGKILL)
        await so_many_ended(JOBS // 5)
        paused.send(signal.SIGSTOP)
        await asyncio.to_thread(postgres.stop)
        async with httpx.AsyncClient(base_url=lucky.url, headers=HEADERS, trust_env=False) as client:
            unready, refused = await client.get("/readyz"), await client.get("/v1/jobs")
        await asyncio.to_thread(postgres.start)
        assert unready.status_code == 503
        assert "The database cannot be reached." in unready.json()["reasons"]
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        await replicas_in(url, 1)
        awake_at = asyncio.get_running_loop().time()
        paused.send(signal.SIGCONT)
        await replicas_in(url, 2)
        await registering
        await so_many_ended(JOBS)
        await delivered(lucky.url)
        for replica in (paused, lucky):
            replica.send(signal.SIGTERM)
            assert await replica.ended() == 0, replica.log.read_text()
    check_arrivals(inbox)
    check_database(url, inbox)
    assert most_within_a_second([at for at in upstream.asked if at < awake_at]) <= BUDGET
    # What was about to be sent when it was paused may be sent when it wakes up.
    assert [path for at, path in upstream.twice_at_once if at < awake_at] == []


async def test_pace_of_a_killed_replica_is_taken_up_when_its_lease_is_over(postgres, tmp_path):
    world = World(lambda: datetime.now(UTC))
    upstream = Upstream(decart.app(world, "simulated-decart"))
    url, pace = postgres.empty_url(), 60
    async with AsyncExitStack() as stack, asyncio.timeout(GUARD):
        environ = environ_of(url, await stack.enter_async_context(serve(upstream)), tmp_path / "providers")
        environ["TRACKER_DECART_REQUESTS_PER_SECOND"] = str(pace)
        replicas = [
            Replica(environ | {"TRACKER_PORT": str(free_port())}, tmp_path / f"log-{number}") for number in range(2)
        ]
        stack.push_async_callback(kill_all, replicas)
        await asyncio.gather(*(replica.start() for replica in replicas))
        await replicas_in(url, 2)
        # They want to be polled twice as often as the account allows.
        jobs = [world.add("decart", "job", decart.success(3600)) for _ in range(10 * pace)]
        bodies = [{"provider": "decart", "remote_id": job.id} for job in jobs]
        async with httpx.AsyncClient(headers=HEADERS, trust_env=False) as client:
            (await client.post(f"{replicas[0].url}/v1/jobs/batch", json={"jobs": bodies})).raise_for_status()
        await upstream.is_asked_so_often(most := pace * 9 // 10)
        replicas[0].send(signal.SIGKILL)
        killed_at = asyncio.get_running_loop().time()
        upstream.asked.clear()
        upstream.paths.clear()
        await upstream.is_asked_so_often(most)
        seconds = asyncio.get_running_loop().time() - killed_at
        assert most_within_a_second(upstream.asked) <= pace
        while len(upstream.paths) < len(jobs):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.1)
    # Its lease ran for 8 s at most, and the others look every 2 s; the rest is for a busy machine.
    assert seconds < 2 * LEASE.total_seconds(), seconds


async def kill_all(replicas: list[Replica]) -> None:
    for replica in replicas:
        with suppress(ProcessLookupError):
            replica.send(signal.SIGKILL)
        await replica.ended()


async def replicas_in(url: str, count: int) -> None:
    """Returns once so many replicas report to the database."""
    while await asyncio.to_thread(count_of, url, "replicas WHERE seen_until > now()") != count:  # noqa: ASYNC110 - other processes
        await asyncio.sleep(0.1)


def count_of(url: str, rows: str) -> int:
    with suppress(psycopg.Error), psycopg.connect(url) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {rows}").fetchone() or (-1,)  # noqa: S608 - our own words
        return int(count)
    return -1


async def register_all(world: World, dice: random.Random, replicas: list[Replica], origins: list[str]) -> None:
    """Registers every job with one replica or another, again and again until one has said that it has it."""
    numbers = iter(range(JOBS))
    turns = itertools.cycle(replicas)

    async def register_some(client: httpx.AsyncClient) -> None:
        for number in numbers:
            job = world.add("decart", "job", decart.success(dice.uniform(1, 15)), job_id=f"r{number}")
            callback = f"{origins[number % ORIGINS]}/{job.id}"
            body = {"provider": "decart", "remote_id": job.id, "callback_url": callback, "events": ["job.*"]}
            while not await is_registered(client, next(turns).url, body):  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)

    async with httpx.AsyncClient(headers=HEADERS, trust_env=False, timeout=3) as client:
        await asyncio.gather(*(register_some(client) for _ in range(12)))


async def is_registered(client: httpx.AsyncClient, url: str, body: dict[str, Any]) -> bool:
    try:
        answer = await client.post(f"{url}/v1/jobs", json=body)
    except httpx.TransportError:
        return False
    assert answer.status_code in (200, 201, 503), answer.text
    return answer.status_code != 503


async def delivered(url: str) -> None:
    """Returns once no delivery is pending any more: the last attempts are written after they arrived."""
    async with httpx.AsyncClient(base_url=url, headers=HEADERS, trust_env=False, timeout=5) as client:
        while (await client.get("/v1/deliveries?status=pending")).json()["data"]:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


def check_arrivals(inbox: Inbox) -> None:
    bodies, ids = defaultdict(set), defaultdict(set)
    for arrival in inbox.arrivals:
        assert arrival.error is None
        bodies[arrival.webhook_id].add(arrival.body)
        ids[arrival.path, arrival.json["type"]].add(arrival.webhook_id)
    assert all(len(same) == 1 for same in bodies.values()), "a repeat carries the same bytes"
    assert all(len(same) == 1 for same in ids.values()), "an event has one id, whoever found it out"
    assert len(finals(inbox.arrivals)) == JOBS


def check_database(url: str, inbox: Inbox) -> None:
    assert count_of(url, "jobs") == JOBS
    assert count_of(url, "jobs WHERE status = 'succeeded'") == JOBS
    assert count_of(url, "transitions WHERE status = 'succeeded'") == JOBS
    assert count_of(url, "events") == len({arrival.webhook_id for arrival in inbox.arrivals})
    assert count_of(url, "deliveries WHERE status <> 'delivered'") == 0
    gaps = "(SELECT job_id FROM transitions GROUP BY job_id HAVING count(*) <> max(sequence)) AS gaps"
    assert count_of(url, gaps) == 0
    assert count_of(url, "jobs WHERE leased_until IS NOT NULL") == 0, "SIGTERM gives every lease back"
    assert count_of(url, "replicas") == 0
