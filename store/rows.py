"""The door between rows and records: nothing that SQLAlchemy made leaves the store."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from store.facets import facet_of
from store.records import (
    ApiKey,
    Attempt,
    AttemptResult,
    Delivery,
    DeliveryStatus,
    Event,
    Filter,
    Health,
    Job,
    JobError,
    Order,
    PayloadForm,
    PollProblem,
    Replay,
    ReplayStatus,
    Scope,
    Secret,
    Sightings,
    Status,
    Step,
    StoredProfile,
    Subscription,
    SubscriptionStatus,
    Transition,
    Waiting,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import RowMapping

_JOB_COLUMNS_AS_THEY_ARE = (
    "id",
    "provider",
    "kind",
    "account",
    "remote_id",
    "run",
    "params",
    "metadata",
    "callback_url",
    "callback_ended_at",
    "provider_status",
    "progress",
    "output",
    "sequence",
    "status_since",
    "polls",
    "created_at",
    "started_at",
    "updated_at",
    "finished_at",
    "timeout_at",
    "next_poll_at",
    "last_polled_at",
    "not_before",
    "announced_progress",
    "progress_announced_at",
    "announcements",
    "reading",
    "result_expires_at",
    "etag",
    "is_alone",
    "list_misses",
    "cancel_accepted_at",
    "lease_epoch",
)


def to_job(row: RowMapping) -> Job:
    """A row of `jobs` as a record."""
    return Job(
        **{name: row[name] for name in _JOB_COLUMNS_AS_THEY_ARE},
        tags=tuple(row["tags"]),
        callback_events=tuple(row["callback_events"]),
        status=Status(row["status"]),
        error=JobError(**row["error"]) if row["error"] else None,
        steps=tuple(_step(*step) for step in row["steps"]),
        sightings=_to_sightings(row["sightings"]) if row["sightings"] else None,
        poll_problem=_to_problem(row["poll_problem"]) if row["poll_problem"] else None,
    )


def _step(id_: str, type_: str | None, status: str, depends_on: Sequence[str] = ()) -> Step:
    """A step as it is stored; those of earlier versions have no dependencies."""
    return Step(id_, type_, status, tuple(depends_on))


def to_waiting(row: RowMapping) -> Waiting:
    """A row of `jobs` as far as its place in the queue goes."""
    return Waiting(**dict(row) | {"sightings": _to_sightings(row["sightings"]) if row["sightings"] else None})


def job_row(job: Job) -> dict[str, Any]:
    """The columns of `jobs` that a record has; the lease is the store's own."""
    columns = {name: getattr(job, name) for name in _JOB_COLUMNS_AS_THEY_ARE}
    return columns | {
        "tags": list(job.tags),
        "callback_events": list(job.callback_events),
        "status": job.status.value,
        "error": asdict(job.error) if job.error else None,
        "steps": [[step.id, step.type, step.status, list(step.depends_on)] for step in job.steps],
        "sightings": asdict(job.sightings) if job.sightings else None,
        "facet": facet_of(job),
        "poll_problem": _problem_json(job.poll_problem) if job.poll_problem else None,
    }


def to_transition(row: RowMapping) -> Transition:
    """A row of `transitions` as a record."""
    values: dict[str, Any] = dict(row)
    previous = values["previous_status"]
    values["status"] = Status(values["status"])
    values["previous_status"] = Status(previous) if previous else None
    return Transition(**values)


def transition_row(transition: Transition) -> dict[str, Any]:
    """A transition as a row."""
    return _columns_of(transition)


def to_event(row: RowMapping) -> Event:
    """A row of `events` as a record."""
    return Event(**dict(row) | {"tags": tuple(row["tags"])})


def event_row(event: Event) -> dict[str, Any]:
    """An event as a row; its position is given by the database."""
    row = _columns_of(event) | {"tags": list(event.tags)}
    del row["position"]
    return row


