"""What the answer to a webhook means, and when to try again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from store.records import Attempt, AttemptOutcome, AttemptResult, Delivery, DeliveryStatus
from tracker.rules.schedule import spread

JITTER = 0.2
"""Waits are spread by this share to either side."""

LONGEST_RETRY_AFTER = 24 * 3600.0
"""Seconds. A subscriber's `Retry-After` is honoured up to this."""

DEFAULT_SCHEDULE = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds to wait after attempt 1, 2, …; after the last wait's attempt the delivery is exhausted."""


def judge(http_status: int) -> AttemptResult:
    """Only 2xx is success; a redirect is a refusal like any other."""
    return AttemptResult.DELIVERED if 200 <= http_status < 300 else AttemptResult.REJECTED


def decide(
    delivery: Delivery,
    attempt: Attempt,
    schedule: tuple[float, ...],
    now: datetime,
    jitter: float,
    retry_after: float | None = None,
) -> AttemptOutcome:
    """What the attempt makes of its delivery. `retry_after` is in seconds; `jitter` is within 0 and 1."""
    delivery = replace(delivery, attempts=attempt.number, updated_at=now, next_attempt_at=None)
    if attempt.outcome is AttemptResult.DELIVERED:
        done = replace(delivery, status=DeliveryStatus.DELIVERED, delivered_at=now)
        return AttemptOutcome(done, attempt)
    if attempt.outcome is AttemptResult.BLOCKED:
        return AttemptOutcome(replace(delivery, status=DeliveryStatus.BLOCKED), attempt)
    unsubscribes = attempt.http_status == 410
    wait = next_wait(schedule, attempt.number, jitter, _honoured(attempt, retry_after))
    if unsubscribes and delivery.subscription_id is None:
        return AttemptOutcome(replace(delivery, status=DeliveryStatus.CANCELED), attempt, unsubscribes=True)
    if wait is None:
        return AttemptOutcome(replace(delivery, status=DeliveryStatus.EXHAUSTED), attempt, unsubscribes)
    return AttemptOutcome(replace(delivery, next_attempt_at=now + timedelta(seconds=wait)), attempt, unsubscribes)


def next_wait(
    schedule: tuple[float, ...], attempts: int, jitter: float, retry_after: float | None = None
) -> float | None:
    """Seconds until the next attempt after `attempts` of them (None: there is none left)."""
    if attempts > len(schedule):
        return None
    return max(spread(schedule[attempts - 1], JITTER, jitter), min(retry_after or 0.0, LONGEST_RETRY_AFTER))


def _honoured(attempt: Attempt, retry_after: float | None) -> float | None:
    return retry_after if attempt.http_status in (429, 503) else None
