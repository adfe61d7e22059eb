"""The shapes of what webhooks carry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from store.records import Status
from tracker.api.shapes import Count, Job, Shape, Time
from tracker.rules.events import EVENT_TYPES, JOB_EVENTS


class ThinJob(Shape):
    """What a subscription with thin payloads is told of a job, and where the rest is."""

    id: str
    provider: str
    kind: str
    account: str
    remote_id: str
    status: Annotated[Status, Field(strict=False)]
    url: str


class JobNews(Shape):
    """What became of a job; `truncated` says that the job was too large for a webhook and is told in the thin form."""

    sequence: Count
    previous_status: Annotated[Status, Field(strict=False)] | None
    occurred_at: Time
    detected_at: Time
    job: Job | ThinJob
    truncated: Literal[True] | None = None


class StepChange(Shape):
    """A step that took another status."""

    id: str
    type: str | None
    status: str
    previous_status: str | None


class StepNews(JobNews):
    """What became of a step of a job."""

    step: StepChange


class TestedSubscription(Shape):
    """The subscription that is tested."""

    id: str


class Tested(Shape):
    """Nothing but that webhooks arrive."""

    subscription: TestedSubscription


class DisabledSubscription(Shape):
    """A subscription that Tracker has disabled, and why."""

    id: str
    callback_url: str
    description: str | None
    status: Literal["disabled"]
    status_reason: str


class Disabled(Shape):
    """Another subscription was disabled."""

    subscription: DisabledSubscription


class Webhook(Shape):
    """An event as it is sent: the same bytes at each try."""

    type: str
    timestamp: Time


class JobWebhook(Webhook):
    """A job has another status, or went on."""

    type: Annotated[str, Field(json_schema_extra={"enum": [*JOB_EVENTS, "job.progress"]})]
    data: JobNews


class StepWebhook(Webhook):
    """A step of a workflow job has another status."""

    type: Literal["job.step"]
    data: StepNews


class TestWebhook(Webhook):
    """A test that somebody asked for."""

    type: Literal["subscription.test"]
    data: Tested


class DisabledWebhook(Webhook):
    """A subscription was disabled, which the others are told of."""

    type: Literal["subscription.disabled"]
    data: Disabled


WEBHOOKS: dict[str, type[Webhook]] = dict.fromkeys(EVENT_TYPES, JobWebhook) | {
    "job.step": StepWebhook,
    "subscription.test": TestWebhook,
    "subscription.disabled": DisabledWebhook,
}
"""The shape of each event's webhook."""
