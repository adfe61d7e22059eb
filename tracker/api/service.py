"""The service about itself: health, readiness, and the secret that signs the callbacks of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracker.api.context import context_of
from tracker.api.pages import json_response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def healthz(_request: Request) -> Response:
    """`GET /healthz`: the process answers."""
    return json_response({"status": "ok"})


async def readyz(request: Request) -> Response:
    """`GET /readyz`: 200 when the service works, else 503 with the reasons."""
    reasons = await context_of(request).unready()
    if reasons:
        return json_response({"status": "unready", "reasons": reasons}, 503)
    return json_response({"status": "ready"})


async def callback_secret(request: Request) -> Response:
    """`GET /v1/callback-secret`: admin keys only."""
    return json_response({"secret": context_of(request).callback_secret}, headers={"cache-control": "no-store"})
