"""API keys, by their digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from store.rows import key_row, to_key
from store.tables import API_KEYS

if TYPE_CHECKING:
    from store.database import Database
    from store.records import ApiKey


class Keys:
    """The API keys of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: ApiKey) -> None:
        """Stores a new key."""
        row = key_row(key)
        await self._database.write(lambda connection: connection.execute(insert(API_KEYS), row) and None)

    async def find(self, digest: str) -> ApiKey | None:
        """The key with this digest that has not been revoked."""
        query = select(API_KEYS).where(API_KEYS.c.digest == digest, API_KEYS.c.revoked_at.is_(None))
        row = await self._database.read(lambda connection: connection.execute(query).mappings().first())
        return to_key(row) if row else None

    async def has_any(self) -> bool:
        """Whether a key was ever made."""
        query = select(func.count()).select_from(API_KEYS)
        return bool(await self._database.read(lambda connection: connection.execute(query).scalar()))
