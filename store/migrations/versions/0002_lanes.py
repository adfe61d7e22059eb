"""Jobs wait in lanes, may be asked for by lists, and remember an ETag and how long their result lives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_WAITING = "next_poll_at IS NOT NULL AND leased_until IS NULL"
_LANE = "provider || ' ' || account || ' ' || kind || CASE WHEN is_alone THEN ' alone' ELSE '' END"


def upgrade() -> None:
    """Adds columns in place: to make the table anew would delete what hangs on its rows."""
    op.add_column("jobs", sa.Column("result_expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("etag", sa.String(), nullable=True))
    op.add_column("jobs", sa.Column("is_alone", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("jobs", sa.Column("list_misses", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("jobs", sa.Column("lane", sa.String(), sa.Computed(_LANE), nullable=True))
    op.drop_index("jobs_due", "jobs")
    waiting = sa.text(_WAITING)
    op.create_index("jobs_due", "jobs", ["lane", "next_poll_at"], sqlite_where=waiting, postgresql_where=waiting)