def to_subscription(row: RowMapping) -> Subscription:
    """A row of `subscriptions` as a record."""
    return Subscription(
        id=row["id"],
        callback_url=row["callback_url"],
        filter=Filter(*(tuple(row[sort]) for sort in ("events", "providers", "kinds", "tags"))),
        secrets=to_secrets(row["secrets"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        description=row["description"],
        headers=row["headers"],
        status=SubscriptionStatus(row["status"]),
        status_reason=row["status_reason"],
        payload=PayloadForm(row["payload"]),
        order=Order(row["order"]),
        max_in_flight=row["max_in_flight"],
        signs_v1a=row["signs_v1a"],
    )


def subscription_row(subscription: Subscription) -> dict[str, Any]:
    """A subscription as a row."""
    wish = subscription.filter
    return {
        "id": subscription.id,
        "callback_url": subscription.callback_url,
        "events": list(wish.events),
        "providers": list(wish.providers),
        "kinds": list(wish.kinds),
        "tags": list(wish.tags),
        "description": subscription.description,
        "headers": dict(subscription.headers),
        "secrets": [_secret_json(secret) for secret in subscription.secrets],
        "status": subscription.status.value,
        "status_reason": subscription.status_reason,
        "created_at": subscription.created_at,
        "updated_at": subscription.updated_at,
        "payload": subscription.payload.value,
        "order": subscription.order.value,
        "max_in_flight": subscription.max_in_flight,
        "signs_v1a": subscription.signs_v1a,
    }


def to_secrets(values: list[Mapping[str, Any]]) -> tuple[Secret, ...]:
    """A subscription's column of secrets as records."""
    return tuple(Secret(value["value"], _to_time(value["expires_at"])) for value in values)


def to_delivery(row: RowMapping) -> Delivery:
    """A row of `deliveries` as a record."""
    values = {name: row[name] for name in Delivery.__dataclass_fields__}
    return Delivery(**values | {"status": DeliveryStatus(row["status"]), "payload": PayloadForm(row["payload"])})


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    """A delivery as a row; the lease is the store's own."""
    return _columns_of(delivery) | {"is_retry": delivery.attempts > 0}


def to_attempt(row: RowMapping) -> Attempt:
    """A row of `attempts` as a record."""
    return Attempt(**dict(row) | {"outcome": AttemptResult(row["outcome"])})


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    """An attempt as a row."""
    return _columns_of(attempt)


def to_health(row: RowMapping) -> Health:
    """A row of `subscribers` as a record."""
    return Health(**row)


def health_row(health: Health) -> dict[str, Any]:
    """A subscriber's health as a row."""
    return _columns_of(health)


def to_replay(row: RowMapping) -> Replay:
    """A row of `replays` as a record."""
    return Replay(**dict(row) | {"status": ReplayStatus(row["status"]), "events": tuple(row["events"])})


def replay_row(replay: Replay) -> dict[str, Any]:
    """A replay as a row."""
    return _columns_of(replay) | {"events": list(replay.events)}


def to_profile(row: RowMapping) -> StoredProfile:
    """A row of `profiles` as a record."""
    return StoredProfile(**row)


def profile_row(profile: StoredProfile) -> dict[str, Any]:
    """A profile as a row."""
    return _columns_of(profile)


def to_key(row: RowMapping) -> ApiKey:
    """A row of `api_keys` as a record."""
    return ApiKey(**dict(row) | {"scope": Scope(row["scope"])})


def key_row(key: ApiKey) -> dict[str, Any]:
    """An API key as a row."""
    return _columns_of(key)


def _columns_of(
    record: Transition | Event | Delivery | Attempt | StoredProfile | ApiKey | Health | Replay,
) -> dict[str, Any]:
    """The fields of a flat record. `asdict` would copy each value, which costs more than to write the row."""
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def _to_problem(value: Mapping[str, Any]) -> PollProblem:
    times = {name: _to_time(value[name]) for name in ("since", "retry_at")}
    return PollProblem(**dict(value) | times)


def _to_sightings(value: Mapping[str, Any]) -> Sightings:
    return Sightings(**dict(value) | {"readings": tuple((age, progress) for age, progress in value["readings"])})


def _problem_json(problem: PollProblem) -> dict[str, Any]:
    times = {name: _time_json(getattr(problem, name)) for name in ("since", "retry_at")}
    return asdict(problem) | times


def _secret_json(secret: Secret) -> dict[str, Any]:
    return {"value": secret.value, "expires_at": _time_json(secret.expires_at)}


def _to_time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _time_json(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
