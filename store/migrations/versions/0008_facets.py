"""Lists of jobs are read along facets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_FACET = "status || ' ' || provider || ' ' || account || ' ' || kind || ' '"


def _facet_text() -> sa.types.TypeEngine[str]:
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Adds a column in place, and makes the labels anew.

    The facets of jobs that have ended get no span: these are found all the same, at the cost of a look at each.
    """
    op.add_column("jobs", sa.Column("facet", _facet_text(), nullable=False, server_default=sa.text("''")))
    op.execute(f"UPDATE jobs SET facet = {_FACET}")  # noqa: S608 - our own words
    op.drop_index("jobs_by_status", "jobs")
    op.create_index("jobs_by_facet", "jobs", ["facet", "id"])
    op.drop_index("jobs_by_end", "jobs")
    ended = sa.text("finished_at IS NOT NULL")
    op.create_index("jobs_by_end", "jobs", ["finished_at"], sqlite_where=ended, postgresql_where=ended)
    _make_labels_anew()


def _make_labels_anew() -> None:
    op.drop_index("job_labels_by_value", "job_labels")
    op.rename_table("job_labels", "old_job_labels")
    if op.get_bind().dialect.name == "postgresql":
        # Its constraints keep their names, which those of the new table are to have.
        for name in ("job_labels_pkey", "job_labels_job_id_fkey"):
            op.execute(f"ALTER TABLE old_job_labels RENAME CONSTRAINT {name} TO old_{name}")
    op.create_table(
        "job_labels",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("facet", _facet_text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "label", "value"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO job_labels (job_id, label, value, facet) SELECT job_id, label, value, facet"
        " FROM old_job_labels JOIN jobs ON jobs.id = old_job_labels.job_id ORDER BY job_id, label, value"
    )
    op.drop_table("old_job_labels")
    op.create_index("job_labels_by_value", "job_labels", ["label", "value", "facet", "job_id"])
