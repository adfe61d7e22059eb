"""Ids are sorted by their bytes, whatever language the database is made for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_IDS = {
    "jobs": ("id",),
    "job_labels": ("job_id",),
    "transitions": ("job_id",),
    "events": ("id", "job_id"),
    "subscriptions": ("id",),
    "subscribers": ("subscriber",),
    "deliveries": ("id", "event_id", "job_id", "subscription_id", "subscriber"),
    "attempts": ("id", "delivery_id"),
    "replays": ("id", "subscription_id"),
    "api_keys": ("id",),
    "replicas": ("id",),
}


def upgrade() -> None:
    """Changes the columns on PostgreSQL, which makes their indexes anew; SQLite sorts so anyway."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in _IDS.items():
        for column in columns:
            op.alter_column(table, column, type_=sa.String(collation="C"))
    # Made anew by the change of its column it would say the same in other words than the tables do.
    op.drop_index("transitions_one_end", "transitions")
    is_end = sa.text("status IN ('succeeded', 'failed', 'canceled', 'expired')")
    op.create_index("transitions_one_end", "transitions", ["job_id"], unique=True, postgresql_where=is_end)
