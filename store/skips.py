"""Skipping along an index: what a column holds, at a cost of its different values and not of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

if TYPE_CHECKING:
    from sqlalchemy import CTE, ColumnElement


def different_values(
    column: ColumnElement[Any], *conditions: ColumnElement[bool], low: ColumnElement[Any], high: ColumnElement[Any]
) -> CTE:
    """Each value of `column` from `low` to `high`, among the rows that meet the conditions, once; the last one is NULL.

    They are in the column `value`. There has to be an index of these rows by `column`.
    """
    lowest = select(func.min(column).label("value")).where(*conditions, column >= low, column <= high)
    first = lowest.cte("different", recursive=True)
    # `low` must not bound this: SQLite would start over from there, and walk past all that has been seen.
    further = (column > first.c.value, column <= high)
    following = select(func.min(column)).where(*conditions, *further).scalar_subquery()
    return first.union_all(select(following).where(first.c.value.is_not(None)))
