"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """The first schema."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("scope IN ('read', 'write', 'admin')", name="api_keys_scope_known"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest", name="api_keys_one_per_digest"),
    )
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("(job_id IS NULL) = (sequence IS NULL)", name="events_of_job_have_sequence"),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id", name="events_one_per_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index("events_by_job", ["job_id", "position"], unique=False)
        batch_op.create_index("events_by_time", ["timestamp"], unique=False)
        batch_op.create_index(
            "events_one_per_transition",
            ["job_id", "sequence"],
            unique=True,
            sqlite_where=sa.text("job_id IS NOT NULL AND type <> 'job.progress' AND type <> 'job.step'"),
            postgresql_where=sa.text("job_id IS NOT NULL AND type <> 'job.progress' AND type <> 'job.step'"),
        )

    op.create_table(
        "jobs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("params", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("tags", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("metadata", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("callback_url", sa.String(), nullable=True),
        sa.Column("callback_events", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("callback_ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("provider_status", sa.String(), nullable=True),
        sa.Column("progress", sa.Float(), nullable=True),
        sa.Column("output", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("status_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("steps", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("timeout_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("poll_problem", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("announced_progress", sa.Float(), nullable=True),
        sa.Column("progress_announced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("announcements", sa.Integer(), nullable=False),
        sa.Column("reading", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_epoch", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(status IN ('succeeded', 'failed', 'canceled', 'expired')) = (finished_at IS NOT NULL)",
            name="jobs_final_has_end",
        ),
        sa.CheckConstraint(
            "(status IN ('succeeded', 'failed', 'canceled', 'expired')) = (next_poll_at IS NULL)",
            name="jobs_final_never_polled",
        ),
        sa.CheckConstraint(
            "NOT (status IN ('succeeded', 'failed', 'canceled', 'expired')) OR sequence > 0", name="jobs_final_was_told"
        ),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'action_required', 'succeeded', 'failed', 'canceled', 'expired')",
            name="jobs_status_known",
        ),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name="jobs_progress_is_share"),
        sa.CheckConstraint("sequence >= 0 AND polls >= 0 AND run >= 1", name="jobs_counts"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("provider", "account", "kind", "remote_id", "run", name="jobs_one_per_run"),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index("jobs_by_end", ["finished_at", "id"], unique=False)
        batch_op.create_index("jobs_by_remote_id", ["remote_id", "id"], unique=False)
        batch_op.create_index("jobs_by_status", ["status", "id"], unique=False)
        batch_op.create_index(
            "jobs_due",
            ["next_poll_at"],
            unique=False,
            sqlite_where=sa.text("next_poll_at IS NOT NULL AND leased_until IS NULL"),
            postgresql_where=sa.text("next_poll_at IS NOT NULL AND leased_until IS NULL"),
        )
        batch_op.create_index(
            "jobs_leased",
            ["leased_until"],
            unique=False,
            sqlite_where=sa.text("leased_until IS NOT NULL"),
            postgresql_where=sa.text("leased_until IS NOT NULL"),
        )
        batch_op.create_index(
            "jobs_one_tracked",
            ["provider", "account", "kind", "remote_id"],
            unique=True,
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )

    op.create_table(
        "secrets",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("callback_url", sa.String(), nullable=False),
        sa.Column("events", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("providers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("kinds", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("tags", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("headers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("secrets", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('active', 'paused', 'disabled')", name="subscriptions_status_known"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("subscription_id", sa.String(), nullable=True),
        sa.Column("subscriber", sa.String(), nullable=False),
        sa.Column("callback_url", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("is_retry", sa.Boolean(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_epoch", sa.Integer(), nullable=False),
        sa.CheckConstraint("(status = 'delivered') = (delivered_at IS NOT NULL)", name="deliveries_arrival_has_time"),
        sa.CheckConstraint("(status = 'pending') = (next_attempt_at IS NOT NULL)", name="deliveries_pending_is_due"),
        sa.CheckConstraint(
            "status IN ('pending', 'delivered', 'exhausted', 'superseded', 'blocked', 'canceled')",
            name="deliveries_status_known",
        ),
        sa.CheckConstraint("(subscription_id IS NULL) <> (callback_url IS NULL)", name="deliveries_have_one_address"),
        sa.CheckConstraint("attempts >= 0", name="deliveries_attempts_count"),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["events.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id", "subscriber", name="deliveries_one_per_subscriber"),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index("deliveries_by_job", ["job_id", "id"], unique=False)
        batch_op.create_index("deliveries_by_subscription", ["subscription_id", "id"], unique=False)
        batch_op.create_index(
            "deliveries_due",
            ["subscriber", "is_retry", "next_attempt_at"],
            unique=False,
            sqlite_where=sa.text("status = 'pending' AND leased_until IS NULL"),
            postgresql_where=sa.text("status = 'pending' AND leased_until IS NULL"),
        )
        batch_op.create_index(
            "deliveries_leased",
            ["leased_until"],
            unique=False,
            sqlite_where=sa.text("leased_until IS NOT NULL"),
            postgresql_where=sa.text("leased_until IS NOT NULL"),
        )

    op.create_table(
        "job_labels",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "label", "value"),
    )
    with op.batch_alter_table("job_labels", schema=None) as batch_op:
        batch_op.create_index("job_labels_by_value", ["label", "value", "job_id"], unique=False)

    op.create_table(
        "transitions",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("previous_status", sa.String(), nullable=True),
        sa.Column("provider_status", sa.String(), nullable=True),
        sa.Column("progress", sa.Float(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detected_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "NOT (previous_status IN ('succeeded', 'failed', 'canceled', 'expired'))", name="transitions_end_is_final"
        ),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'action_required', 'succeeded', 'failed', 'canceled', 'expired')",
            name="transitions_status_known",
        ),
        sa.CheckConstraint("(sequence = 1) = (previous_status IS NULL)", name="transitions_first_has_none_before"),
        sa.CheckConstraint("previous_status <> status", name="transitions_change_something"),
        sa.CheckConstraint("sequence >= 1", name="transitions_count_from_one"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "sequence"),
    )
    with op.batch_alter_table("transitions", schema=None) as batch_op:
        batch_op.create_index(
            "transitions_one_end",
            ["job_id"],
            unique=True,
            sqlite_where=sa.text("status IN ('succeeded', 'failed', 'canceled', 'expired')"),
            postgresql_where=sa.text("status IN ('succeeded', 'failed', 'canceled', 'expired')"),
        )

    op.create_table(
        "attempts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("response_body", sa.String(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('delivered', 'rejected', 'timeout', 'connection', 'tls', 'dns', 'blocked')",
            name="attempts_outcome_known",
        ),
        sa.CheckConstraint("number >= 1 AND duration_ms >= 0", name="attempts_counts"),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("delivery_id", "number", name="attempts_one_per_number"),
    )
