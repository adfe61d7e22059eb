"""Deletes what is past its retention, in batches that hold up nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from tracker.rules.batching import FIRST_ROWS, next_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

Forget: TypeAlias = Callable[[datetime, int, Callable[[float], None]], Awaitable[int]]
"""Deletes up to so many rows that are old at a time, counts them, and tells the seconds that the writer was at it."""

SECONDS_AT_A_TIME = 0.2
"""What a run takes of the writer, about; then it leaves the rest to the next one."""


class Retention:
    """Deletes rows of several sorts, one sort after the other; each learns how large its batches may be."""

    def __init__(self, sorts: Sequence[Forget]) -> None:
        self._sorts = [_Sort(forget) for forget in sorts]

    async def forget(self, now: datetime) -> bool:
        """Deletes what is old at a time; returns whether there is more to do."""
        left = SECONDS_AT_A_TIME
        for sort in self._sorts:
            left = await sort.forget(now, left)
            if left <= 0:
                return True
        return False


class _Sort:
    def __init__(self, forget: Forget) -> None:
        self._forget = forget
        self._rows = FIRST_ROWS

    async def forget(self, now: datetime, left: float) -> float:
        """Deletes batches for so many seconds of the writer; returns those that are left: none, if rows are left."""
        spent: list[float] = []
        while sum(spent) < left:
            rows = self._rows
            done = await self._forget(now, rows, spent.append)
            if done < rows:
                return left - sum(spent)
            self._rows = next_rows(rows, spent[-1])
        return 0.0
