"""Whether the database takes writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert

from store.tables import SECRETS

if TYPE_CHECKING:
    from store.database import Database

_NAME = "probe"


async def write_and_take_back(database: Database) -> None:
    """Writes a row and takes it back in one transaction, which nobody sees. Raises what any write would."""
    await database.write(_work)


def _work(connection: Connection) -> None:
    # Where nothing changes a full disk does not show; a page that changed is written, though it changed back.
    connection.execute(insert(SECRETS), {"name": _NAME, "value": ""})
    connection.execute(delete(SECRETS).where(SECRETS.c.name == _NAME))
