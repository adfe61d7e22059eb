"""The service's own secrets, made once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from store.dialects import insert_if_new
from store.tables import SECRETS

if TYPE_CHECKING:
    from store.database import Database
    from store.records import Sealed


class Secrets:
    """The service's own secrets in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_or_add(self, name: str, new: Sealed) -> Sealed:
        """The secret of this name; `new` becomes it if there is none yet."""
        return await self._database.write(lambda connection: _get_or_add(connection, name, new))


def _get_or_add(connection: Connection, name: str, new: Sealed) -> Sealed:
    insert_if_new(connection, SECRETS, {"name": name, "value": new})
    known: Sealed = connection.execute(select(SECRETS.c.value).where(SECRETS.c.name == name)).scalar_one()
    return known
