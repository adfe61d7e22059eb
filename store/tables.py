"""The tables, with the rules' promises repeated as CHECK and UNIQUE, and the indexes that the loops live on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlmodel import Field, SQLModel

from store.records import (
    FINAL_STATUSES,
    AttemptResult,
    DeliveryStatus,
    Job,
    ReplayStatus,
    Scope,
    Status,
    SubscriptionStatus,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.compiler import DDLCompiler


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite forgets the zone, so it is taken off on the way in and put on on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses naive times: they would be taken for UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"{value!r} has no time zone"
            raise ValueError(message)
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """Gives the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON(none_as_null=True)
# SQLite gives out row ids only for a column of type INTEGER.
Position = BigInteger().with_variant(Integer, "sqlite")
# Sorted by its bytes, not as a language sorts words.
PlainText = String().with_variant(String(collation="C"), "postgresql")


@compiles(Computed, "postgresql")
def _stored(computed: Computed, compiler: DDLCompiler, **_: object) -> str:
    """PostgreSQL has no index over what it computes anew each time; SQLite adds no other to a table that is there."""
    expression = compiler.sql_compiler.process(computed.sqltext, include_table=False, literal_binds=True)
    return f"GENERATED ALWAYS AS ({expression}) STORED"


def _one_of(column: str, values: Iterable[str]) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({listed})"


_FINAL = _one_of("status", FINAL_STATUSES)


_LANE = "provider || ' ' || account || ' ' || kind || CASE WHEN is_alone THEN ' alone' ELSE '' END"
"""Jobs that share a budget and a way to be asked wait in one lane, which a loop can skip as a whole."""


