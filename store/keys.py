"""API keys, by their digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, exists, insert, or_, select, update

from store.answers import keep_answer
from store.dialects import take_turns
from store.errors import StoreError
from store.records import Page, Scope
from store.rows import key_row, to_key
from store.tables import API_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from store.database import Database
    from store.records import ApiKey, KeptAnswer


class LastAdminKeyError(StoreError):
    """A key cannot be revoked: no other would be left that can make keys."""


class Keys:
    """The API keys of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: ApiKey, answer: KeptAnswer | None = None) -> None:
        """Stores a new key, and along with it what its maker is answered. Raises AlreadyAnsweredError."""

        def work(connection: Connection) -> None:
            keep_answer(connection, answer)
            connection.execute(insert(API_KEYS), key_row(key))

        await self._database.write(work)

    async def get(self, key_id: str) -> ApiKey | None:
        """The key with this id."""
        return await self._database.read(lambda connection: _get(connection, key_id))

    async def find(self, limit: int, after: str | None = None) -> Page[ApiKey]:
        """A page of keys, newest first; `after` is the id that the page before ended with."""
        query = select(API_KEYS).order_by(API_KEYS.c.id.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(API_KEYS.c.id < after)
        keys = await self._database.read(
            lambda connection: [to_key(row) for row in connection.execute(query).mappings()]
        )
        return Page(tuple(keys[:limit]), keys[limit - 1].id if len(keys) > limit else None)

    async def unrevoked(self) -> tuple[ApiKey, ...]:
        """Every key that has not been revoked; some may have expired."""
        query = select(API_KEYS).where(API_KEYS.c.revoked_at.is_(None))
        return await self._database.read(
            lambda connection: tuple(to_key(row) for row in connection.execute(query).mappings())
        )

    async def add_first(self, key: ApiKey) -> bool:
        """Stores a key if none was ever made, and tells whether it did."""
        return await self._database.write(lambda connection: _add_first(connection, key))

    async def revoke(self, key_id: str, now: datetime, *, must_leave_admin: bool) -> ApiKey | None:
        """Revokes a key for good and returns it; one that was revoked before stays as it is.

        Raises LastAdminKeyError where an admin key must be left, and none would be.
        """
        return await self._database.write(
            lambda connection: _revoke(connection, key_id, now, must_leave_admin=must_leave_admin)
        )

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """Writes when keys were used last, by their ids; never an earlier time than is there."""
        rows = [{"key": key_id, "used": at} for key_id, at in uses.items()]
        is_later = or_(API_KEYS.c.last_used_at.is_(None), API_KEYS.c.last_used_at < bindparam("used"))
        statement = (
            update(API_KEYS).where(API_KEYS.c.id == bindparam("key"), is_later).values(last_used_at=bindparam("used"))
        )
        await self._database.write(lambda connection: connection.execute(statement, rows) and None)


def _get(connection: Connection, key_id: str) -> ApiKey | None:
    row = connection.execute(select(API_KEYS).where(API_KEYS.c.id == key_id)).mappings().first()
    return to_key(row) if row else None


def _revoke(connection: Connection, key_id: str, now: datetime, *, must_leave_admin: bool) -> ApiKey | None:
    # Two that are revoked at once must not each be the other one that is left.
    take_turns(connection, "revoked keys")
    key = _get(connection, key_id)
    if key is None or key.revoked_at is not None:
        return key
    if must_leave_admin and key.scope is Scope.ADMIN and not _is_other_admin(connection, key_id, now):
        message = f"{key_id} is the last admin key: without one nobody can make keys."
        raise LastAdminKeyError(message)
    connection.execute(update(API_KEYS).where(API_KEYS.c.id == key_id).values(revoked_at=now))
    return _get(connection, key_id)


def _is_other_admin(connection: Connection, key_id: str, now: datetime) -> bool:
    other = exists().where(
        API_KEYS.c.id != key_id,
        API_KEYS.c.scope == Scope.ADMIN.value,
        API_KEYS.c.revoked_at.is_(None),
        or_(API_KEYS.c.expires_at.is_(None), API_KEYS.c.expires_at > now),
    )
    return bool(connection.execute(select(other)).scalar())


def _add_first(connection: Connection, key: ApiKey) -> bool:
    take_turns(connection, "first key")
    if connection.execute(select(API_KEYS.c.id).limit(1)).first() is not None:
        return False
    connection.execute(insert(API_KEYS), key_row(key))
    return True
