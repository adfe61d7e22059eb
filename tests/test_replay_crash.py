"""A replay whose process is killed in the middle goes on where it was: nothing is lost, nothing is queued twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from store.database import Database
from store.deliveries import Deliveries, DeliveryFilter, insert_deliveries
from store.events import insert_events
from store.records import DeliveryStatus, Event, Filter, Job, Secret, Status, Subscription
from store.subscriptions import Subscriptions
from tests.store.builders import RULES
from tests.test_crash import free_port
from tracker.demo import receiver
from tracker.demo.receiver import Inbox
from tracker.demo.server import serve
from tracker.rules.events import progress_event
from tracker.rules.fanout import to_subscription
from tracker.rules.payload import rfc3339
from tracker.rules.signing import new_secret

if TYPE_CHECKING:
    from pathlib import Path

EVENTS, RATE = 200, 100.0
KILLED_AT = (30, 130)
"""Arrivals: in the middle of each second's batch."""
IN_FLIGHT = 4
"""Deliveries that a subscriber is sent at a time: so many may come once more after a kill."""

API_KEY = "key-of-the-crash-test"
SECRET = new_secret(bytes(range(33)))
BEGAN = datetime.now(UTC) - timedelta(minutes=5)


@dataclass
class Process:
    """`tracker up` as a process that is killed at some arrivals, and started again."""

    environ: dict[str, str]
    log: Path
    arrivals: int = 0
    kills: list[int] = field(default_factory=lambda: list(KILLED_AT))
    running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tracker", "up", env=self.environ, stdout=log, stderr=log
            )

    def notice_arrival(self, _arrival: object) -> None:
        self.arrivals += 1
        if self.kills and self.arrivals >= self.kills[0] and self.running and self.running.returncode is None:
            self.kills.pop(0)
            self.running.kill()

    async def keep_up(self) -> None:
        """Starts the service again whenever it was killed."""
        while self.kills:
            await self.start()
            assert await self.running.wait() == -signal.SIGKILL, self.log.read_text()
        await self.start()


@pytest.fixture
def environ(tmp_path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")},
        "TRACKER_DATABASE_URL": f"sqlite:///{tmp_path}/t.db",
        "TRACKER_API_KEY": API_KEY,
        "TRACKER_ALLOWED_NETWORKS": "127.0.0.0/8",
        "TRACKER_RETRY_SCHEDULE": ",".join(["200ms"] * 50),
    }


def past_events() -> list[Event]:
    """Events of a job that was forgotten since."""
    job = Job(
        *("job_1", "scenario", "job", "default", "remote-1", 1, BEGAN, BEGAN),
        timeout_at=BEGAN,
        next_poll_at=BEGAN,
        status=Status.RUNNING,
    )
    return [
        progress_event(replace(job, announcements=number), BEGAN + timedelta(milliseconds=number))
        for number in range(EVENTS)
    ]


async def fill(url: str, callback_url: str, events: list[Event]) -> str:
    """A database in which a subscription was told of every other event; the subscription's id."""
    subscription = Subscription("sub_1", callback_url, Filter(("job.*",)), (Secret(SECRET),), BEGAN, BEGAN)
    arrived = {"status": DeliveryStatus.DELIVERED, "next_attempt_at": None, "delivered_at": BEGAN, "attempts": 1}
    told = [replace(to_subscription(event, subscription), **arrived) for event in events[::2]]
    with closing(Database.open(url)) as database:
        await Subscriptions(database).add(subscription)
        await database.write(lambda connection: insert_events(connection, events))
        await database.write(lambda connection: insert_deliveries(connection, told))
    return subscription.id


async def ask(client: httpx.AsyncClient, method: str, path: str, **options: object) -> dict[str, object]:
    """What the service answers, once it listens again."""
    while True:
        try:
            answer = await client.request(method, path, **options)
        except httpx.TransportError:
            await asyncio.sleep(0.02)
            continue
        assert answer.is_success, answer.text
        return answer.json()


async def test_kills_in_the_middle_of_a_replay_lose_and_repeat_nothing(environ, tmp_path):
    events = past_events()
    inbox = Inbox(lambda: datetime.now(UTC), SECRET)
    process = Process(environ, tmp_path / "log")
    async with AsyncExitStack() as stack:
        callbacks = await stack.enter_async_context(serve(receiver.app(inbox)))
        path = f"/v1/subscriptions/{await fill(environ['TRACKER_DATABASE_URL'], f'{callbacks}/hook', events)}"
        environ["TRACKER_PORT"] = str(free_port())
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{environ['TRACKER_PORT']}",
                headers={"authorization": f"Bearer {API_KEY}"},
                trust_env=False,
                timeout=5,
            )
        )
        inbox.arrived = process.notice_arrival
        upkeep = asyncio.create_task(process.keep_up())
        try:
            async with asyncio.timeout(120):
                body = {"since": rfc3339(BEGAN), "rate": RATE}
                made = await ask(client, "POST", f"{path}/replay", json=body)
                assert (made["status"], made["total"]) == ("running", EVENTS)
                await upkeep
                await inbox.until(lambda arrivals: len({each.webhook_id for each in arrivals}) == EVENTS)
                while (await ask(client, "GET", "/v1/deliveries?status=pending"))["data"]:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
                done = await ask(client, "GET", f"{path}/replays/{made['id']}")
            process.running.terminate()
            assert await process.running.wait() == 0
        finally:
            upkeep.cancel()
            if process.running and process.running.returncode is None:
                process.running.kill()
                await process.running.wait()
    assert (done["status"], done["total"], done["queued"]) == ("done", EVENTS, EVENTS)
    check_arrivals(inbox, events)
    await check_store(environ["TRACKER_DATABASE_URL"], events)


def check_arrivals(inbox: Inbox, events: list[Event]) -> None:
    assert {arrival.error for arrival in inbox.arrivals} == {None}
    assert {(arrival.webhook_id, arrival.body) for arrival in inbox.arrivals} == {
        (event.id, event.body) for event in events
    }
    assert len(inbox.arrivals) <= EVENTS + IN_FLIGHT * len(KILLED_AT)


async def check_store(url: str, events: list[Event]) -> None:
    with closing(Database.open(url)) as database:
        rows = (await Deliveries(database, RULES).find(DeliveryFilter(), 2 * EVENTS)).rows
    assert sorted(row.event_id for row in rows) == sorted(event.id for event in events)
    assert {row.status for row in rows} == {DeliveryStatus.DELIVERED}
    attempts = {row.event_id: row.attempts for row in rows}
    assert {attempts[event.id] for event in events[::2]} == {2}
    assert {attempts[event.id] for event in events[1::2]} == {1}
