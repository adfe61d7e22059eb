"""Alembic's entry: migrates on the connection that the store hands over, in the transaction that it has begun."""

from alembic import context
from sqlmodel import SQLModel

from store import tables

assert tables.JOBS is not None  # noqa: S101 - importing the tables registers them

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    # SQLite does roll DDL back once the driver leaves transactions to us.
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
