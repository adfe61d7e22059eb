"""Replicas: the processes that work on one database, and the leases of those that are no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, select, update

from store.dialects import take_turns, time_of, upsert
from store.records import Replica
from store.tables import DELIVERIES, JOBS, REPLICAS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from store.database import Database


class Replicas:
    """The replicas of one database. Whether one is still there is told by the database's clock alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def own_id(self) -> str:
        """The id of this process, which its leases are taken under."""
        return self._database.process_id

    @property
    def are_possible(self) -> bool:
        """Whether other processes may work on the database at all."""
        return self._database.is_shared

    async def tell(self, hint: str) -> None:
        """Gives the others a hint; it may be lost."""
        await self._database.tell(hint)

    def listen(self, hear: Callable[[str], None]) -> None:
        """Has `hear` called, in some thread, with the hints of all, own ones too; with "" when some may be lost."""
        self._database.listen(hear)

    async def report(self, makes_room_for: Sequence[str] | None, lease: timedelta) -> tuple[Replica, ...]:
        """Tells that this process is there and will be for so long; returns all that are there, itself too.

        `makes_room_for` None: for all that are there; that is for one that has nothing under way.

        Those whose time is over are forgotten. Reports are written one after the other, whoever makes them.
        """
        own = self._database.process_id
        return await self._database.write(lambda connection: _report(connection, own, makes_room_for, lease))

    async def leave(self) -> None:
        """Tells that this process is there no more."""
        gone = delete(REPLICAS).where(REPLICAS.c.id == self._database.process_id)
        await self._database.write(lambda connection: connection.execute(gone) and None)

    async def recover_leases(self) -> int:
        """Frees what is leased by processes that are there no more, and counts it."""
        return await self._database.write(_recover_leases)


def _report(
    connection: Connection, own: str, makes_room_for: Sequence[str] | None, lease: timedelta
) -> tuple[Replica, ...]:
    # Two that come at once must not both take themselves to be alone.
    take_turns(connection, "replicas")
    now = time_of(connection)
    connection.execute(delete(REPLICAS).where(REPLICAS.c.seen_until <= now, REPLICAS.c.id != own))
    there = set(connection.execute(select(REPLICAS.c.id)).scalars())
    # One that is forgotten now and comes back has no room here until it is seen again.
    room = sorted(there.intersection(there if makes_room_for is None else makes_room_for))
    upsert(connection, REPLICAS, [{"id": own, "seen_until": now + lease, "makes_room_for": room}])
    query = select(REPLICAS.c.id, REPLICAS.c.makes_room_for).order_by(REPLICAS.c.id)
    return tuple(Replica(row.id, tuple(row.makes_room_for)) for row in connection.execute(query))


def _recover_leases(connection: Connection) -> int:
    there = select(REPLICAS.c.id)
    count = 0
    for table in (JOBS, DELIVERIES):
        lost = (table.c.leased_until.is_not(None), table.c.leased_by.not_in(there))
        count += connection.execute(update(table).where(*lost).values(leased_until=None)).rowcount
    return count
