"""Deliveries that wait for others, and those that were given up, are counted without a look at all of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Adds indexes of few deliveries."""
    behind = sa.text("behind_since IS NOT NULL")
    op.create_index("deliveries_behind", "deliveries", ["subscriber"], sqlite_where=behind, postgresql_where=behind)
    given_up = sa.text("status IN ('exhausted', 'blocked')")
    op.create_index(
        "deliveries_given_up", "deliveries", ["id", "status"], sqlite_where=given_up, postgresql_where=given_up
    )
