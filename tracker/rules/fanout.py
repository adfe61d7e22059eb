"""Who is told of an event: the subscriptions whose filter it passes, and the job's own callback."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from store.records import Delivery, Event, Filter, Heading, Job, Subscription
from tracker.rules.events import is_wanted
from tracker.rules.ids import derived_sorted_id

if TYPE_CHECKING:
    from collections.abc import Sequence


def deliveries_of(event: Event, job: Job | None, subscriptions: Sequence[Subscription]) -> list[Delivery]:
    """One delivery for each that wants the event, due at once. Their ids are a function of the event and of whom."""
    wanted = [to_subscription(event, s) for s in subscriptions if is_wanted(s.filter, event.type, job)]
    if job is None or job.callback_url is None or job.callback_ended_at is not None:
        return wanted
    if not is_wanted(Filter(job.callback_events), event.type, job):
        return wanted
    return [*wanted, _delivery(event, origin_of(job.callback_url), None, job.callback_url)]


def to_subscription(event: Event | Heading, subscription: Subscription) -> Delivery:
    """The delivery of an event for a subscription, whether its filter would ask for it or not."""
    return replace(_delivery(event, subscription.id, subscription.id, None), payload=subscription.payload)


def origin_of(url: str) -> str:
    """Scheme, host and port: callbacks to one origin count as one subscriber, however many jobs name it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _delivery(
    event: Event | Heading, subscriber: str, subscription_id: str | None, callback_url: str | None
) -> Delivery:
    return Delivery(
        # What one poll told of at once sorts in the order in which it happened, and is sent off in it.
        id=derived_sorted_id("dlv", event.timestamp, event.sequence or 0, event.id, subscriber),
        event_id=event.id,
        event_type=event.type,
        job_id=event.job_id,
        subscription_id=subscription_id,
        subscriber=subscriber,
        callback_url=callback_url,
        created_at=event.timestamp,
        updated_at=event.timestamp,
        next_attempt_at=event.timestamp,
    )