class JobRow(SQLModel, table=True):
    """One remote job that we track."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(_one_of("status", Status), name="jobs_status_known"),
        CheckConstraint(f"({_FINAL}) = (finished_at IS NOT NULL)", name="jobs_final_has_end"),
        CheckConstraint(f"({_FINAL}) = (next_poll_at IS NULL)", name="jobs_final_never_polled"),
        CheckConstraint(f"NOT ({_FINAL}) OR sequence > 0", name="jobs_final_was_told"),
        CheckConstraint("progress BETWEEN 0 AND 1", name="jobs_progress_is_share"),
        CheckConstraint("sequence >= 0 AND polls >= 0 AND run >= 1", name="jobs_counts"),
        UniqueConstraint("provider", "account", "kind", "remote_id", "run", name="jobs_one_per_run"),
        Index(
            "jobs_one_tracked",
            *("provider", "account", "kind", "remote_id"),
            unique=True,
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index(
            "jobs_due",
            *("lane", "next_poll_at"),
            sqlite_where=text("next_poll_at IS NOT NULL AND leased_until IS NULL"),
            postgresql_where=text("next_poll_at IS NOT NULL AND leased_until IS NULL"),
        ),
        Index(
            "jobs_leased",
            "leased_until",
            sqlite_where=text("leased_until IS NOT NULL"),
            postgresql_where=text("leased_until IS NOT NULL"),
        ),
        Index(
            "jobs_by_deadline",
            "timeout_at",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index("jobs_by_facet", "facet", "id"),
        Index("jobs_by_remote_id", "remote_id", "id"),
        Index(
            "jobs_by_end",
            "finished_at",
            sqlite_where=text("finished_at IS NOT NULL"),
            postgresql_where=text("finished_at IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    provider: str
    kind: str
    account: str
    remote_id: str
    run: int
    params: dict[str, Any] = Field(sa_type=Json)
    tags: list[str] = Field(sa_type=Json)
    # "metadata" is taken by SQLAlchemy as an attribute, not as a column.
    metadata_: dict[str, Any] = Field(sa_type=Json, sa_column_kwargs={"name": "metadata"})
    callback_url: str | None
    callback_events: list[str] = Field(sa_type=Json)
    callback_ended_at: datetime | None = Field(sa_type=UtcDateTime)
    status: str
    provider_status: str | None
    progress: float | None
    output: dict[str, Any] | None = Field(sa_type=Json)
    error: dict[str, Any] | None = Field(sa_type=Json)
    sequence: int
    status_since: datetime | None = Field(sa_type=UtcDateTime)
    steps: list[Any] = Field(sa_type=Json)
    polls: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(sa_type=UtcDateTime)
    timeout_at: datetime = Field(sa_type=UtcDateTime)
    next_poll_at: datetime | None = Field(sa_type=UtcDateTime)
    last_polled_at: datetime | None = Field(sa_type=UtcDateTime)
    not_before: datetime | None = Field(sa_type=UtcDateTime)
    poll_problem: dict[str, Any] | None = Field(sa_type=Json)
    announced_progress: float | None
    progress_announced_at: datetime | None = Field(sa_type=UtcDateTime)
    announcements: int
    reading: dict[str, Any] | None = Field(sa_type=Json)
    leased_until: datetime | None = Field(sa_type=UtcDateTime)
    lease_epoch: int
    result_expires_at: datetime | None = Field(sa_type=UtcDateTime)
    etag: str | None
    is_alone: bool = Field(sa_column_kwargs={"server_default": false()})
    list_misses: int = Field(sa_column_kwargs={"server_default": text("0")})
    sightings: dict[str, Any] | None = Field(sa_type=Json)
    cancel_accepted_at: datetime | None = Field(sa_type=UtcDateTime)
    # The names hold no spaces: the API takes none that does.
    lane: str | None = Field(sa_column_args=(Computed(_LANE),))
    facet: str = Field(sa_type=PlainText, sa_column_kwargs={"server_default": text("''")})
    leased_by: str | None
    poll_ticks: str = Field(sa_column_kwargs={"server_default": text("''")})


class JobLabelRow(SQLModel, table=True):
    """A tag (`label` is "tag") or an entry of metadata (`label` is "metadata.<key>") of a job, to filter by.

    `facet` is the job's, so that a list of what has a label is read along it too.
    """

    __tablename__ = "job_labels"
    __table_args__ = (
        Index("job_labels_by_value", "label", "value", "facet", "job_id"),
        {"sqlite_with_rowid": False},
    )

    job_id: str = Field(primary_key=True, sa_column_args=(ForeignKey("jobs.id", ondelete="CASCADE"),))
    label: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    facet: str = Field(sa_type=PlainText)


class TransitionRow(SQLModel, table=True):
    """One stored status change of a job."""

    __tablename__ = "transitions"
    __table_args__ = (
        CheckConstraint("sequence >= 1", name="transitions_count_from_one"),
        CheckConstraint(_one_of("status", Status), name="transitions_status_known"),
        CheckConstraint("(sequence = 1) = (previous_status IS NULL)", name="transitions_first_has_none_before"),
        CheckConstraint("previous_status <> status", name="transitions_change_something"),
        CheckConstraint(f"NOT ({_one_of('previous_status', FINAL_STATUSES)})", name="transitions_end_is_final"),
        Index(
            "transitions_one_end",
            "job_id",
            unique=True,
            sqlite_where=text(_FINAL),
            postgresql_where=text(_FINAL),
        ),
    )

    job_id: str = Field(primary_key=True, sa_column_args=(ForeignKey("jobs.id", ondelete="CASCADE"),))
    sequence: int = Field(primary_key=True)
    status: str
    previous_status: str | None
    provider_status: str | None
    progress: float | None
    occurred_at: datetime = Field(sa_type=UtcDateTime)
    detected_at: datetime = Field(sa_type=UtcDateTime)


_IS_TRANSITION = "job_id IS NOT NULL AND type <> 'job.progress' AND type <> 'job.step'"


class EventRow(SQLModel, table=True):
    """The announcement of something. It outlives a job that its user forgets: what happened has happened."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("id", name="events_one_per_id"),
        CheckConstraint("(job_id IS NULL) = (sequence IS NULL)", name="events_of_job_have_sequence"),
        Index(
            "events_one_per_transition",
            *("job_id", "sequence"),
            unique=True,
            sqlite_where=text(_IS_TRANSITION),
            postgresql_where=text(_IS_TRANSITION),
        ),
        Index("events_by_job", "job_id", "position"),
        # What a filter asks for, without the bodies, which are most of the table.
        Index("events_in_brief", "position", "type", "provider", "kind", "job_id"),
        Index("events_by_time", "timestamp"),
        # Positions are never given out twice, so that a cursor stays right after retention.
        {"sqlite_autoincrement": True},
    )

    position: int | None = Field(default=None, primary_key=True, sa_type=Position)
    id: str
    type: str
    timestamp: datetime = Field(sa_type=UtcDateTime)
    job_id: str | None
    sequence: int | None
    body: bytes = Field(sa_type=LargeBinary)
    provider: str | None
    kind: str | None
    tags: list[str] = Field(sa_type=Json, sa_column_kwargs={"server_default": text("'[]'")})


