"""What was done is counted by the minute."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_JOBS = ("succeeded", "failed", "canceled", "expired")
_ATTEMPTS = ("delivered", "rejected", "timeout", "connection", "tls", "dns", "blocked")
_DELIVERIES = ("delivered", "exhausted", "blocked", "canceled")


def upgrade() -> None:
    """Adds a table."""
    op.create_table(
        "activity",
        sa.Column("minute", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        *_counts("requests", "polls"),
        *_counts(*(f"jobs_{word}" for word in _JOBS)),
        *_counts("finished_polls", "delays"),
        sa.Column("delay_seconds", sa.Float(), nullable=False),
        sa.Column("longest_delay", sa.Float(), nullable=False),
        *_counts(*(f"attempts_{word}" for word in _ATTEMPTS)),
        *_counts(*(f"deliveries_{word}" for word in _DELIVERIES)),
        sa.PrimaryKeyConstraint("minute", "process", "provider"),
        sqlite_with_rowid=False,
    )


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]
