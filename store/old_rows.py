"""Deleting what is old, a few rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, Table, delete, select, tuple_

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


def delete_free(connection: Connection, table: Table, old: Select[Any], *unless: ColumnElement[bool]) -> int:
    """Deletes the rows whose keys `old` selects, and counts them.

    What another process has its hand on is left out, be it that it deletes too: nobody waits for anybody here.
    """
    # Nested: a statement that begins with WITH is none whose rows Python's sqlite3 counts.
    free = old.with_for_update(skip_locked=True, of=table).cte("free", nesting=True)
    key = tuple_(*(table.c[column.name] for column in free.c))
    return connection.execute(delete(table).where(key.in_(select(free)), *unless)).rowcount
