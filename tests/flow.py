"""Lets the whole service live on a clock that the test moves: due polls and deliveries happen, and nothing sleeps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from store.records import PollShare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from store.records import Job
    from tests.conftest import Clock
    from tracker.demo.stage import Stage


async def live(stage: Stage, clock: Clock, seconds: float) -> None:
    """Lets so many seconds pass, with all that falls due meanwhile, at its time."""
    end = clock.at + timedelta(seconds=seconds)
    while True:
        due = await _do_what_is_due(stage)
        if due is None or due > end:
            break
        clock.at = max(clock.at, due)
    clock.at = end


async def _do_what_is_due(stage: Stage) -> Any:
    """Ticks until nothing more is due now; returns when something is."""
    while True:
        before = _done(stage)
        times = [await stage.service.poller.tick()]
        await stage.service.poller.drain()
        times.append(await stage.service.deliverer.tick())
        await stage.service.deliverer.drain()
        if _done(stage) == before:
            return min((at for at in times if at is not None), default=None)


def _done(stage: Stage) -> tuple[int, int]:
    return stage.world.requests, len(stage.inbox.arrivals)


async def claim_due(stage: Stage, now: datetime, lease: timedelta) -> Sequence[Job]:
    """Takes a lease on all jobs that are due, as a loop does that is then killed."""
    jobs = stage.service.jobs
    lanes = tuple(lane.name for lane in await jobs.lanes())
    return (await jobs.claim([PollShare(lanes, 100, now)], now, now + lease)).jobs


async def register(stage: Stage, **body: Any) -> dict[str, Any]:
    """Tracks a job with a callback to a path of its own."""
    body.setdefault("callback_url", f"{stage.callbacks}/{body['remote_id']}")
    answer = await stage.client.post("/v1/jobs", json=body)
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def fetch(stage: Stage, path: str) -> Any:
    """What the API says."""
    answer = await stage.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(stage: Stage, remote_id: str) -> list[str]:
    """The types of the events that arrived for a job, each once, in order; every signature holds."""
    arrivals = [arrival for arrival in stage.inbox.arrivals if arrival.path == f"/{remote_id}"]
    assert [arrival.error for arrival in arrivals] == [None] * len(arrivals)
    return list({arrival.webhook_id: arrival.json["type"] for arrival in arrivals}.values())
