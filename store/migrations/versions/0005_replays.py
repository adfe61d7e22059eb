"""A replay knows where in the feed its span ends, and how far it was counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds columns in place."""
    position = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("replays", sa.Column("end_position", position, nullable=False, server_default=sa.text("0")))
    op.add_column("replays", sa.Column("counted_to", position, nullable=True))