class SubscriptionRow(SQLModel, table=True):
    """A callback URL, its filter of events, its secrets."""

    __tablename__ = "subscriptions"
    __table_args__ = (CheckConstraint(_one_of("status", SubscriptionStatus), name="subscriptions_status_known"),)

    id: str = Field(primary_key=True)
    callback_url: str
    events: list[str] = Field(sa_type=Json)
    providers: list[str] = Field(sa_type=Json)
    kinds: list[str] = Field(sa_type=Json)
    tags: list[str] = Field(sa_type=Json)
    description: str | None
    headers: dict[str, str] = Field(sa_type=Json)
    secrets: list[dict[str, Any]] = Field(sa_type=Json)
    status: str
    status_reason: str | None
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    payload: str = Field(sa_column_kwargs={"server_default": text("'full'")})
    order: str = Field(sa_column_kwargs={"server_default": text("'none'")})
    max_in_flight: int | None
    signs_v1a: bool = Field(sa_column_kwargs={"server_default": false()})


class SubscriberRow(SQLModel, table=True):
    """How a subscriber has answered of late, if it has not simply accepted what came."""

    __tablename__ = "subscribers"
    __table_args__ = (CheckConstraint("failures >= 0", name="subscribers_failures_count"),)

    subscriber: str = Field(primary_key=True)
    failures: int
    failing_since: datetime | None = Field(sa_type=UtcDateTime)
    held_at: datetime | None = Field(sa_type=UtcDateTime)
    held_until: datetime | None = Field(sa_type=UtcDateTime)
    holds: int


_IS_WAITING = "status = 'pending' AND leased_until IS NULL AND behind_since IS NULL"
_IS_FORCED = "forced_at IS NOT NULL AND leased_until IS NULL"
_IS_BEHIND = "behind_since IS NOT NULL"
GIVEN_UP = frozenset((DeliveryStatus.EXHAUSTED, DeliveryStatus.BLOCKED))
IS_GIVEN_UP = "status IN ('exhausted', 'blocked')"
"""SQLite reads along the index only where a statement says just this."""


