"""The jobs, by the filters of the API."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from store.records import Status
from tracker.dashboard.filters import filters_of, path_beyond

if TYPE_CHECKING:
    from starlette.responses import Response

    from tracker.dashboard.visits import Visit

_JOB_ID = re.compile(r"job_[0-9a-z]{26}", re.ASCII)
"""An id of ours; what providers call their jobs may begin like it, but hardly goes on so."""

_UNCOMMON = ("account", "metadata.", "created_", "finished_")


async def index(visit: Visit) -> Response:
    """`GET /jobs`: the filter is in the address, and nothing else."""
    filters = filters_of(visit.request)
    if path := path_beyond(visit.request, filters, "remote_id", _JOB_ID):
        return visit.go(path)
    page, providers = await asyncio.gather(visit.api.get("/v1/jobs", filters.pairs), visit.api.get("/v1/providers"))
    return visit.page(
        "jobs.html",
        jobs=page["data"],
        next_cursor=page["next_cursor"],
        filters=filters,
        has_more=any(name.startswith(_UNCOMMON) for name, _ in filters.pairs),
        statuses=[status.value for status in Status],
        choices=_choices(providers["data"]),
    )


def _choices(providers: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What there is to choose from: of all providers, whichever is chosen."""
    return {
        "providers": [each["name"] for each in providers],
        "kinds": sorted({kind for each in providers for kind in each["kinds"]}),
        "accounts": sorted({account["name"] for each in providers for account in each["accounts"]}),
    }
