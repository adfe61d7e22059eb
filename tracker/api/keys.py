"""API keys over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from store.keys import LastAdminKeyError
from store.records import ApiKey
from tracker.api.bodies import KeyBody, read_body
from tracker.api.context import Context, context_of
from tracker.api.idempotency import answer_to_keep
from tracker.api.pages import json_response, list_response, page_of
from tracker.api.payloads import key_payload
from tracker.api.problems import ApiError, not_found, wrong_field
from tracker.rules.keys import NEW_KEY_BYTES, key_digest, last_characters, new_key
from tracker.rules.payload import rfc3339

if TYPE_CHECKING:
    from starlette.requests import Request


async def create(request: Request) -> Response:
    """`POST /v1/keys`: the answer shows the key, this once."""
    context = context_of(request)
    key = new_key(context.surroundings.entropy(NEW_KEY_BYTES))
    made = _made(context, await read_body(request, KeyBody), key)
    response = json_response(
        key_payload(made, None) | {"key": key},
        201,
        {"location": f"/v1/keys/{made.id}", "cache-control": "no-store"},
    )
    await context.key_ring.add(made, answer_to_keep(request, response))
    return response


async def index(request: Request) -> Response:
    """`GET /v1/keys`: those that were revoked or have expired too."""
    limit, after = page_of(request, "key_")
    context = context_of(request)
    page = await context.keys.find(limit, after)
    rows = [key_payload(key, context.key_ring.last_used_at(key)) for key in page.rows]
    return list_response(request, rows, page.next_after)


async def show(request: Request) -> Response:
    """`GET /v1/keys/{id}`."""
    context = context_of(request)
    key_id = request.path_params["id"]
    key = await context.keys.get(key_id)
    if key is None:
        raise not_found("key", key_id)
    return json_response(key_payload(key, context.key_ring.last_used_at(key)))


async def revoke(request: Request) -> Response:
    """`DELETE /v1/keys/{id}`: it counts at once, and for good."""
    key_id = request.path_params["id"]
    try:
        key = await context_of(request).key_ring.revoke(key_id)
    except LastAdminKeyError as error:
        way_out = "Make another admin key first, or start the service with TRACKER_API_KEY."
        raise ApiError(409, f"{error} {way_out}") from error
    if key is None:
        raise not_found("key", key_id)
    return Response(status_code=204)


def _made(context: Context, body: KeyBody, key: str) -> ApiKey:
    """The key as it is stored. Raises ApiError 422."""
    now = context.surroundings.now()
    if body.expires_at is not None and body.expires_at <= now:
        raise wrong_field("/expires_at", f"{rfc3339(body.expires_at)} is over; give a time to come.")
    return ApiKey(
        id=context.surroundings.new_id("key"),
        name=body.name,
        scope=body.scope,
        digest=key_digest(key),
        created_at=now,
        last4=last_characters(key),
        expires_at=body.expires_at,
    )
