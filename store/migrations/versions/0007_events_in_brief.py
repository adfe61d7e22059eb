"""What the feed is filtered by gets columns of its own beside the bodies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_IN_BODIES = """
    UPDATE events SET
        provider = json_extract(CAST(body AS TEXT), '$.data.job.provider'),
        kind = json_extract(CAST(body AS TEXT), '$.data.job.kind'),
        tags = coalesce(json_extract(CAST(body AS TEXT), '$.data.job.tags'), '[]')
    WHERE job_id IS NOT NULL
"""


def upgrade() -> None:
    """Adds columns in place, and fills them from the bodies."""
    op.add_column("events", sa.Column("provider", sa.String(), nullable=True))
    op.add_column("events", sa.Column("kind", sa.String(), nullable=True))
    tags = sa.Column("tags", sa.JSON(none_as_null=True), nullable=False, server_default=sa.text("'[]'"))
    op.add_column("events", tags)
    if op.get_bind().dialect.name == "sqlite":
        # On other databases there is no event yet: they are supported since a later revision.
        op.execute(_IN_BODIES)
    op.create_index("events_in_brief", "events", ["position", "type", "provider", "kind", "job_id"])
