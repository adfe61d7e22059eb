"""Counts all there is, along indexes alone. It takes as long as there are rows: a tenth of a second for a million."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, literal, select, text

from store.facets import parse_facet
from store.records import Census, DeliveryStatus, Status
from store.skips import different_values
from store.tables import DELIVERIES, IS_GIVEN_UP, JOBS

if TYPE_CHECKING:
    from store.database import Database

_FACET = different_values(JOBS.c.facet, low=literal(""), high=literal("~")).c.value
# Facet by facet: PostgreSQL would read the whole table to group it, which is many times as large as the index.
_OF_FACET = select(func.count()).select_from(JOBS).where(JOBS.c.facet == _FACET).scalar_subquery()
_FACETS = select(_FACET, _OF_FACET).where(_FACET.is_not(None))
_D = DELIVERIES.c
_GIVEN_UP = select(_D.status, func.count().label("number")).where(text(IS_GIVEN_UP)).group_by(_D.status)
_IS_PENDING = _D.status == DeliveryStatus.PENDING.value
# Three ways to be pending, each with an index of its own.
_PENDING = tuple(
    select(func.count()).select_from(DELIVERIES).where(_IS_PENDING, *conditions)
    for conditions in (
        (_D.leased_until.is_(None), _D.behind_since.is_(None)),
        (_D.leased_until.is_not(None),),
        (_D.leased_until.is_(None), _D.behind_since.is_not(None)),
    )
)


async def census_of(database: Database) -> Census:
    """How many there are of what."""
    return await database.read(_count)


def _count(connection: Connection) -> Census:
    given_up = {row.status: row.number for row in connection.execute(_GIVEN_UP)}
    return Census(
        jobs=_jobs(connection),
        pending=sum(connection.execute(query).scalar_one() for query in _PENDING),
        exhausted=given_up.get(DeliveryStatus.EXHAUSTED, 0),
        blocked=given_up.get(DeliveryStatus.BLOCKED, 0),
    )


def _jobs(connection: Connection) -> dict[str, dict[Status, int]]:
    counts: dict[str, dict[Status, int]] = {}
    for facet, count in connection.execute(_FACETS):
        kind = parse_facet(facet)
        of_provider = counts.setdefault(kind.provider, {})
        of_provider[kind.status] = of_provider.get(kind.status, 0) + count
    return counts
