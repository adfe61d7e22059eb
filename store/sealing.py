"""Brings what is secret in the database under the key that seals now: plain texts, and those under older keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Connection, select, update

from store.dialects import erase_later
from store.tables import SECRETS, SUBSCRIPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Column, RowMapping

    from store.database import Database
    from store.records import Sealed
    from store.vault import Vault

    Renew: TypeAlias = Callable[[Sealed], Sealed]

ROWS_AT_A_TIME = 100


async def seal_all(database: Database, vault: Vault) -> int:
    """Seals under the vault's first key all that is not yet, a few rows at a time, and counts the rows.

    Raises SealedError before anything is changed if something cannot be opened. Once all is sealed the file is cleared
    of what was there before. A kill at any moment leaves the rest to the next call.
    """
    stale = {key: await database.read(partial(_stale, vault=vault, key=key)) for key in _SECRET_IN}
    for key, values in stale.items():
        for start in range(0, len(values), ROWS_AT_A_TIME):
            some = values[start : start + ROWS_AT_A_TIME]
            await database.write(partial(_renew, vault=vault, key=key, some=some))
    await database.erase()
    return sum(map(len, stale.values()))


def _stale(connection: Connection, vault: Vault, key: Column[str]) -> list[str]:
    """The keys of the rows that hold something that is not sealed as it would be now."""
    with connection.execution_options(yield_per=ROWS_AT_A_TIME).execute(select(key.table)) as rows:
        changes = ((row, _SECRET_IN[key](row, vault.renew)) for row in rows.mappings())
        return [row[key] for row, change in changes if any(row[name] != value for name, value in change.items())]


def _renew(connection: Connection, vault: Vault, key: Column[str], some: Sequence[str]) -> None:
    erase_later(connection)
    query = select(key.table).where(key.in_(some)).with_for_update()
    for row in connection.execute(query).mappings().all():
        connection.execute(update(key.table).where(key == row[key]).values(_SECRET_IN[key](row, vault.renew)))


def _secret_in_subscription(row: RowMapping, renew: Renew) -> dict[str, Any]:
    return {
        "secrets": [secret | {"value": renew(secret["value"])} for secret in row["secrets"]],
        "headers": {name: renew(value) for name, value in row["headers"].items()},
    }


def _secret_in_secret(row: RowMapping, renew: Renew) -> dict[str, Any]:
    return {"value": renew(row["value"])}


_SECRET_IN: Mapping[Column[str], Callable[[RowMapping, Renew], dict[str, Any]]] = {
    SUBSCRIPTIONS.c.id: _secret_in_subscription,
    SECRETS.c.name: _secret_in_secret,
}
"""By the key of each table that holds something secret: the columns of a row, with what is secret in them renewed."""
