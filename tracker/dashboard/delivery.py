"""One delivery: how it stands, why, and each attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracker.dashboard.asking import RefusedError, at

if TYPE_CHECKING:
    from starlette.responses import Response

    from tracker.dashboard.visits import Visit


async def show(visit: Visit) -> Response:
    """`GET /deliveries/{id}`."""
    delivery = await visit.api.get(at("v1", "deliveries", visit.id()))
    return visit.page("delivery.html", delivery=delivery, subscription=await _subscription(visit, delivery))


async def retry(visit: Visit) -> Response:
    """`POST /deliveries/{id}/retry`."""
    await visit.api.post(f"{at('v1', 'deliveries', visit.id())}/retry")
    return visit.go(at("deliveries", visit.id()))


async def _subscription(visit: Visit, delivery: dict[str, Any]) -> dict[str, Any] | None:
    """Whom it is for, unless that is a job's own callback or was removed since."""
    if delivery["subscription_id"] is None:
        return None
    try:
        return await visit.api.get(at("v1", "subscriptions", delivery["subscription_id"]))
    except RefusedError as refused:
        if refused.status != 404:
            raise
        return None
