"""Skipping along an index: what a column holds, at a cost of its different values and not of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

if TYPE_CHECKING:
    from sqlalchemy import CTE, ColumnElement


def different_values(column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> CTE:
    """Each value of `column` among the rows that meet the conditions, once, as `value`; the last one is NULL.

    There has to be an index of these rows by the column.
    """
    first = select(func.min(column).label("value")).where(*conditions).cte("different", recursive=True)
    following = select(func.min(column)).where(*conditions, column > first.c.value).scalar_subquery()
    return first.union_all(select(following).where(first.c.value.is_not(None)))
