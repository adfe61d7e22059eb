"""Leases that are given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table, update

if TYPE_CHECKING:
    from datetime import datetime


def free_leases(connection: Connection, table: Table, expired_at: datetime | None) -> int:
    """Frees the rows of `table` whose lease ran out before `expired_at` (None: all leases), and counts them."""
    leased = table.c.leased_until
    lost = leased.is_not(None) if expired_at is None else leased <= expired_at
    return connection.execute(update(table).where(lost).values(leased_until=None)).rowcount
