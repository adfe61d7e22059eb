"""Profiles: what is learned of how long the jobs of a kind, or of a model of it, take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from store.dialects import upsert
from store.rows import profile_row, to_profile
from store.tables import PROFILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.database import Database
    from store.records import StoredProfile


class Profiles:
    """The profiles of one database. They are written along with the polls that they are learned from."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> tuple[StoredProfile, ...]:
        """Every profile."""
        return await self._database.read(
            lambda connection: tuple(to_profile(row) for row in connection.execute(select(PROFILES)).mappings())
        )


def replace_profiles(connection: Connection, profiles: Sequence[StoredProfile]) -> None:
    """Writes profiles in the place of those that have their keys."""
    upsert(connection, PROFILES, [profile_row(each) for each in profiles])
