"""Subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.responses import Response

    from tracker.dashboard.visits import Visit


async def index(visit: Visit) -> Response:
    """`GET /subscriptions`."""
    return visit.page("subscriptions.html")
