"""Events: the immutable announcements, in the order of the feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, exists, insert, select

from store.records import DeliveryStatus, Event, Page
from store.rows import event_row, to_event
from store.tables import DELIVERIES, EVENTS, JOBS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from store.database import Database


class Events:
    """The events of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_job(self, job_id: str, limit: int, after: str | None = None) -> Page[Event]:
        """A page of a job's events, newest first; `after` is the position that the page before ended with."""
        query = select(EVENTS).where(EVENTS.c.job_id == job_id).order_by(EVENTS.c.position.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(EVENTS.c.position < int(after))
        events = await self._database.read(
            lambda connection: [to_event(row) for row in connection.execute(query).mappings()]
        )
        return Page(tuple(events[:limit]), str(events[limit - 1].position) if len(events) > limit else None)

    async def forget(self, before: datetime, limit: int) -> int:
        """Deletes events from before a time, and their deliveries with the attempts, up to `limit` of either.

        Those of a job that is still there stay, and those that still wait for a subscriber. Returns how many rows of
        both are gone; an event that many were told of goes after its last delivery.
        """
        return await self._database.write(lambda connection: _forget(connection, before, limit))


def insert_events(connection: Connection, events: Sequence[Event]) -> None:
    """Appends events to the feed, in this order."""
    if events:
        connection.execute(insert(EVENTS), [event_row(event) for event in events])


def _forget(connection: Connection, before: datetime, limit: int) -> int:
    is_waiting = exists().where(DELIVERIES.c.event_id == EVENTS.c.id, DELIVERIES.c.status == DeliveryStatus.PENDING)
    has_job = exists().where(JOBS.c.id == EVENTS.c.job_id)
    old = (
        select(EVENTS.c.id)
        .where(EVENTS.c.timestamp < before, ~is_waiting, ~has_job)
        .order_by(EVENTS.c.timestamp)
        .limit(limit)
    )
    ids = connection.execute(old).scalars().all()
    told = select(DELIVERIES.c.id).where(DELIVERIES.c.event_id.in_(ids)).limit(limit)
    deliveries = connection.execute(delete(DELIVERIES).where(DELIVERIES.c.id.in_(told))).rowcount
    is_told = exists().where(DELIVERIES.c.event_id == EVENTS.c.id)
    return deliveries + connection.execute(delete(EVENTS).where(EVENTS.c.id.in_(ids), ~is_told)).rowcount
