"""Overview."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.responses import Response

    from tracker.dashboard.visits import Visit


async def show(visit: Visit) -> Response:
    """`GET /`."""
    return visit.page("overview.html")
