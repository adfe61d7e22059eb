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
    """Lets so many seconds pass, with all that falls due meanwhile, at its time.

    Ticks come when the loops ask for them, as from the metronome: a loop that forgets to ask sleeps here too.
    """
    end = clock.at + timedelta(seconds=seconds)
    due: datetime | None = clock.at
    while due is not None and due <= end:
        clock.at = max(clock.at, due)
        due = await _tick(stage)
    clock.at = end


async def _tick(stage: Stage) -> datetime | None:
    """Ticks the loops once; returns when the first of them asks to tick again."""
    service = stage.service
    await service.others.report()
    service.replay_beat._planned_at = None
    asked: list[datetime | None] = [await service.replayer.tick()]
    for beat, loop in ((service.poll_beat, service.poller), (service.deliver_beat, service.deliverer)):
        beat._planned_at = None
        asked.append(await loop.tick())
        await loop.drain()
    asked += [beat._planned_at for beat in (service.poll_beat, service.deliver_beat, service.replay_beat)]
    return min((at for at in asked if at is not None), default=None)


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
