"""The statements that are not the same on SQLite and PostgreSQL; all others are, or are compiled to what fits."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.dialects import postgresql, sqlite

from store.tables import EVENTS, UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, TableValuedAlias


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows in the place of those that have their keys, if there are such."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    new = _insert(connection, table)
    values = {name: new.excluded[name] for name in rows[0] if name not in keys}
    # In one order everywhere, so that two transactions wait for each other's rows in the same order.
    ordered = sorted(rows, key=lambda row: [row[key] for key in keys])
    connection.execute(new.on_conflict_do_update(index_elements=keys, set_=values), ordered)


def insert_if_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Writes a row, unless there is one with its key."""
    connection.execute(_insert(connection, table).on_conflict_do_nothing(), row)


def take_turns(connection: Connection, name: str) -> None:
    """Until the transaction ends no other one is behind this line for the same name. SQLite has one writer anyway."""
    if _is_shared(connection):
        connection.execute(select(func.pg_advisory_xact_lock(_number_of(name))))


def json_values(connection: Connection, column: ColumnElement[Any]) -> TableValuedAlias:
    """The values of a JSON list of texts, as a table with the column `value`."""
    rows = func.json_array_elements_text if _is_shared(connection) else func.json_each
    return rows(column).table_valued("value")


def time_of(connection: Connection) -> datetime:
    """The database's own time. On PostgreSQL that of the statement: the transaction may have waited for its turn."""
    clock = func.statement_timestamp if _is_shared(connection) else func.now
    now: datetime = connection.execute(select(clock(type_=UtcDateTime))).scalar_one()
    return now


def announce_events(connection: Connection) -> None:
    """To be called before events are added: `feed_end` stays below them until the transaction ends.

    PostgreSQL gives positions out before the commit, so that a later position may be seen first. Whoever adds events
    holds a lock that tells, as its number, the first position that they may get; such locks block nobody.
    """
    if _is_shared(connection):
        connection.execute(_ANNOUNCE)


def feed_end(connection: Connection) -> int:
    """A position of the feed that no event will ever appear at or below that is not there already.

    To be read in a transaction that began before the one that shows the events up to it: what was added by those who
    let go of their locks meanwhile is seen by the latter.
    """
    end = connection.execute(select(func.max(EVENTS.c.position))).scalar() or 0
    first = connection.execute(_FIRST_ANNOUNCED).scalar() if _is_shared(connection) else None
    return end if first is None else min(end, first - 1)


def erase_later(connection: Connection) -> None:
    """Has the next `erase` clear a file of what this transaction overwrites, and of all that was before it.

    On PostgreSQL that is for `VACUUM`, and for those who keep its log.
    """
    if not _is_shared(connection):
        connection.exec_driver_sql("PRAGMA user_version = 1")


def is_to_be_erased(connection: Connection) -> bool:
    """Whether `erase_later` was called; for SQLite alone."""
    return bool(connection.exec_driver_sql("PRAGMA user_version").scalar())


def _is_shared(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if _is_shared(connection) else sqlite.insert(table)


def _number_of(name: str) -> int:
    digest = hashlib.sha256(f"tracker {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


_FEED = 0x7EED
"""The upper 16 bits of the number of a lock that tells a position; the lower 48 are the position."""

_ANNOUNCE = text(
    f"SELECT pg_advisory_xact_lock_shared(({_FEED}::bigint << 48) | (last_value + is_called::int)) "  # noqa: S608 - a constant
    "FROM events_position_seq"
)
_FIRST_ANNOUNCED = text(
    "SELECT min(((classid::bigint & 65535) << 32) | objid::bigint) FROM pg_locks "  # noqa: S608 - a constant
    "WHERE locktype = 'advisory' AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    f"AND classid::bigint >> 16 = {_FEED}"
)
