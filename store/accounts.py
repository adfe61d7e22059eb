"""How accounts stand that are held: so that a restart does not ask a provider that asked for silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, and_, bindparam, delete, select

from store.dialects import upsert
from store.records import HeldAccount
from store.tables import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.database import Database

_KEY = and_(*(ACCOUNTS.c[name] == bindparam(f"the_{name}") for name in ("provider", "account")))


class HeldAccounts:
    """The held accounts of one database. They are written along with the polls that made them so."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> tuple[HeldAccount, ...]:
        """Every account that is held."""
        return await self._database.read(
            lambda connection: tuple(HeldAccount(**row) for row in connection.execute(select(ACCOUNTS)).mappings())
        )


def replace_accounts(connection: Connection, accounts: Sequence[HeldAccount]) -> None:
    """Writes how accounts stand now; one that is not held any more (`until` is None) is deleted."""
    if not accounts:
        return
    keys = [{"the_provider": each.provider, "the_account": each.account} for each in accounts if each.until is None]
    if keys:
        connection.execute(delete(ACCOUNTS).where(_KEY), keys)
    rows = [
        {name: getattr(each, name) for name in HeldAccount.__dataclass_fields__}
        for each in accounts
        if each.until is not None
    ]
    upsert(connection, ACCOUNTS, rows)
