"""The public shapes of what is not a job: subscriptions, deliveries, attempts, keys, events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tracker.rules.payload import rfc3339, rfc3339_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from store.records import ApiKey, Attempt, Delivery, Event, Health, Replay, Subscription
    from store.vault import Vault


MASK = "***"
"""Stands for what only admin keys see."""


def subscription_payload(subscription: Subscription, vault: Vault | None) -> dict[str, Any]:
    """A subscription as users see it, without its secrets; a vault opens its headers' values, or they are masked."""
    wish = subscription.filter
    return {
        "id": subscription.id,
        "callback_url": subscription.callback_url,
        "events": list(wish.events),
        "providers": list(wish.providers),
        "kinds": list(wish.kinds),
        "tags": list(wish.tags),
        "description": subscription.description,
        "headers": {name: vault.open(value) if vault else MASK for name, value in subscription.headers.items()},
        "payload": subscription.payload.value,
        "order": subscription.order.value,
        "max_in_flight": subscription.max_in_flight,
        "signatures": ["v1", "v1a"] if subscription.signs_v1a else ["v1"],
        "status": subscription.status.value,
        "status_reason": subscription.status_reason,
        "health": subscription.health and _health_payload(subscription.health),
        "created_at": rfc3339(subscription.created_at),
        "updated_at": rfc3339(subscription.updated_at),
    }


def delivery_payload(delivery: Delivery, attempts: Iterable[Attempt], *, shows_private: bool) -> dict[str, Any]:
    """A delivery with its attempts; what private addresses answered is shown only where that is meant."""
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "job_id": delivery.job_id,
        "subscription_id": delivery.subscription_id,
        "callback_url": delivery.callback_url,
        "status": delivery.status.value,
        "attempt_count": delivery.attempts,
        "attempts": [_attempt_payload(attempt, shows_private=shows_private) for attempt in attempts],
        "next_attempt_at": rfc3339_or_none(delivery.next_attempt_at),
        "created_at": rfc3339(delivery.created_at),
        "updated_at": rfc3339(delivery.updated_at),
        "delivered_at": rfc3339_or_none(delivery.delivered_at),
    }


def key_payload(key: ApiKey, last_used_at: datetime | None) -> dict[str, Any]:
    """An API key as users see it; the key itself is shown when it is made, and never again."""
    return {
        "id": key.id,
        "name": key.name,
        "scope": key.scope.value,
        "last4": key.last4,
        "created_at": rfc3339(key.created_at),
        "last_used_at": rfc3339_or_none(last_used_at),
        "expires_at": rfc3339_or_none(key.expires_at),
        "revoked_at": rfc3339_or_none(key.revoked_at),
    }


def replay_payload(replay: Replay) -> dict[str, Any]:
    """A replay with its progress; what is not counted yet has no total."""
    return {
        "id": replay.id,
        "subscription_id": replay.subscription_id,
        "status": replay.status.value,
        "total": replay.total if replay.counted_to is None else None,
        "queued": replay.queued,
        "since": rfc3339(replay.since),
        "until": rfc3339(replay.until),
        "events": list(replay.events),
        "only_failed": replay.only_failed,
        "rate": replay.rate,
        "created_at": rfc3339(replay.created_at),
        "finished_at": rfc3339_or_none(replay.finished_at),
    }


def event_payload(event: Event) -> dict[str, Any]:
    """An event as the feed shows it: the webhook's body, and the id."""
    return {"id": event.id, **orjson.loads(event.body)}


def _health_payload(health: Health) -> dict[str, Any]:
    return {
        "failures": health.failures,
        "failing_since": rfc3339_or_none(health.failing_since),
        "held_until": rfc3339_or_none(health.held_until),
    }


def _attempt_payload(attempt: Attempt, *, shows_private: bool) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "number": attempt.number,
        "started_at": rfc3339(attempt.started_at),
        "duration_ms": attempt.duration_ms,
        "outcome": attempt.outcome.value,
        "http_status": attempt.http_status,
        "error": attempt.error,
        "error_class": attempt.error_class,
        "address": attempt.address,
        "is_private": attempt.is_private,
        "phases": attempt.phases and dict(attempt.phases),
        "response_body": attempt.response_body if shows_private or not attempt.is_private else None,
    }
