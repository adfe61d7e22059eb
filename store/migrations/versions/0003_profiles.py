"""Profiles: what is learned of how long jobs take; and what the polls of a job saw of it, to learn from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the table and the column."""
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
