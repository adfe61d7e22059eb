"""Subscriptions over REST."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from store.deliveries import SubscriptionGoneError
from store.records import Filter, Order, PayloadForm, Scope, Secret, Subscription
from tracker.api.auth import caller_of
from tracker.api.bodies import SubscriptionBody, SubscriptionChanges, read_body
from tracker.api.callbacks import refuse_unusable_callback
from tracker.api.context import Context, context_of
from tracker.api.custom_headers import refuse_to_send_headers_elsewhere, refuse_wrong_headers, sealed_headers
from tracker.api.idempotency import answer_to_keep
from tracker.api.pages import json_response, list_response, page_of
from tracker.api.payloads import delivery_payload, subscription_payload
from tracker.api.problems import not_found, wrong_field
from tracker.providers.environment import ProviderError
from tracker.rules.events import DEFAULT_EVENTS, subscription_test_event
from tracker.rules.fanout import to_subscription
from tracker.rules.signing import NEW_SECRET_BYTES, new_secret, secret_flaw

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.requests import Request

    from store.records import Sealed


async def create(request: Request) -> Response:
    """`POST /v1/subscriptions`: the answer shows the secret, this once."""
    context = context_of(request)
    body = await read_body(request, SubscriptionBody)
    _refuse_unusable(context, body)
    subscription = _subscription(context, body)
    shown_once = shown_with_secret(request, subscription)
    response = json_response(shown_once, 201, {"location": f"/v1/subscriptions/{subscription.id}"})
    await context.subscriptions.add(subscription, answer_to_keep(request, response))
    return response


async def index(request: Request) -> Response:
    """`GET /v1/subscriptions`."""
    limit, after = page_of(request, "sub_")
    page = await context_of(request).subscriptions.find(limit, after)
    return list_response(request, (shown(request, row) for row in page.rows), page.next_after)


async def show(request: Request) -> Response:
    """`GET /v1/subscriptions/{id}`."""
    return json_response(shown(request, await subscription_of(request)))


async def change(request: Request) -> Response:
    """`PATCH /v1/subscriptions/{id}`: `from_now` cancels what it has collected."""
    context = context_of(request)
    body = await read_body(request, SubscriptionChanges)
    _refuse_unusable(context, body)
    subscription_id, now = request.path_params["id"], context.surroundings.now()
    headers, sees_headers = sealed_headers(body.headers or {}, context.vault), caller_of(request).scope is Scope.ADMIN

    def change_it(before: Subscription) -> Subscription:
        if not sees_headers:
            refuse_to_send_headers_elsewhere(before, body)
        return _changed(before, body, headers, now)

    changed = await context.subscriptions.change(subscription_id, change_it, from_now=body.from_now)
    if changed is None:
        raise not_found("subscription", subscription_id)
    context.deliver()
    return json_response(shown(request, changed))


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
    subscription = await subscription_of(request)
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


def shown(request: Request, subscription: Subscription) -> dict[str, Any]:
    """A subscription as the key of this request may see it."""
    is_admin = caller_of(request).scope is Scope.ADMIN
    return subscription_payload(subscription, context_of(request).vault if is_admin else None)


def shown_with_secret(request: Request, subscription: Subscription) -> dict[str, Any]:
    """The same, and the secret that was made just now."""
    secret = context_of(request).vault.open(subscription.secrets[0].value)
    return shown(request, subscription) | {"secret": secret}


def sealed_secret(context: Context, given: str | None) -> Sealed:
    """The secret that a body brings, or else a new one. Raises ApiError 422."""
    flaw = secret_flaw(given) if given is not None else None
    if flaw:
        raise wrong_field("/secret", flaw)
    return context.vault.seal(given or new_secret(context.surroundings.entropy(NEW_SECRET_BYTES)))


async def subscription_of(request: Request) -> Subscription:
    """The subscription that the path names. Raises ApiError 404."""
    subscription_id = request.path_params["id"]
    subscription = await context_of(request).subscriptions.get(subscription_id)
    if subscription is None:
        raise not_found("subscription", subscription_id)
    return subscription


def _subscription(context: Context, body: SubscriptionBody) -> Subscription:
    now = context.surroundings.now()
    return Subscription(
        id=context.surroundings.new_id("sub"),
        callback_url=body.callback_url,
        filter=Filter(tuple(body.events or DEFAULT_EVENTS), tuple(body.providers), tuple(body.kinds), tuple(body.tags)),
        secrets=(Secret(sealed_secret(context, body.secret)),),
        created_at=now,
        updated_at=now,
        description=body.description,
        headers=sealed_headers(body.headers, context.vault),
        payload=body.payload,
        order=body.order,
        max_in_flight=body.max_in_flight,
        signs_v1a="v1a" in body.signatures,
    )


def _changed(
    before: Subscription, body: SubscriptionChanges, headers: Mapping[str, Sealed], now: datetime
) -> Subscription:
    """The subscription with the fields that are named; null is what a new one has where nothing is said."""
    named = body.model_dump(include=body.model_fields_set - {"from_now", "status", "headers", "signatures"})
    unsaid: dict[str, Any] = {
        "events": DEFAULT_EVENTS,
        **dict.fromkeys(("providers", "kinds", "tags"), ()),
        "payload": PayloadForm.FULL,
        "order": Order.NONE,
        "callback_url": before.callback_url,
    }
    values: dict[str, Any] = {name: unsaid.get(name) if value is None else value for name, value in named.items()}
    wish = {name: tuple(values.pop(name)) for name in ("events", "providers", "kinds", "tags") if name in values}
    if "headers" in body.model_fields_set:
        values["headers"] = headers
    if "signatures" in body.model_fields_set:
        values["signs_v1a"] = "v1a" in (body.signatures or ())
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
    refuse_wrong_headers(body.headers or {})
