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

OWN_FAULT_WAIT = 15.0
"""Seconds until the next attempt after one that failed for a fault of our own side."""

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
    *,
    is_ours: bool = False,
) -> AttemptOutcome:
    """What the attempt makes of its delivery. `retry_after` is in seconds; `jitter` is within 0 and 1.

    `is_ours`: it failed for a fault of our own side, which uses up no attempt.
    """
    if is_ours and attempt.outcome is not AttemptResult.DELIVERED:
        again = now + timedelta(seconds=spread(OWN_FAULT_WAIT, JITTER, jitter))
        return AttemptOutcome(replace(delivery, updated_at=now, next_attempt_at=again), attempt, is_ours=True)
    asked = _honoured(attempt, retry_after)
    wait = next_wait(schedule, attempt.number - delivery.schedule_from, jitter, asked)
    unsubscribes = attempt.http_status == 410
    status = _status_after(attempt, wait, is_callback=delivery.subscription_id is None)
    changed = replace(
        delivery,
        status=status,
        attempts=attempt.number,
        updated_at=now,
        next_attempt_at=now + timedelta(seconds=wait or 0) if status is DeliveryStatus.PENDING else None,
        delivered_at=now if status is DeliveryStatus.DELIVERED else None,
        behind_since=None,
        forced_at=None,
    )
    return AttemptOutcome(changed, attempt, unsubscribes, asked_wait=asked)


def next_wait(
    schedule: tuple[float, ...], attempts: int, jitter: float, retry_after: float | None = None
) -> float | None:
    """Seconds until the next attempt after `attempts` of them (None: there is none left)."""
    if attempts > len(schedule):
        return None
    return max(spread(schedule[attempts - 1], JITTER, jitter), retry_after or 0.0)


def _status_after(attempt: Attempt, wait: float | None, *, is_callback: bool) -> DeliveryStatus:
    if attempt.outcome is AttemptResult.DELIVERED:
        return DeliveryStatus.DELIVERED
    if attempt.outcome is AttemptResult.BLOCKED:
        return DeliveryStatus.BLOCKED
    if attempt.http_status == 410 and is_callback:
        return DeliveryStatus.CANCELED
    return DeliveryStatus.EXHAUSTED if wait is None else DeliveryStatus.PENDING


def _honoured(attempt: Attempt, retry_after: float | None) -> float | None:
    if retry_after is None or attempt.http_status not in (429, 503):
        return None
    return min(retry_after, LONGEST_RETRY_AFTER)
