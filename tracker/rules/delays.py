"""How long it took to notice the end of a job, and to deliver what tells of something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.records import DeliveryStatus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from store.records import Delivery, PollOutcome


def detection_delay(outcome: PollOutcome) -> float | None:
    """Seconds from a job's end, by its provider's clock, to our seeing it; None: the provider does not tell its end.

    Nobody could have seen an end before the job was registered. A provider whose clock is ahead of ours tells nothing.
    """
    last = outcome.transitions[-1] if outcome.transitions else None
    if last is None or not last.status.is_final or last.occurred_at >= last.detected_at:
        # Where the provider gives no time, a transition occurred when it was detected.
        return None
    return _seconds(max(last.occurred_at, outcome.job.created_at), last.detected_at)


def delivery_delay(delivery: Delivery) -> float | None:
    """Seconds from an event to its delivery; None: it has not arrived, or it had ended before and was sent once more.

    A replay counts from when it made the delivery, if there was none before.
    """
    if delivery.status is not DeliveryStatus.DELIVERED or delivery.delivered_at is None or delivery.schedule_from:
        return None
    return _seconds(delivery.created_at, delivery.delivered_at)


def longest_due(times: Iterable[datetime], now: datetime) -> float:
    """Seconds that what was due first is due by now; 0: nothing is."""
    return max((_seconds(at, now) for at in times), default=0.0)


def _seconds(start: datetime, end: datetime) -> float:
    # Clocks are set back now and then.
    return max((end - start).total_seconds(), 0.0)
