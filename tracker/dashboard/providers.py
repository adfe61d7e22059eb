"""The providers: how their accounts stand, and what is learned of their jobs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from store.records import FINAL_STATUSES, Status
from tracker.dashboard.asking import at
from tracker.dashboard.learned import learned
from tracker.dashboard.trends import edges_of, trends_of_provider

if TYPE_CHECKING:
    from starlette.responses import Response

    from tracker.dashboard.visits import Visit

Json = dict[str, Any]

_PENDING = [status.value for status in Status if status not in FINAL_STATUSES]
_NO_JOBS = dict.fromkeys((status.value for status in Status), 0)


async def index(visit: Visit) -> Response:
    """`GET /providers`: first those that can be polled."""
    listed, now = await asyncio.gather(visit.api.get("/v1/providers"), visit.api.get("/v1/overview"))
    rows = [_with_jobs(each, now["jobs"]["by_provider"].get(each["name"])) for each in listed["data"]]
    is_ready = {row["name"]: any(account["has_credentials"] for account in row["accounts"]) for row in rows}
    return visit.page(
        "providers.html",
        ready=[row for row in rows if is_ready[row["name"]] or row["has_jobs"]],
        others=[row for row in rows if not is_ready[row["name"]] and not row["has_jobs"]],
    )


async def show(visit: Visit) -> Response:
    """`GET /providers/{name}`."""
    provider, now, activity = await asyncio.gather(
        visit.api.get(at("v1", "providers", visit.id("name"))),
        visit.api.get("/v1/overview"),
        visit.api.get("/v1/activity"),
    )
    return visit.page(
        "provider.html",
        provider=provider,
        learned=[learned(row) for row in provider["learned"]],
        now=now,
        statuses=[status.value for status in Status],
        trends=[trend for trend in trends_of_provider(activity, provider["name"]) if not trend.is_empty],
        edges=edges_of(activity),
    )


def _with_jobs(provider: Json, jobs: Json | None) -> Json:
    counts = jobs or _NO_JOBS
    query = urlencode([("provider", provider["name"]), *(("status", status) for status in _PENDING)])
    pending = sum(counts[status] for status in _PENDING)
    return provider | {"jobs": counts, "has_jobs": jobs is not None, "pending": pending, "pending_query": query}
