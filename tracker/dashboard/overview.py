"""How the service stands, and what it did of late."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from store.records import FINAL_STATUSES, Status
from tracker.dashboard.trends import edges_of, trends_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from tracker.dashboard.visits import Visit

_SPANS = {"60": "hour", "360": "6 hours", "1440": "day"}
_USUAL = "60"
_PENDING = [status.value for status in Status if status not in FINAL_STATUSES]


async def show(visit: Visit) -> Response:
    """`GET /`: how many minutes are plotted is in the address."""
    minutes = visit.request.query_params.get("minutes", _USUAL)
    now, activity = await asyncio.gather(
        visit.api.get("/v1/overview"), visit.api.get("/v1/activity", [("minutes", minutes)])
    )
    trends = trends_of(activity)
    counts = now["jobs"]["by_status"]
    return visit.page(
        "overview.html",
        now=now,
        statuses=[status.value for status in Status],
        pending=sum(counts[status] for status in _PENDING),
        pending_query=urlencode([("status", status) for status in _PENDING]),
        is_idle=not any(counts.values()),
        troubles=_troubles(now),
        trends=trends,
        has_trends=any(not trend.is_empty for trend in trends),
        edges=edges_of(activity),
        minutes=minutes,
        spans=_SPANS,
    )


def _troubles(now: dict[str, Any]) -> bool:
    """Whether something is there that people should look at."""
    return bool(now["accounts"] or now["breakers"] or now["deliveries"]["held_subscribers"])
