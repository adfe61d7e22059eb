"""What was done, minute by minute: each process writes its own rows, and reads those of all."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, or_, select

from store.dialects import upsert
from store.old_rows import delete_free
from store.records import Activity
from store.tables import ACTIVITY
from store.timing import timed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from store.database import Database
    from store.timing import Spent

_NAME = (ACTIVITY.c.minute, ACTIVITY.c.process, ACTIVITY.c.provider)
_STEP = ACTIVITY.c.minute - ACTIVITY.c.minute % bindparam("step")
_ADDED = tuple(
    (func.max if name == "longest_delay" else func.sum)(ACTIVITY.c[name]).label(name)
    for name in Activity.__dataclass_fields__
    if name not in ("minute", "provider")
)
_STEPS = (
    select(_STEP.label("minute"), ACTIVITY.c.provider, *_ADDED)
    .where(
        ACTIVITY.c.minute >= bindparam("first"),
        or_(ACTIVITY.c.process != bindparam("own"), ACTIVITY.c.minute.not_in(bindparam("but", expanding=True))),
    )
    .group_by(_STEP, ACTIVITY.c.provider)
)


class ActivityLog:
    """What the processes on one database have done."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, rows: Sequence[Activity]) -> None:
        """Writes what this process has done, in the place of what it had done in these minutes before."""
        own = self._database.process_id
        written = [asdict(row) | {"process": own} for row in rows]
        await self._database.write(lambda connection: upsert(connection, ACTIVITY, written))

    async def since(self, first: int, step: int, but: Collection[int] = ()) -> tuple[Activity, ...]:
        """What was done by provider from the minute `first` on, added up over `step` minutes each.

        Steps begin at multiples of `step`. Minutes in `but` are left out as far as this process wrote them.
        """
        asked = {"first": first, "step": step, "own": self._database.process_id, "but": list(but)}
        return await self._database.read(
            lambda connection: tuple(Activity(**row) for row in connection.execute(_STEPS, asked).mappings())
        )

    async def forget(self, before: int, limit: int, spent: Spent | None = None) -> int:
        """Deletes up to `limit` rows of minutes before this one, the oldest first, and counts them."""
        old = select(*_NAME).where(ACTIVITY.c.minute < before).order_by(ACTIVITY.c.minute).limit(limit)
        return await self._database.write(timed(lambda connection: delete_free(connection, ACTIVITY, old), spent))
