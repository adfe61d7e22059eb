"""Subscriptions over REST."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from store.deliveries import SubscriptionGoneError
from store.records import Filter, Order, PayloadForm, Secret, Subscription
from tracker.api.bodies import SubscriptionBody, SubscriptionChanges, read_body
from tracker.api.callbacks import refuse_unusable_callback
from tracker.api.context import Context, context_of
from tracker.api.idempotency import answer_to_keep
from tracker.api.pages import json_response, list_response, page_of
from tracker.api.payloads import delivery_payload, subscription_payload
from tracker.api.problems import not_found, wrong_field
from tracker.providers.environment import ProviderError
from tracker.rules.events import DEFAULT_EVENTS, subscription_test_event
from tracker.rules.fanout import to_subscription
from tracker.rules.signing import NEW_SECRET_BYTES, new_secret, secret_flaw

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE = re.compile(r"[\x20-\x7e]*")
_OURS = ("webhook-", "content-")
_FORBIDDEN_HEADERS = ("host", "transfer-encoding", "connection", "expect")


async def create(request: Request) -> Response:
    """`POST /v1/subscriptions`: the answer shows the secret, this once."""
    context = context_of(request)
    body = await read_body(request, SubscriptionBody)
    _refuse_unusable(context, body)
    flaw = secret_flaw(body.secret) if body.secret is not None else None
    if flaw:
        raise wrong_field("/secret", flaw)
    subscription = _subscription(context, body)
    payload = subscription_payload(subscription) | {"secret": subscription.secrets[0].value}
    response = json_response(payload, 201, {"location": f"/v1/subscriptions/{subscription.id}"})
    await context.subscriptions.add(subscription, answer_to_keep(request, response))
    return response


async def index(request: Request) -> Response:
    """`GET /v1/subscriptions`."""
    limit, after = page_of(request)
    page = await context_of(request).subscriptions.find(limit, after)
    return list_response(request, map(subscription_payload, page.rows), page.next_after)


async def show(request: Request) -> Response:
    """`GET /v1/subscriptions/{id}`."""
    return json_response(subscription_payload(await _subscription_of(request)))


async def change(request: Request) -> Response:
    """`PATCH /v1/subscriptions/{id}`: `from_now` cancels what it has collected."""
    context = context_of(request)
    body = await read_body(request, SubscriptionChanges)
    _refuse_unusable(context, body)
    subscription_id, now = request.path_params["id"], context.surroundings.now()
    changed = await context.subscriptions.change(
        subscription_id, lambda before: _changed(before, body, now), from_now=body.from_now
    )
    if changed is None:
        raise not_found("subscription", subscription_id)
    context.deliver()
    return json_response(subscription_payload(changed))


async def remove(request: Request) -> Response:
    """`DELETE /v1/subscriptions/{id}`: what waits for it is canceled."""
    context = context_of(request)
    subscription_id = request.path_params["id"]
    if not await context.subscriptions.remove(subscription_id, context.surroundings.now()):
        raise not_found("subscription", subscription_id)
    return Response(status_code=204)


async def test(request: Request) -> Response:
    """`POST /v1/subscriptions/{id}/test`: sends it a `subscription.test` event."""
    context = context_of(request)
    subscription = await _subscription_of(request)
    nonce = context.surroundings.entropy(16).hex()
    event = subscription_test_event(subscription.id, nonce, context.surroundings.now())
    delivery = to_subscription(event, subscription)
    response = json_response(delivery_payload(delivery, (), shows_private=False), 202)
    try:
        await context.deliveries.add_test(event, delivery, answer_to_keep(request, response))
    except SubscriptionGoneError as error:
        raise not_found("subscription", subscription.id) from error
    context.deliver()
    return response


def _subscription(context: Context, body: SubscriptionBody) -> Subscription:
    now = context.surroundings.now()
    secret = body.secret or new_secret(context.surroundings.entropy(NEW_SECRET_BYTES))
    return Subscription(
        id=context.surroundings.new_id("sub"),
        callback_url=body.callback_url,
        filter=Filter(tuple(body.events or DEFAULT_EVENTS), tuple(body.providers), tuple(body.kinds), tuple(body.tags)),
        secrets=(Secret(secret),),
        created_at=now,
        updated_at=now,
        description=body.description,
        headers=body.headers,
        payload=body.payload,
        order=body.order,
        max_in_flight=body.max_in_flight,
    )


def _changed(before: Subscription, body: SubscriptionChanges, now: datetime) -> Subscription:
    """The subscription with the fields that are named; null is what a new one has where nothing is said."""
    named = body.model_dump(include=body.model_fields_set - {"from_now", "status"})
    unsaid: dict[str, Any] = {
        "events": DEFAULT_EVENTS,
        **dict.fromkeys(("providers", "kinds", "tags"), ()),
        "headers": {},
        "payload": PayloadForm.FULL,
        "order": Order.NONE,
        "callback_url": before.callback_url,
    }
    values: dict[str, Any] = {name: unsaid.get(name) if value is None else value for name, value in named.items()}
    wish = {name: tuple(values.pop(name)) for name in ("events", "providers", "kinds", "tags") if name in values}
    if body.status is not None:
        values |= {"status": body.status, "status_reason": None}
    return replace(before, filter=replace(before.filter, **wish), updated_at=now, **values)


def _refuse_unusable(context: Context, body: SubscriptionBody | SubscriptionChanges) -> None:
    refuse_unusable_callback(context, body.callback_url, body.events)
    for provider in body.providers or ():
        try:
            context.catalog.find(provider)
        except ProviderError as error:
            raise wrong_field("/providers", str(error)) from error
    for name, value in (body.headers or {}).items():
        _refuse_header(name, value)


def _refuse_header(name: str, value: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise wrong_field("/headers", f"{name!r} is no header name.")
    if name.lower().startswith(_OURS) or name.lower() in _FORBIDDEN_HEADERS:
        raise wrong_field("/headers", f"The header {name!r} is set by Tracker or by the connection.")
    if not _VISIBLE.fullmatch(value) or value != value.strip():
        raise wrong_field("/headers", f"The value of {name!r} must be printable ASCII without outer spaces.")


async def _subscription_of(request: Request) -> Subscription:
    subscription_id = request.path_params["id"]
    subscription = await context_of(request).subscriptions.get(subscription_id)
    if subscription is None:
        raise not_found("subscription", subscription_id)
    return subscription