class DeliveryRow(SQLModel, table=True):
    """One event for one subscription, or for a job's own callback."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(_one_of("status", DeliveryStatus), name="deliveries_status_known"),
        CheckConstraint("(status = 'pending') = (next_attempt_at IS NOT NULL)", name="deliveries_pending_is_due"),
        CheckConstraint("(status = 'delivered') = (delivered_at IS NOT NULL)", name="deliveries_arrival_has_time"),
        CheckConstraint("(subscription_id IS NULL) <> (callback_url IS NULL)", name="deliveries_have_one_address"),
        CheckConstraint("attempts >= 0", name="deliveries_attempts_count"),
        UniqueConstraint("event_id", "subscriber", name="deliveries_one_per_subscriber"),
        Index(
            "deliveries_due",
            *("subscriber", "is_retry", "next_attempt_at"),
            sqlite_where=text(_IS_WAITING),
            postgresql_where=text(_IS_WAITING),
        ),
        Index(
            "deliveries_leased",
            "leased_until",
            sqlite_where=text("leased_until IS NOT NULL"),
            postgresql_where=text("leased_until IS NOT NULL"),
        ),
        Index(
            "deliveries_forced",
            "forced_at",
            sqlite_where=text(_IS_FORCED),
            postgresql_where=text(_IS_FORCED),
        ),
        Index(
            "deliveries_behind",
            "subscriber",
            sqlite_where=text(_IS_BEHIND),
            postgresql_where=text(_IS_BEHIND),
        ),
        Index(
            "deliveries_given_up",
            *("id", "status"),
            sqlite_where=text(IS_GIVEN_UP),
            postgresql_where=text(IS_GIVEN_UP),
        ),
        Index("deliveries_by_job", "job_id", "id"),
        Index("deliveries_by_subscription", "subscription_id", "id"),
    )

    id: str = Field(primary_key=True)
    event_id: str = Field(sa_column_args=(ForeignKey("events.id"),))
    event_type: str
    job_id: str | None
    subscription_id: str | None
    subscriber: str
    callback_url: str | None
    status: str
    attempts: int
    is_retry: bool
    next_attempt_at: datetime | None = Field(sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    delivered_at: datetime | None = Field(sa_type=UtcDateTime)
    leased_until: datetime | None = Field(sa_type=UtcDateTime)
    lease_epoch: int
    payload: str = Field(sa_column_kwargs={"server_default": text("'full'")})
    schedule_from: int = Field(sa_column_kwargs={"server_default": text("0")})
    behind_since: datetime | None = Field(sa_type=UtcDateTime)
    forced_at: datetime | None = Field(sa_type=UtcDateTime)
    leased_by: str | None


class AttemptRow(SQLModel, table=True):
    """One HTTP try of a delivery."""

    __tablename__ = "attempts"
    __table_args__ = (
        CheckConstraint(_one_of("outcome", AttemptResult), name="attempts_outcome_known"),
        CheckConstraint("number >= 1 AND duration_ms >= 0", name="attempts_counts"),
        UniqueConstraint("delivery_id", "number", name="attempts_one_per_number"),
    )

    id: str = Field(primary_key=True)
    delivery_id: str = Field(sa_column_args=(ForeignKey("deliveries.id", ondelete="CASCADE"),))
    number: int
    started_at: datetime = Field(sa_type=UtcDateTime)
    duration_ms: int
    outcome: str
    http_status: int | None
    error: str | None
    response_body: str | None
    error_class: str | None
    address: str | None
    is_private: bool = Field(sa_column_kwargs={"server_default": false()})
    phases: dict[str, float] | None = Field(sa_type=Json)


class ReplayRow(SQLModel, table=True):
    """A run that sends a subscription again what it was told, or should have been, in a span of time."""

    __tablename__ = "replays"
    __table_args__ = (
        CheckConstraint(_one_of("status", ReplayStatus), name="replays_status_known"),
        CheckConstraint("queued >= 0 AND total >= 0 AND rate > 0", name="replays_counts"),
        Index("replays_by_subscription", "subscription_id", "id"),
        Index(
            "replays_due",
            "next_at",
            sqlite_where=text("status = 'running'"),
            postgresql_where=text("status = 'running'"),
        ),
    )

    id: str = Field(primary_key=True)
    subscription_id: str = Field(sa_column_args=(ForeignKey("subscriptions.id", ondelete="CASCADE"),))
    since: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    events: list[str] = Field(sa_type=Json)
    only_failed: bool
    rate: float
    status: str
    total: int
    queued: int
    position: int = Field(sa_type=Position)
    next_at: datetime = Field(sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(sa_type=UtcDateTime)
    end_position: int = Field(sa_type=Position, sa_column_kwargs={"server_default": text("0")})
    counted_to: int | None = Field(sa_type=Position)


class AccountRow(SQLModel, table=True):
    """An account that is held: its provider asked for silence, or refuses its credentials."""

    __tablename__ = "accounts"

    provider: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    status: str
    since: datetime | None = Field(sa_type=UtcDateTime)
    until: datetime | None = Field(sa_type=UtcDateTime)
    tries: int
    message: str | None


class ProfileRow(SQLModel, table=True):
    """What is learned of how long the jobs of a kind, or of a model of it, take."""

    __tablename__ = "profiles"
    __table_args__ = (CheckConstraint("length(state) <= 4096", name="profiles_are_small"),)

    provider: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    state: bytes = Field(sa_type=LargeBinary)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class ApiKeyRow(SQLModel, table=True):
    """An API key: its SHA-256, never the key."""

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint(_one_of("scope", Scope), name="api_keys_scope_known"),
        UniqueConstraint("digest", name="api_keys_one_per_digest"),
    )

    id: str = Field(primary_key=True)
    name: str
    scope: str
    digest: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(sa_type=UtcDateTime)
    last4: str | None
    expires_at: datetime | None = Field(sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(sa_type=UtcDateTime)


class AnswerRow(SQLModel, table=True):
    """What a call was answered with, for whoever repeats it under the same idempotency key."""

    __tablename__ = "answers"
    __table_args__ = (
        CheckConstraint("status BETWEEN 200 AND 299", name="answers_are_of_success"),
        Index("answers_by_time", "answered_at"),
    )

    caller: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request: str
    answered_at: datetime = Field(sa_type=UtcDateTime)
    status: int
    headers: dict[str, str] = Field(sa_type=Json)
    body: bytes = Field(sa_type=LargeBinary)


class ReplicaRow(SQLModel, table=True):
    """A process that works on this database beside others."""

    __tablename__ = "replicas"

    id: str = Field(primary_key=True)
    seen_until: datetime = Field(sa_type=UtcDateTime)
    makes_room_for: list[str] = Field(sa_type=Json)


class ActivityRow(SQLModel, table=True):
    """What one process did in one minute of Unix time of one provider's jobs, or ("") of deliveries."""

    __tablename__ = "activity"
    __table_args__ = ({"sqlite_with_rowid": False},)

    minute: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    process: str = Field(primary_key=True)
    provider: str = Field(primary_key=True)
    requests: int
    polls: int
    jobs_succeeded: int
    jobs_failed: int
    jobs_canceled: int
    jobs_expired: int
    finished_polls: int
    delays: int
    delay_seconds: float
    longest_delay: float
    attempts_delivered: int
    attempts_rejected: int
    attempts_timeout: int
    attempts_connection: int
    attempts_tls: int
    attempts_dns: int
    attempts_blocked: int
    deliveries_delivered: int
    deliveries_exhausted: int
    deliveries_blocked: int
    deliveries_canceled: int


