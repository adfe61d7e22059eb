"""A job's row tells when it was polled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Adds a column in place. Of polls that were before this the times are not known."""
    op.add_column("jobs", sa.Column("poll_ticks", sa.String(), nullable=False, server_default=sa.text("''")))
