"""Events: the immutable announcements, in the order of the feed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, exists, func, insert, literal, select, tuple_

from store.database import mark_news
from store.dialects import announce_events, feed_end, json_values
from store.old_rows import delete_free
from store.records import DeliveryStatus, Event, EventFilter, FeedPage, Page
from store.rows import event_row, to_event
from store.tables import DELIVERIES, EVENTS, JOBS
from store.timing import timed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from store.database import Database
    from store.timing import Spent

ALL_EVENTS = EventFilter()

_LARGEST_PAGE = 4 * 1024 * 1024
"""Bytes of bodies after which a page ends, be they one event's."""

_SPAN = 50_000
"""A filter that nothing passes must hold up nobody."""


class Events:
    """The events of one database; one transaction looks through so many positions (`span`) at most."""

    def __init__(self, database: Database, span: int = _SPAN) -> None:
        self._database = database
        self._span = span

    async def of_job(self, job_id: str, limit: int, after: str | None = None) -> Page[Event]:
        """A page of a job's events, newest first; `after` is the position that the page before ended with."""
        query = select(EVENTS).where(EVENTS.c.job_id == job_id).order_by(EVENTS.c.position.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(EVENTS.c.position < int(after))
        events = await self._database.read(
            lambda connection: [to_event(row) for row in connection.execute(query).mappings()]
        )
        return Page(tuple(events[:limit]), str(events[limit - 1].position) if len(events) > limit else None)

    async def after(self, position: int, limit: int, wanted: EventFilter = ALL_EVENTS) -> FeedPage:
        """Up to `limit` wanted events behind a position, oldest first; none only where there are none up to the end.

        The end is a watermark: no event can ever appear at or below it that is not there already, and none above it is
        shown. So whoever goes on behind `FeedPage.end` never skips an event.
        """
        while True:
            # Not in the transaction that shows the events: that must begin later.
            watermark = await self.end()
            look = partial(_page, watermark=watermark, after=position, limit=limit, wanted=wanted, span=self._span)
            page = await self._database.read(look)
            if page.events or page.is_last:
                return page
            position = page.end

    async def end(self) -> int:
        """The watermark of the feed at this moment: behind it is what happens from now on."""
        return await self._database.read(feed_end)

    def when_told(self, call: Callable[[], None]) -> None:
        """Has `call` called, in the running event loop, after each commit that holds events, whoever wrote them."""
        loop = asyncio.get_running_loop()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(call)

        self._database.on_news = tell

    async def forget(self, before: datetime, limit: int, spent: Spent | None = None) -> int:
        """Deletes events from before a time, and their deliveries with the attempts, up to `limit` of either.

        Those of a job that is still there stay, and those that still wait for a subscriber. Returns how many rows of
        both are gone; an event that many were told of goes after its last delivery.
        """
        old = await self._find_old(before, limit)
        forget = timed(lambda connection: _forget(connection, old, limit), spent)
        return await self._database.write(forget) if old else 0

    async def _find_old(self, before: datetime, limit: int) -> list[str]:
        """The ids of up to `limit` events from before a time that may go, the oldest first.

        There may be many that stay before them, so they are looked for by a reader, and a span at a time.
        """
        found: list[str] = []
        place: _Place | None = None
        while len(found) < limit:
            look = partial(_old, after=place, before=before, limit=limit - len(found), span=self._span)
            ids, place = await self._database.read(look)
            found += ids
            if place is None:
                break
        return found


def insert_events(connection: Connection, events: Sequence[Event]) -> None:
    """Appends events to the feed, in this order; who follows it is told once they are durable."""
    if events:
        announce_events(connection)
        connection.execute(insert(EVENTS), [event_row(event) for event in events])
        mark_news(connection)


def _page(connection: Connection, watermark: int, after: int, limit: int, wanted: EventFilter, span: int) -> FeedPage:
    """What the next span behind a position holds; it begins at the first event there, whatever was forgotten."""
    first = connection.execute(select(func.min(EVENTS.c.position)).where(EVENTS.c.position > after)).scalar()
    # The events of a job have an index of their own.
    reach = watermark if first is None or wanted.job_ids else first + span - 1
    end = max(after, min(watermark, reach))
    events: list[Event] = []
    reached, size = after, 0
    with connection.execute(_query(connection, after, end, limit + 1, wanted)) as rows:
        for row in rows.mappings():
            if len(events) == limit or size > _LARGEST_PAGE:
                return FeedPage(tuple(events), reached, is_last=False)
            events.append(to_event(row))
            reached, size = row["position"], size + len(row["body"])
    return FeedPage(tuple(events), end, is_last=end >= watermark)


def _query(connection: Connection, after: int, end: int, limit: int, wanted: EventFilter) -> Select[tuple[object, ...]]:
    chosen = (EVENTS.c.position > after, EVENTS.c.position <= end, *_conditions(connection, wanted))
    # The positions are found in the index alone; only the rows that are shown are read.
    positions = select(EVENTS.c.position).where(*chosen).order_by(EVENTS.c.position).limit(limit)
    return select(EVENTS).where(EVENTS.c.position.in_(positions)).order_by(EVENTS.c.position)


def _conditions(connection: Connection, wanted: EventFilter) -> list[ColumnElement[bool]]:
    columns = {
        "type": wanted.types,
        "job_id": wanted.job_ids,
        "provider": wanted.providers,
        "kind": wanted.kinds,
    }
    conditions: list[ColumnElement[bool]] = [EVENTS.c[name].in_(values) for name, values in columns.items() if values]
    if wanted.tags:
        tag = json_values(connection, EVENTS.c.tags)
        conditions.append(exists(select(literal(1)).select_from(tag).where(tag.c.value.in_(wanted.tags))))
    return conditions


_MAY_GO = (
    ~exists().where(DELIVERIES.c.event_id == EVENTS.c.id, DELIVERIES.c.status == DeliveryStatus.PENDING.value),
    ~exists().where(JOBS.c.id == EVENTS.c.job_id),
)


_PLACE = (EVENTS.c.timestamp, EVENTS.c.position)
_Place: TypeAlias = tuple["datetime", int]


def _old(
    connection: Connection, after: _Place | None, before: datetime, limit: int, span: int
) -> tuple[Sequence[str], _Place | None]:
    """Which of the next `span` events behind a place in time may go, and where that ends; None: there are no more."""
    behind = [EVENTS.c.timestamp < before, *([tuple_(*_PLACE) > after] if after else [])]
    last = connection.execute(select(*_PLACE).where(*behind).order_by(*_PLACE).offset(span - 1).limit(1)).first()
    end = None if last is None else (last.timestamp, last.position)
    within = [*behind, *([tuple_(*_PLACE) <= end] if end else [])]
    query = select(EVENTS.c.id).where(*within, *_MAY_GO).order_by(*_PLACE).limit(limit)
    return connection.execute(query).scalars().all(), end


def _forget(connection: Connection, old: Sequence[str], limit: int) -> int:
    # Meanwhile one may have been taken up again.
    ids = connection.execute(select(EVENTS.c.id).where(EVENTS.c.id.in_(old), *_MAY_GO)).scalars().all()
    is_done = DELIVERIES.c.status != DeliveryStatus.PENDING.value
    told = select(DELIVERIES.c.id).where(DELIVERIES.c.event_id.in_(ids), is_done).limit(limit)
    deliveries = delete_free(connection, DELIVERIES, told)
    is_told = exists().where(DELIVERIES.c.event_id == EVENTS.c.id)
    untold = select(EVENTS.c.id).where(EVENTS.c.id.in_(ids), ~is_told)
    return deliveries + delete_free(connection, EVENTS, untold, ~is_told)
