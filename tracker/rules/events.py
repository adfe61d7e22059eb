"""Events: their types, their ids, their bodies, and who wants them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from store.records import Event, Filter, Job, Status, Subscription, SubscriptionStatus, Transition
from tracker.rules.ids import derived_id
from tracker.rules.payload import job_payload, rfc3339

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from tracker.rules.diff import StepChange

JOB_EVENTS = tuple(f"job.{status.value}" for status in Status)
FINAL_EVENTS = tuple(f"job.{status.value}" for status in Status if status.is_final)
EVENT_TYPES = (*JOB_EVENTS, "job.progress", "job.step", "subscription.test", "subscription.disabled")
DEFAULT_EVENTS = FINAL_EVENTS
"""What a subscription or a callback gets that does not say which events it wants."""


def is_known_pattern(pattern: str) -> bool:
    """Whether `pattern` is an event type or a prefix with `.*` that some type has."""
    return any(_fits(pattern, event_type) for event_type in EVENT_TYPES)


@dataclass(frozen=True, slots=True)
class Labels:
    """What filters ask of a job beside the type of an event."""

    provider: str
    kind: str
    tags: Collection[str]


def labels_in(body: bytes) -> Labels | None:
    """The labels of the job that an event tells of, as they were then (None: it tells of none)."""
    job = orjson.loads(body)["data"].get("job")
    return None if job is None else Labels(job["provider"], job["kind"], job.get("tags", ()))


def is_wanted(wish: Filter, event_type: str, job: Job | Labels | None) -> bool:
    """Whether an event of this type, about this job, passes the filter: all sorts at once, any value of each."""
    if not any(_fits(pattern, event_type) for pattern in wish.events):
        return False
    if job is None:
        return not (wish.providers or wish.kinds or wish.tags)
    return (
        (not wish.providers or job.provider in wish.providers)
        and (not wish.kinds or job.kind in wish.kinds)
        and (not wish.tags or not set(wish.tags).isdisjoint(job.tags))
    )


def transition_event(job: Job, transition: Transition) -> Event:
    """The announcement of a transition; `job` is the job as of that transition."""
    event_type = f"job.{transition.status.value}"
    previous = transition.previous_status
    data = {
        "sequence": transition.sequence,
        "previous_status": previous.value if previous else None,
        "occurred_at": rfc3339(transition.occurred_at),
        "detected_at": rfc3339(transition.detected_at),
        "job": job_payload(job),
    }
    event_id = derived_id("evt", job.id, transition.sequence, event_type)
    return _event(event_id, event_type, job, transition.detected_at, data)


def progress_event(job: Job, now: datetime) -> Event:
    """The announcement that progress moved; told apart from others by the count of announcements."""
    event_id = derived_id("evt", job.id, job.sequence, "job.progress", job.announcements)
    return _event(event_id, "job.progress", job, now, _between_transitions(job, now))


def step_event(job: Job, change: StepChange, now: datetime) -> Event:
    """The announcement that a step took another status."""
    step = {
        "id": change.step.id,
        "type": change.step.type,
        "status": change.step.status,
        "previous_status": change.previous_status,
    }
    event_id = derived_id("evt", job.id, job.sequence, "job.step", job.announcements)
    return _event(event_id, "job.step", job, now, {**_between_transitions(job, now), "step": step})


def subscription_test_event(subscription_id: str, nonce: str, now: datetime) -> Event:
    """An event that says nothing but that webhooks arrive; `nonce` tells one test from the next."""
    body = _body("subscription.test", now, {"subscription": {"id": subscription_id}})
    event_id = derived_id("evt", subscription_id, "subscription.test", nonce)
    return Event(event_id, "subscription.test", now, body)


def subscription_disabled_event(subscription: Subscription, reason: str, now: datetime) -> Event:
    """Tells others of a subscription that Tracker has disabled, and why."""
    told = {
        "id": subscription.id,
        "callback_url": subscription.callback_url,
        "description": subscription.description,
        "status": SubscriptionStatus.DISABLED.value,
        "status_reason": reason,
    }
    event_id = derived_id("evt", subscription.id, "subscription.disabled", rfc3339(now))
    return Event(event_id, "subscription.disabled", now, _body("subscription.disabled", now, {"subscription": told}))


def unknown_patterns(patterns: Sequence[str]) -> list[str]:
    """The patterns that no event type fits."""
    return [pattern for pattern in patterns if not is_known_pattern(pattern)]


def _fits(pattern: str, event_type: str) -> bool:
    if pattern.endswith("*"):
        return (pattern == "*" or pattern.endswith(".*")) and event_type.startswith(pattern[:-1])
    return pattern == event_type


def _between_transitions(job: Job, now: datetime) -> dict[str, Any]:
    return {
        "sequence": job.sequence,
        "previous_status": job.status.value,
        "occurred_at": rfc3339(now),
        "detected_at": rfc3339(now),
        "job": job_payload(job),
    }


def _event(event_id: str, event_type: str, job: Job, now: datetime, data: dict[str, Any]) -> Event:
    return Event(
        id=event_id,
        type=event_type,
        timestamp=now,
        body=_body(event_type, now, data),
        job_id=job.id,
        sequence=job.sequence,
        provider=job.provider,
        kind=job.kind,
        tags=job.tags,
    )


def _body(event_type: str, now: datetime, data: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": event_type, "timestamp": rfc3339(now), "data": data})
