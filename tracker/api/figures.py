"""The shapes of figures: how the service stands, and what was done of late."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tracker.api.shapes import Count, Shape, Time

Seconds = Annotated[float, Field(ge=0)]


class EachStatus(Shape):
    """Jobs by status."""

    queued: Count
    running: Count
    action_required: Count
    succeeded: Count
    failed: Count
    canceled: Count
    expired: Count


class JobCounts(Shape):
    """The jobs that there are, as they were counted a little while ago."""

    counted_at: Time
    by_status: EachStatus
    by_provider: dict[str, EachStatus]


class Polling(Shape):
    """What polling has to do: slots are of this process, what is due is of all."""

    slots: Count
    busy_slots: Count
    oldest_due_seconds: Seconds


class Delivering(Polling):
    """What delivering has to do, and what it did not bring to its end; counted when jobs were."""

    held_subscribers: Count
    pending: Count
    exhausted: Count
    blocked: Count


class HeldAccount(Shape):
    """An account whose provider refuses its credentials (suspended) or wants fewer requests (slowed)."""

    provider: str
    name: str
    status: str
    since: Time | None
    retry_at: Time | None
    message: str | None


class OpenBreaker(Shape):
    """A provider that cannot be reached."""

    provider: str
    failures: Count
    since: Time | None
    retry_at: Time | None


class Overview(Shape):
    """How the service stands."""

    at: Time
    version: str
    started_at: Time
    replicas: Annotated[int, Field(ge=1)]
    jobs: JobCounts
    polls: Polling
    deliveries: Delivering
    accounts: list[HeldAccount]
    breakers: list[OpenBreaker]


class EndedJobs(Shape):
    """Jobs that were seen to end, by how."""

    succeeded: Count
    failed: Count
    canceled: Count
    expired: Count


class DetectionDelay(Shape):
    """How long it took to detect the ends of `count` jobs whose provider tells when they ended: in all, and at most."""

    count: Count
    seconds: Seconds
    longest_seconds: Seconds


class ProviderActivity(Shape):
    """What was done of a provider's jobs; `polls_of_finished_jobs` are all polls of the jobs that ended."""

    requests: Count
    polls: Count
    jobs: EndedJobs
    polls_of_finished_jobs: Count
    detection_delay: DetectionDelay


class Attempted(Shape):
    """Attempts to deliver, by outcome."""

    delivered: Count
    rejected: Count
    timeout: Count
    connection: Count
    tls: Count
    dns: Count
    blocked: Count


class EndedDeliveries(Shape):
    """Deliveries that an attempt brought to an end, by the status that they took."""

    delivered: Count
    exhausted: Count
    blocked: Count
    canceled: Count


class ActivityStep(ProviderActivity):
    """What was done from a time on until the next step, in all and by provider."""

    at: Time
    attempts: Attempted
    deliveries: EndedDeliveries
    providers: dict[str, ProviderActivity]


class Activity(Shape):
    """What was done of late, step by step, the oldest first; the last step is not over yet."""

    since: Time
    until: Time
    step_seconds: Count
    data: list[ActivityStep]
