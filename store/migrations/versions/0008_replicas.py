"""Replicas that work on one database know of each other, and whose each lease is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds a table, and columns in place."""
    op.create_table(
        "replicas",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("seen_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("makes_room_for", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for table in ("jobs", "deliveries"):
        op.add_column(table, sa.Column("leased_by", sa.String(), nullable=True))
