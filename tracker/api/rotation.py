"""Rotating the secret of a subscription over REST."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tracker.api.bodies import RotationBody, read_body
from tracker.api.context import context_of
from tracker.api.idempotency import answer_to_keep
from tracker.api.pages import json_response
from tracker.api.problems import ApiError, not_found, wrong_field
from tracker.api.subscriptions import sealed_secret, shown_with_secret, subscription_of
from tracker.rules.payload import rfc3339_or_none
from tracker.rules.rotation import TooManySecretsError, live_secrets, rotated

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from store.records import Subscription


async def rotate_secret(request: Request) -> Response:
    """`POST /v1/subscriptions/{id}/rotate-secret`: the answer shows the new secret, this once."""
    context = context_of(request)
    body = await read_body(request, RotationBody, if_empty=b"{}")
    new = sealed_secret(context, body.secret)
    if body.secret is not None:
        await _refuse_secret_that_signs(request, body.secret)
    now = context.surroundings.now()

    def rotate(before: Subscription) -> Subscription:
        return replace(before, secrets=rotated(before.secrets, new, body.grace_seconds, now), updated_at=now)

    def told(after: Subscription) -> Response:
        until = max((secret.expires_at for secret in after.secrets if secret.expires_at), default=None)
        shown = shown_with_secret(request, after)
        return json_response(shown | {"previous_secret_expires_at": rfc3339_or_none(until)})

    try:
        subscription = await context.subscriptions.change(
            request.path_params["id"], rotate, answered=lambda after: answer_to_keep(request, told(after))
        )
    except TooManySecretsError as error:
        raise ApiError(409, str(error)) from error
    if subscription is None:
        raise not_found("subscription", request.path_params["id"])
    context.deliver()
    return told(subscription)


async def _refuse_secret_that_signs(request: Request, secret: str) -> None:
    context, subscription = context_of(request), await subscription_of(request)
    live = live_secrets(subscription.secrets, context.surroundings.now())
    if secret in [context.vault.open(each.value) for each in live]:
        raise wrong_field("/secret", "This secret signs already; give another, or none to have one made.")
