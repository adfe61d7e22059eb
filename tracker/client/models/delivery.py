"""One event on its way to one subscription."""

from dataclasses import dataclass, field
from typing import Any

from tracker.client.models.reading import Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP try; `response_body` holds the first 4 KiB of what the subscriber answered."""

    id: str
    number: int
    outcome: str
    started_at: Time | None = None
    duration_ms: float | None = None
    http_status: int | None = None
    error: str | None = None
    error_class: str | None = None
    address: str | None = None
    is_private: bool = False
    phases: dict[str, Any] | None = None
    response_body: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery with its attempts; that of a job's own callback has no `subscription_id`."""

    id: str
    status: str
    event_id: str | None = None
    event_type: str | None = None
    job_id: str | None = None
    subscription_id: str | None = None
    callback_url: str | None = None
    attempt_count: int = 0
    attempts: tuple[Attempt, ...] = ()
    next_attempt_at: Time | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    delivered_at: Time | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
