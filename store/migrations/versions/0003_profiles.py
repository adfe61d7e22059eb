"""Profiles of how long jobs take, and what polls saw of a job; held accounts, deadlines, and accepted cancellations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds tables, columns and an index in place."""
    op.create_table(
        "profiles",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(state) <= 4096", name="profiles_are_small"),
        sa.PrimaryKeyConstraint("provider", "kind", "model"),
    )
    op.add_column("jobs", sa.Column("sightings", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("jobs", sa.Column("cancel_accepted_at", sa.DateTime(timezone=True), nullable=True))
    unfinished = sa.text("finished_at IS NULL")
    op.create_index("jobs_by_deadline", "jobs", ["timeout_at"], sqlite_where=unfinished, postgresql_where=unfinished)
    op.create_table(
        "accounts",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("message", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("provider", "account"),
    )
