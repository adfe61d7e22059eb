"""Replays of a subscription over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.deliveries import SubscriptionGoneError
from store.records import Replay, Subscription
from tracker.api.bodies import ReplayBody, read_body
from tracker.api.callbacks import refuse_unusable_callback
from tracker.api.context import Context, context_of
from tracker.api.idempotency import answer_to_keep
from tracker.api.pages import json_response, list_response, page_of
from tracker.api.payloads import replay_payload
from tracker.api.problems import not_found, wrong_field
from tracker.api.subscriptions import subscription_of
from tracker.rules.payload import rfc3339

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def create(request: Request) -> Response:
    """`POST /v1/subscriptions/{id}/replay`: sends again what happened in a span of time."""
    context = context_of(request)
    body = await read_body(request, ReplayBody)
    refuse_unusable_callback(context, None, body.events)
    subscription = await subscription_of(request)
    replay = _replay(context, subscription, body)
    try:
        replay = await context.start_replay(replay, lambda begun: answer_to_keep(request, _told(begun)))
    except SubscriptionGoneError as error:
        raise not_found("subscription", subscription.id) from error
    return _told(replay)


async def index(request: Request) -> Response:
    """`GET /v1/subscriptions/{id}/replays`."""
    limit, after = page_of(request, "rpl_")
    subscription = await subscription_of(request)
    page = await context_of(request).replays.find(subscription.id, limit, after)
    return list_response(request, map(replay_payload, page.rows), page.next_after)


async def show(request: Request) -> Response:
    """`GET /v1/subscriptions/{id}/replays/{replay_id}`: how far it is."""
    replay_id = request.path_params["replay_id"]
    replay = await context_of(request).replays.get(replay_id)
    if replay is None or replay.subscription_id != request.path_params["id"]:
        raise not_found("replay", replay_id)
    return json_response(replay_payload(replay))


def _told(replay: Replay) -> Response:
    location = f"/v1/subscriptions/{replay.subscription_id}/replays/{replay.id}"
    return json_response(replay_payload(replay), 202, {"location": location})


def _replay(context: Context, subscription: Subscription, body: ReplayBody) -> Replay:
    now = context.surroundings.now()
    # What has not happened yet is told when it does.
    until = min(body.until or now, now)
    if body.since >= until:
        end = "until" if until < now else "now"
        detail = f"since is {rfc3339(body.since)}, which is not before {end} ({rfc3339(until)}); give an earlier time."
        raise wrong_field("/since", detail)
    return Replay(
        id=context.surroundings.new_id("rpl"),
        subscription_id=subscription.id,
        since=body.since,
        until=until,
        events=tuple(body.events or subscription.filter.events),
        only_failed=body.only_failed,
        rate=body.rate,
        total=0,
        created_at=now,
        next_at=now,
    )
