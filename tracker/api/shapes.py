"""The shapes of what the API answers with, field by field: what its document is made of and its tests hold it to."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from store.records import (
    AttemptResult,
    DeliveryStatus,
    Order,
    PayloadForm,
    ReplayStatus,
    Scope,
    Status,
    SubscriptionStatus,
)

Time = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        json_schema_extra={"format": "date-time"},
        examples=["2026-11-22T10:00:00.123Z"],
    ),
]
Json = dict[str, Any]
Scalar = str | int | float | bool | None
Count = Annotated[int, Field(ge=0)]
T = TypeVar("T")


def _open_to_more(schema: Json) -> None:
    """Takes out of a document what would keep later versions from adding a field."""
    del schema["additionalProperties"]


class Shape(BaseModel):
    """What an answer holds; it holds nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True, use_enum_values=True, json_schema_extra=_open_to_more)


class Page(Shape, Generic[T]):
    """A page of a list; `next_cursor` leads to the next one (null: there is none)."""

    data: list[T]
    next_cursor: str | None


class Flaw(Shape):
    """What is wrong with an input: `pointer` leads into the body, `parameter` and `header` name what else is sent."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class Problem(Shape):
    """Why a call did not succeed (RFC 9457)."""

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: str
    errors: list[Flaw] | None = None


class JobFault(Shape):
    """Why a job ended badly, in its provider's words where it gives any."""

    message: str
    hint: str | None = None
    code: str | None = None


class PollTrouble(Shape):
    """Why the last polls of a job taught nothing."""

    code: str
    message: str
    http_status: int | None
    since: Time
    count: Count
    retry_at: Time | None


class Job(Shape):
    """One remote job that is tracked."""

    id: str
    provider: str
    kind: str
    account: str
    remote_id: str
    params: dict[str, Scalar]
    status: Annotated[Status, Field(strict=False)]
    provider_status: str | None
    progress: Annotated[float, Field(ge=0, le=1)] | None
    output: Json | None
    error: JobFault | None
    tags: list[str]
    metadata: dict[str, Scalar]
    callback_url: str | None
    sequence: Count
    run: Annotated[int, Field(ge=1)]
    polls: Count
    created_at: Time
    started_at: Time | None
    updated_at: Time
    finished_at: Time | None
    timeout_at: Time
    next_poll_at: Time | None
    last_polled_at: Time | None
    poll_problem: PollTrouble | None
    result_expires_at: Time | None


class Transition(Shape):
    """One change of a job's status."""

    sequence: Annotated[int, Field(ge=1)]
    status: Annotated[Status, Field(strict=False)]
    previous_status: Annotated[Status, Field(strict=False)] | None
    provider_status: str | None
    progress: float | None
    occurred_at: Time
    detected_at: Time


class Step(Shape):
    """A node of a workflow job."""

    id: str
    type: str | None
    status: str
    depends_on: list[str]


_POLL_TIMES = "When it was polled, oldest first, to a tenth of a second: the last 125 polls at least, and at most 250."


class ExpandedJob(Job):
    """A job, and what was asked for along with it."""

    expected_finish_at: Time | None = None
    history: list[Transition] | None = None
    poll_times: Annotated[list[Time], Field(description=_POLL_TIMES)] | None = None
    steps: list[Step] | None = None
    reading: Json | None = None


class Registered(Shape):
    """What became of one job of a batch: 201 and the new job, 200 and the job as it is, or a problem."""

    status: int
    job: Job | None = None
    problem: Problem | None = None


class Batch(Shape):
    """What became of the jobs of a batch, in their order."""

    data: list[Registered]


class Event(Shape):
    """An announcement: what its webhook carries, and its id."""

    id: str
    type: str
    timestamp: Time
    data: Json


class FeedPage(Shape):
    """A page of the feed; `next_cursor` leads on, also from its end to what happens later."""

    data: list[Event]
    next_cursor: str


class Attempt(Shape):
    """One HTTP try of a delivery."""

    id: str
    number: Annotated[int, Field(ge=1)]
    started_at: Time
    duration_ms: Count
    outcome: Annotated[AttemptResult, Field(strict=False)]
    http_status: int | None
    error: str | None
    error_class: str | None
    address: str | None
    is_private: bool
    phases: dict[str, float] | None
    response_body: str | None


class Delivery(Shape):
    """One event for one subscription, or for a job's own callback (`subscription_id` is then null)."""

    id: str
    event_id: str
    event_type: str
    job_id: str | None
    subscription_id: str | None
    callback_url: str | None
    status: Annotated[DeliveryStatus, Field(strict=False)]
    attempt_count: Count
    attempts: list[Attempt]
    next_attempt_at: Time | None
    created_at: Time
    updated_at: Time
    delivered_at: Time | None


class Subscription(Shape):
    """A callback URL and its filter of events."""

    id: str
    callback_url: str
    events: list[str]
    providers: list[str]
    kinds: list[str]
    tags: list[str]
    description: str | None
    headers: dict[str, str]
    payload: Annotated[PayloadForm, Field(strict=False)]
    order: Annotated[Order, Field(strict=False)]
    max_in_flight: int | None
    signatures: list[str]
    status: Annotated[SubscriptionStatus, Field(strict=False)]
    status_reason: str | None
    created_at: Time
    updated_at: Time


class NewSubscription(Subscription):
    """A new subscription with the secret that signs its webhooks, shown this once."""

    secret: str


class RotatedSubscription(NewSubscription):
    """A subscription with its new secret, and until when those before it sign too."""

    previous_secret_expires_at: Time | None


class Replay(Shape):
    """A run that sends again what happened in a span of time; it has no total until that is counted."""

    id: str
    subscription_id: str
    status: Annotated[ReplayStatus, Field(strict=False)]
    total: Count | None
    queued: Count
    since: Time
    until: Time
    events: list[str]
    only_failed: bool
    rate: float
    created_at: Time
    finished_at: Time | None


class Provider(Shape):
    """A described API, and how its accounts stand."""

    name: str
    title: str
    docs: str | None
    base_url: str
    default_kind: str | None
    credentials: list[str]
    budget: Json
    breaker: Json
    accounts: list[Json]
    kinds: dict[str, Json]


class LearnedProvider(Provider):
    """A provider, and what is learned of its jobs."""

    learned: list[Json]


class Key(Shape):
    """An API key without the key itself; `last4` are its last characters."""

    id: str
    name: str
    scope: Annotated[Scope, Field(strict=False)]
    last4: str | None
    created_at: Time
    last_used_at: Time | None
    expires_at: Time | None
    revoked_at: Time | None


class OwnKey(Shape):
    """The key that a caller uses; that of the settings has no id, and no end."""

    id: str | None
    name: str
    scope: Annotated[Scope, Field(strict=False)]
    expires_at: Time | None


class NewKey(Key):
    """A new API key, shown this once."""

    key: str


class CallbackSecret(Shape):
    """What signs the callbacks of jobs that bring their own."""

    secret: str


class WebhookKey(Shape):
    """A public key, and the signatures that verify with it."""

    id: str
    algorithm: str
    signature: str
    public_key: str


class WebhookKeys(Shape):
    """The public keys of the service."""

    keys: list[WebhookKey]


class Health(Shape):
    """Whether the service is alive, and ready."""

    status: Literal["ok", "ready", "unready"]
    reasons: list[str] | None = None
