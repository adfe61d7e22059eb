"""How a subscriber's answers add up: a breaker for those that fail, and patience for those that ask for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from store.records import AttemptOutcome, AttemptResult, Health

BREAKS_AT = 5
"""Failures in a row after which a subscriber is held back."""

FIRST_HOLD = 5.0
LONGEST_HOLD = 60.0
"""Seconds that a failing subscriber is held back: twice as long each time, up to this. Then one delivery tries."""

OWN_FAULT_HOLD = 15.0
"""Seconds until a subscriber is tried again that could not be reached for a fault of our own side."""

GIVES_UP_AFTER = timedelta(days=5)
"""A subscription that has only failed for so long is disabled."""

OVERLOADED = (429, 502, 503, 504)
"""HTTP statuses that tell of the whole subscriber and not of the one delivery."""


def health_after(health: Health, outcome: AttemptOutcome) -> Health:
    """How a subscriber stands after one more attempt."""
    attempt = outcome.attempt
    if outcome.is_ours:
        return _held(health, outcome, OWN_FAULT_HOLD)
    if attempt.outcome is AttemptResult.DELIVERED:
        return _arrived(health, attempt.started_at)
    failing_since = health.failing_since or attempt.started_at
    failed = replace(health, failures=health.failures + 1, failing_since=failing_since)
    if attempt.http_status in OVERLOADED or failed.failures >= BREAKS_AT:
        return _held(failed, outcome, _patience(health))
    return failed


def has_only_failed_for_too_long(health: Health, now: datetime) -> bool:
    """Whether a subscription is to be disabled."""
    return health.failing_since is not None and now - health.failing_since >= GIVES_UP_AFTER


def _arrived(health: Health, started_at: datetime) -> Health:
    clean = Health(health.subscriber)
    if health.held_at is None or started_at > health.held_at:
        return clean
    # It was under way when the subscriber asked for a pause, and does not shorten that.
    return replace(clean, held_at=health.held_at, held_until=health.held_until, holds=health.holds)


def _patience(health: Health) -> float:
    return float(min(FIRST_HOLD * 2.0 ** min(health.holds, 10), LONGEST_HOLD))


def _held(health: Health, outcome: AttemptOutcome, seconds: float) -> Health:
    """Holds the subscriber back, at least as long as it asks; attempts that were under way together count once."""
    now = outcome.delivery.updated_at
    until = now + timedelta(seconds=max(seconds, outcome.asked_wait or 0.0))
    if health.held_at is None or health.held_until is None or outcome.attempt.started_at > health.held_at:
        return replace(health, held_at=now, held_until=until, holds=health.holds + 1)
    asked = now + timedelta(seconds=outcome.asked_wait or 0.0)
    return replace(health, held_until=max(health.held_until, asked))
