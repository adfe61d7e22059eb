"""Replicas that work on one database know of each other, and whose each lease is."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


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
    _shorten_labels()


def _shorten_labels() -> None:
    """Long values of metadata are found by their SHA-256 from now on."""
    connection = op.get_bind()
    labels = sa.table("job_labels", sa.column("job_id"), sa.column("label"), sa.column("value"))
    long = sa.select(labels).where(sa.func.length(labels.c.value) > 250)  # characters, of up to four bytes
    for job_id, label, value in connection.execute(long).all():
        data = value.encode()
        if len(data) > 1000:
            row = (labels.c.job_id == job_id, labels.c.label == label, labels.c.value == value)
            short = f"sha256:{hashlib.sha256(data).hexdigest()}"
            connection.execute(sa.update(labels).where(*row).values(value=short))
