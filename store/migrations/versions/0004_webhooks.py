"""How subscribers answer, in what order and form they are told, replays, and more about each attempt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_IS_WAITING = "status = 'pending' AND leased_until IS NULL AND behind_since IS NULL"
_IS_FORCED = "forced_at IS NOT NULL AND leased_until IS NULL"
_IS_RUNNING = "status = 'running'"


def upgrade() -> None:
    """Adds tables, columns and indexes in place; SQLite can add no CHECK to a table that is there."""
    _say_more_of_subscriptions()
    _say_more_of_deliveries()
    _say_more_of_attempts()
    _remember_how_subscribers_answer()
    _make_replays()


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _say_more_of_subscriptions() -> None:
    op.add_column("subscriptions", sa.Column("payload", sa.String(), nullable=False, server_default=sa.text("'full'")))
    op.add_column("subscriptions", sa.Column("order", sa.String(), nullable=False, server_default=sa.text("'none'")))
    op.add_column("subscriptions", sa.Column("max_in_flight", sa.Integer(), nullable=True))
    op.add_column("subscriptions", sa.Column("signs_v1a", sa.Boolean(), nullable=False, server_default=sa.false()))


def _say_more_of_deliveries() -> None:
    op.add_column("deliveries", sa.Column("payload", sa.String(), nullable=False, server_default=sa.text("'full'")))
    op.add_column("deliveries", sa.Column("schedule_from", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("deliveries", _time("behind_since"))
    op.add_column("deliveries", _time("forced_at"))
    op.drop_index("deliveries_due", "deliveries")
    waiting, forced = sa.text(_IS_WAITING), sa.text(_IS_FORCED)
    columns = ["subscriber", "is_retry", "next_attempt_at"]
    op.create_index("deliveries_due", "deliveries", columns, sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("deliveries_forced", "deliveries", ["forced_at"], sqlite_where=forced, postgresql_where=forced)


def _say_more_of_attempts() -> None:
    op.add_column("attempts", sa.Column("error_class", sa.String(), nullable=True))
    op.add_column("attempts", sa.Column("address", sa.String(), nullable=True))
    op.add_column("attempts", sa.Column("is_private", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("attempts", sa.Column("phases", sa.JSON(none_as_null=True), nullable=True))


def _remember_how_subscribers_answer() -> None:
    op.create_table(
        "subscribers",
        sa.Column("subscriber", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        _time("failing_since"),
        _time("held_at"),
        _time("held_until"),
        sa.Column("holds", sa.Integer(), nullable=False),
        sa.CheckConstraint("failures >= 0", name="subscribers_failures_count"),
        sa.PrimaryKeyConstraint("subscriber"),
    )


def _make_replays() -> None:
    op.create_table(
        "replays",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        _time("since", nullable=False),
        _time("until", nullable=False),
        sa.Column("events", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("only_failed", sa.Boolean(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("queued", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        _time("next_at", nullable=False),
        _time("created_at", nullable=False),
        _time("finished_at"),
        sa.CheckConstraint("status IN ('running', 'done')", name="replays_status_known"),
        sa.CheckConstraint("queued >= 0 AND total >= 0 AND rate > 0", name="replays_counts"),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscriptions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("replays_by_subscription", "replays", ["subscription_id", "id"])
    running = sa.text(_IS_RUNNING)
    op.create_index("replays_due", "replays", ["next_at"], sqlite_where=running, postgresql_where=running)
