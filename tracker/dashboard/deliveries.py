"""The deliveries, by the filters of the API."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from store.records import DeliveryStatus
from tracker.dashboard.filters import filters_of, path_beyond

if TYPE_CHECKING:
    from starlette.responses import Response

    from tracker.dashboard.visits import Visit

_MANY = (("limit", "200"),)
_DELIVERY_ID = re.compile(r"dlv_[0-9a-z]{26}", re.ASCII)


async def index(visit: Visit) -> Response:
    """`GET /deliveries`: the filter is in the address, and nothing else."""
    filters = filters_of(visit.request)
    if path := path_beyond(visit.request, filters, "event_id", _DELIVERY_ID):
        return visit.go(path)
    page, subscriptions = await asyncio.gather(
        visit.api.get("/v1/deliveries", filters.pairs), visit.api.get("/v1/subscriptions", _MANY)
    )
    return visit.page(
        "deliveries.html",
        deliveries=page["data"],
        urls={each["id"]: each["callback_url"] for each in subscriptions["data"]},
        next_cursor=page["next_cursor"],
        filters=filters,
        statuses=[status.value for status in DeliveryStatus],
    )
