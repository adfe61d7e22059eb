"""One job: how it stands and how it came to that, and what may be done about it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tracker.dashboard.asking import at
from tracker.dashboard.graph import graph_of
from tracker.dashboard.media import media_in
from tracker.dashboard.timeline import timeline_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from tracker.dashboard.visits import Visit

_EXPANDED = (("expand", "history,polls,steps,reading"),)
_LAST = (("limit", "50"),)


async def show(visit: Visit) -> Response:
    """`GET /jobs/{id}`."""
    path = _path(visit)
    job, deliveries, events = await asyncio.gather(
        visit.api.get(path, _EXPANDED),
        visit.api.get(f"{path}/deliveries", _LAST),
        visit.api.get(f"{path}/events", _LAST),
    )
    return visit.page(
        "job.html",
        shows_media=True,
        job=job,
        plot=timeline_of(job, job["history"], job["poll_times"], visit.now),
        graph=graph_of(job["steps"]),
        media=media_in(job["output"]),
        deliveries=deliveries,
        events=events,
        can_cancel=await _can_cancel(visit, job["provider"], job["kind"]),
    )


async def poll(visit: Visit) -> Response:
    """`POST /jobs/{id}/poll`."""
    await visit.api.post(f"{_path(visit)}/poll")
    return visit.go(_page(visit))


async def cancel(visit: Visit) -> Response:
    """`POST /jobs/{id}/cancel`."""
    await visit.api.post(f"{_path(visit)}/cancel")
    return visit.go(_page(visit))


async def forget(visit: Visit) -> Response:
    """`POST /jobs/{id}/forget`."""
    await visit.api.delete(_path(visit))
    return visit.go("/jobs")


def _path(visit: Visit) -> str:
    return at("v1", "jobs", visit.id())


def _page(visit: Visit) -> str:
    return at("jobs", visit.id())


async def _can_cancel(visit: Visit, provider: str, kind: str) -> bool:
    """Whether the provider can be asked to; of one whose description is gone nothing is known."""
    known = {each["name"]: each["kinds"] for each in (await visit.api.get("/v1/providers"))["data"]}
    return bool(known.get(provider, {}).get(kind, {}).get("cancels"))
