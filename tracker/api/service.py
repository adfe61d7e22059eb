"""The service about itself: health, readiness, and what it signs with."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from starlette.responses import Response

from tracker.api.context import context_of
from tracker.api.pages import json_response

if TYPE_CHECKING:
    from starlette.requests import Request


async def healthz(_request: Request) -> Response:
    """`GET /healthz`: the process answers."""
    return json_response({"status": "ok"})


async def readyz(request: Request) -> Response:
    """`GET /readyz`: 200 when the service works, else 503 with the reasons."""
    reasons = await context_of(request).unready()
    if reasons:
        return json_response({"status": "unready", "reasons": reasons}, 503)
    return json_response({"status": "ready"})


async def metrics(request: Request) -> Response:
    """`GET /metrics`: for Prometheus."""
    body, media_type = await context_of(request).scrape(request.headers.get("accept", ""))
    return Response(body, headers={"content-type": media_type})


async def webhook_keys(request: Request) -> Response:
    """`GET /.well-known/tracker-webhook-keys`: the public keys that `v1a` signatures verify with; open to all."""
    public_key = context_of(request).public_key
    key_id = hashlib.sha256(public_key.encode()).hexdigest()[:16]
    key = {"id": key_id, "algorithm": "ed25519", "signature": "v1a", "public_key": public_key}
    return json_response({"keys": [key]})


async def callback_secret(request: Request) -> Response:
    """`GET /v1/callback-secret`: admin keys only."""
    return json_response({"secret": context_of(request).callback_secret}, headers={"cache-control": "no-store"})