class SecretRow(SQLModel, table=True):
    """A secret of the service itself, such as the one that signs the callbacks of jobs."""

    __tablename__ = "secrets"

    name: str = Field(primary_key=True)
    value: str


_IDS = frozenset(("id", "job_id", "event_id", "delivery_id", "subscription_id", "subscriber"))
# Pages are cut at ids, and ids of a time are computed here: both want the database to sort as Python does.
for _column in (column for table in SQLModel.metadata.tables.values() for column in table.columns):
    if _column.name in _IDS:
        _column.type = PlainText


def _table(name: str) -> Table:
    return SQLModel.metadata.tables[name]


JOBS = _table("jobs")
JOB_COLUMNS = tuple(JOBS.c[name] for name in Job.__dataclass_fields__)
"""What a record of a job is made of. The rest is the store's own, and seldom read."""
JOB_LABELS = _table("job_labels")
TRANSITIONS = _table("transitions")
EVENTS = _table("events")
SUBSCRIPTIONS = _table("subscriptions")
DELIVERIES = _table("deliveries")
ATTEMPTS = _table("attempts")
SUBSCRIBERS = _table("subscribers")
REPLAYS = _table("replays")
ACCOUNTS = _table("accounts")
PROFILES = _table("profiles")
API_KEYS = _table("api_keys")
ANSWERS = _table("answers")
SECRETS = _table("secrets")
REPLICAS = _table("replicas")
ACTIVITY = _table("activity")
